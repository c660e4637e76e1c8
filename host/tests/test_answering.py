import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from webinfra.answering import PATIENCE, AnswerServer, inherited, listen

LONG = "x" * 8_000_000


class Asked:
    """A server that a test turns by hand, with a clock of its own."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.paths: list[str] = []
        self.server = AnswerServer(listen(("127.0.0.1", 0)), self.clock, self.answer)

    def answer(self, path: str) -> tuple[int, str]:
        self.paths.append(path)
        return (200, LONG) if path == "/long" else (503, "{}")

    def connect(self, said: bytes) -> socket.socket:
        """A connection that begins so."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=5)
        connection.sendall(said)
        self.server.turn(5)
        return connection

    def read(self, connection: socket.socket) -> bytes:
        found = b""
        connection.settimeout(0.01)
        for _ in range(10_000):
            self.server.turn(0)
            try:
                part = connection.recv(1 << 20)
            except TimeoutError:
                continue
            if not part:
                return found
            found += part
        raise AssertionError(f"no end after {len(found)} bytes")


@pytest.fixture
def asked() -> Iterator[Asked]:
    one = Asked()
    yield one
    one.server.close()


def test_a_question_that_comes_in_parts_is_answered_once_it_is_whole(asked: Asked) -> None:
    with asked.connect(b"GET /pri") as connection:
        for part in (b"mary HTTP/1.0\r\nHost: x\r\n", b"\r\n"):
            assert asked.paths == []
            connection.sendall(part)
            asked.server.turn(5)
        said = asked.read(connection)
    assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert said.endswith(b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    assert asked.paths == ["/primary"]


def test_an_answer_that_is_longer_than_what_the_kernel_holds_comes_whole(asked: Asked) -> None:
    with asked.connect(b"GET /long HTTP/1.1\r\n\r\n") as connection:
        assert asked.read(connection).endswith(LONG.encode())


@pytest.mark.parametrize(("question", "status"), [(b"POST /state HTTP/1.1", b"405"), (b"hello", b"400"), (b"\xff \xff \xff", b"400")])
def test_what_is_no_question_is_told_so(asked: Asked, question: bytes, status: bytes) -> None:
    with asked.connect(question + b"\r\n\r\n") as connection:
        assert asked.read(connection).split(b" ")[1] == status


def test_who_says_nothing_or_too_much_is_left_and_holds_up_nobody(asked: Asked) -> None:
    with asked.connect(b"G") as silent, asked.connect(b"x" * 8193) as endless, asked.connect(b"GET /primary HTTP/1.1\r\n\r\n") as other:
        assert asked.read(other).startswith(b"HTTP/1.1 503")
        with contextlib.suppress(ConnectionError):
            assert asked.read(endless) == b""
        asked.clock.seconds += PATIENCE + 1
        asked.server.turn(0)
        assert silent.recv(1) == b""


def test_who_leaves_before_the_answer_hurts_nobody(asked: Asked) -> None:
    for _ in range(3):
        with asked.connect(b"GET /long HTTP/1.1\r\n\r\n") as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        asked.server.turn(0.01)
    with asked.connect(b"GET /primary HTTP/1.1\r\n\r\n") as connection:
        assert asked.read(connection).startswith(b"HTTP/1.1 503")


def test_a_question_that_came_before_the_program_began_is_answered_by_it() -> None:
    # As while the agent restarts: systemd holds the socket, and the question waits in it.
    with listen(("127.0.0.1", 0)) as held, socket.create_connection(held.getsockname(), timeout=5) as connection:
        connection.sendall(b"GET /primary HTTP/1.0\r\n\r\n")
        server = AnswerServer(held.dup(), FakeClock(), lambda _: (200, "{}"))
        server.turn(5)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        server.close()


@pytest.mark.parametrize("environment", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "6"}, {"LISTEN_FDS": "2", "LISTEN_PID": "7"}])
def test_a_socket_that_is_not_for_this_program_is_left_alone(environment: dict[str, str]) -> None:
    assert inherited(environment, 7) is None


def test_the_socket_that_systemd_hands_over_is_taken() -> None:
    program = (
        "import os; from webinfra.answering import AnswerServer, inherited; from webinfra.clock import BootClock; "
        "os.environ['LISTEN_PID'] = str(os.getpid()); found = inherited(os.environ, os.getpid()); "
        "AnswerServer(found, BootClock(), lambda path: (200, path)).turn(5)"
    )
    with listen(("127.0.0.1", 0)) as held, socket.create_connection(held.getsockname(), timeout=5) as connection:
        connection.sendall(b"GET /state HTTP/1.0\r\n\r\n")
        # As systemd does: the third file, by that number.
        shell = f'exec 3<&{held.fileno()}; exec {sys.executable} -c "$0"'
        environment = {"LISTEN_FDS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
        subprocess.run(["/bin/bash", "-c", shell, program], pass_fds=[held.fileno()], env=environment, check=True, timeout=30)
        assert connection.recv(1 << 16).endswith(b"/state")
