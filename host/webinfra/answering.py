"""Answers short questions over HTTP from memory, in one thread: many proxies ask often, and a thread a question costs more than its answer."""

import contextlib
import selectors
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from webinfra.clock import Clock

# Who asks gets as long as this to say what, and to take the answer.
PATIENCE: Final = 5.0
# The first file that systemd hands over (sd_listen_fds).
_FIRST_INHERITED: Final = 3
_LONGEST: Final = 8192
_END: Final = b"\r\n\r\n"
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


@dataclass
class Conversation:
    """One connection: a question, and what of the answer is still to be sent."""

    connection: socket.socket
    until: float
    question: bytes = b""
    answer: memoryview = field(default_factory=lambda: memoryview(b""))


def listen(address: tuple[str, int]) -> socket.socket:
    # All proxies ask at once after a restart; a check that waits counts as failed.
    return socket.create_server(address, backlog=128)


def inherited(environment: Mapping[str, str], pid: int) -> socket.socket | None:
    """The socket that systemd holds for this process, also while it restarts; None when it holds none."""
    if environment.get("LISTEN_PID") != str(pid) or environment.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=_FIRST_INHERITED)


class AnswerServer:
    """`answer` gives status and JSON text for a path, and waits for nothing."""

    def __init__(self, listening: socket.socket, clock: Clock, answer: Callable[[str], tuple[int, str]]) -> None:
        self._clock = clock
        self._answer = answer
        self._listening = listening
        # Woken once a question, not also when its connection comes: on an idle host waking up is most of what an answer costs.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(PATIENCE))
        self._listening.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._open: dict[int, Conversation] = {}

    @property
    def port(self) -> int:
        name: tuple[str, int] = self._listening.getsockname()
        return name[1]

    def turn(self, seconds: float) -> None:
        """Answers what there is, and waits so long for it at most."""
        for key, _ in self._selector.select(seconds):
            if key.fd in self._open:
                self._go_on(self._open[key.fd])
            else:
                self._accept()
        now = self._clock.now()
        for late in [one for one in self._open.values() if one.until < now]:
            self._end(late)

    def forever(self) -> None:
        while True:
            self.turn(1.0)

    def close(self) -> None:
        for one in tuple(self._open.values()):
            self._end(one)
        self._selector.close()
        self._listening.close()

    def _accept(self) -> None:
        # One that was reset meanwhile, or no file is left for: who asked asks again.
        with contextlib.suppress(OSError):
            connection, _ = self._listening.accept()
            connection.settimeout(0)
            one = Conversation(connection, self._clock.now() + PATIENCE)
            # The question is there, mostly, and who is answered at once need not be watched.
            wants = self._advance(one)
            if wants:
                self._open[connection.fileno()] = one
                self._selector.register(connection, wants)
            else:
                connection.close()

    def _go_on(self, one: Conversation) -> None:
        wants = self._advance(one)
        if wants:
            self._selector.modify(one.connection, wants)
        else:
            self._end(one)

    def _advance(self, one: Conversation) -> int:
        """Takes the question and gives the answer as far as that goes now; what it waits for then, 0 when it is over."""
        try:
            if one.answer or self._asked(one):
                one.answer = one.answer[one.connection.send(one.answer) :]
                return selectors.EVENT_WRITE if one.answer else 0
        except BlockingIOError:
            return selectors.EVENT_WRITE if one.answer else selectors.EVENT_READ
        except OSError:
            # Proxies reset a check's connection as soon as they have the status.
            return 0
        return selectors.EVENT_READ

    def _asked(self, one: Conversation) -> bool:
        """Whether the question is there, and then its answer too."""
        part = one.connection.recv(_LONGEST)
        one.question += part
        if _END in one.question:
            one.answer = memoryview(self._respond(one.question))
        elif not part or len(one.question) > _LONGEST:
            raise ConnectionError
        return bool(one.answer)

    def _respond(self, question: bytes) -> bytes:
        method, path, *_ = [*question.split(b"\r\n", 1)[0].decode("ascii", errors="replace").split(" "), "", ""]
        if method != "GET":
            status, text = (405, "{}") if path.startswith("/") else (400, "{}")
        else:
            status, text = self._answer(path)
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        return "\r\n".join(head).encode() + _END + body

    def _end(self, one: Conversation) -> None:
        del self._open[one.connection.fileno()]
        self._selector.unregister(one.connection)
        one.connection.close()
