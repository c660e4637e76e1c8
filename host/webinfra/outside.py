"""What programs do to the world beyond files: commands, questions over HTTP, connections."""

import http.client
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

# Much more than the longest answer of a host; what is longer is no answer.
_MOST_BYTES = 16 * 2**20


class Failed(Exception):
    """What was tried did not work, and why: the next try may."""


class Slow(Failed):
    """No answer in time, from something that may just be busy."""


class Commands(Protocol):
    def run(self, command: Sequence[str], *, seconds: float, environment: Mapping[str, str] | None = None, given: str | None = None) -> str:
        """What a command prints; Failed when it ends with another code than 0, or not in time. `environment` goes over this program's own, `given` is
        what it reads."""
        ...


@dataclass(frozen=True)
class Request:
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    # By lower-case names.
    headers: Mapping[str, str]
    body: str


class Web(Protocol):
    def ask(self, request: Request, *, seconds: float) -> Answer:
        """What a server answers, whatever the status; redirections are not followed. Failed when it does not."""
        ...


class Network(Protocol):
    def reaches(self, host: str, port: int, *, seconds: float) -> bool:
        """Whether a connection can be made."""
        ...


class Shell:
    """Commands of this host."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def run(self, command: Sequence[str], *, seconds: float, environment: Mapping[str, str] | None = None, given: str | None = None) -> str:
        try:
            done = subprocess.run(
                command,
                check=True,
                input=given or "",
                capture_output=True,
                text=True,
                timeout=seconds,
                env={**self._environment, **(environment or {})},
            )
        except subprocess.CalledProcessError as error:
            raise Failed(f"{command[0]} failed ({error.returncode}): {str(error.stderr).strip()[-400:]}") from error
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{command[0]} did not end within {seconds:g} s") from error
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"{command[0]}: {error}") from error
        return done.stdout


class Internet:
    """Servers that this host can reach. Not through urllib: that follows redirections, and proxies of the environment."""

    def ask(self, request: Request, *, seconds: float) -> Answer:
        parts = urlsplit(request.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        ends = time.monotonic() + seconds
        try:
            connection.request(request.method, target, body=request.body, headers=dict(request.headers))
            answer = connection.getresponse()
            body = b""
            while part := answer.read1(65536):
                body += part
                # A server that sends a little now and then would keep the one who asks for ever.
                if len(body) > _MOST_BYTES or time.monotonic() > ends:
                    raise Failed(f"{request.url}: the answer does not end")
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, body.decode(errors="replace"))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failed(f"{request.url}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def reaches(self, host: str, port: int, *, seconds: float) -> bool:
        try:
            socket.create_connection((host, port), timeout=seconds).close()
        except OSError:
            return False
        return True
