"""The runtime API of an HAProxy on this host."""

import csv
import socket
from collections.abc import Mapping
from typing import Protocol

from webinfra.outside import Failed


class Proxy(Protocol):
    def tell(self, command: str) -> str:
        """What it answers; Failed when it is not there."""
        ...


def statistics(answer: str) -> list[Mapping[str, str]]:
    """The lines of an answer to `show stat`, each by HAProxy's names of its columns: new versions put new columns anywhere."""
    return list(csv.DictReader(answer.removeprefix("# ").splitlines(), restval=""))


class ProxySocket:
    def __init__(self, path: str, *, seconds: float = 5) -> None:
        self._path = path
        self._seconds = seconds

    def tell(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._seconds)
            try:
                connection.connect(self._path)
                connection.sendall(f"{command}\n".encode())
                answer = b""
                while part := connection.recv(65536):
                    answer += part
            except OSError as error:
                raise Failed(f"{self._path} does not answer: {error}") from error
        return answer.decode(errors="replace")
