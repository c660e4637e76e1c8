"""What hosts get, and what of the world its programs see."""

import ast
import gc
import http.server
import os
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes import FakeClock, Said
from webinfra.__main__ import PROGRAMS
from webinfra.files import Disk
from webinfra.loop import Loop
from webinfra.outside import Failed, Internet, Request, Shell
from webinfra.proxy_socket import ProxySocket, statistics
from webinfra.replication import LocalMySQL
from webinfra.settings import machine_id

ROOT = Path(__file__).parents[1]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "webinfra").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_needs_nothing_but_pythons_own_library_and_pymysql(path: Path) -> None:
    assert imported(path) <= {*sys.stdlib_module_names, "webinfra", "pymysql"}


def test_the_launcher_names_the_programs_from_wherever_it_is_linked_to(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(ROOT)
    done = subprocess.run([tmp_path / "current/webinfra-host", "nonsense"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"usage: webinfra-host {'|'.join(PROGRAMS)}\n"


@pytest.mark.parametrize("program", ["sync", "agent", "release", "address"])
def test_a_program_without_settings_says_so(program: str) -> None:
    done = subprocess.run([ROOT / "webinfra-host", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"/etc/webinfra/{program}.json holds no settings" in done.stderr


class TestTheLoop:
    def test_says_a_failure_once_until_it_changes_and_goes_on(self) -> None:
        failures: list[Exception | None] = [Failed("a"), Failed("a"), OSError("b"), None, Failed("b")]
        clock, log = FakeClock(), Said()

        def turn() -> float:
            failure = failures.pop(0)
            if failure is not None:
                raise failure
            return 3

        loop = Loop(clock, log, turn, after_failure=1)
        for _ in range(5):
            loop.once()
        assert log.complaints == ["a", "b", "b"]
        assert clock.slept == [1, 1, 1, 3, 1]

    def test_ends_with_a_fault_of_the_program(self) -> None:
        def turn() -> float:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            Loop(FakeClock(), Said(), turn, after_failure=1).forever()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/else")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
        else:
            self.send_response(503)
            self.send_header("X-Page-Servers", "2")
            self.end_headers()
            self.wfile.write(f"{self.path} {self.headers['Host']}".encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


class TestTheWeb:
    def test_tells_what_a_server_answers_whatever_the_status(self) -> None:
        with server() as url:
            answer = Internet().ask(Request(f"{url}/a?b=c", headers={"Host": "www.example.com"}), seconds=5)
        assert (answer.status, answer.headers["x-page-servers"], answer.body) == (503, "2", "/a?b=c www.example.com")

    def test_follows_no_redirection(self) -> None:
        with server() as url:
            assert Internet().ask(Request(f"{url}/moved"), seconds=5).status == 302

    def test_gives_up_an_answer_that_does_not_end(self) -> None:
        with server() as url, pytest.raises(Failed, match="the answer does not end"):
            Internet().ask(Request(f"{url}/endless"), seconds=5)

    def test_says_when_nobody_answers(self) -> None:
        with pytest.raises(Failed, match=r"^http://127\.0\.0\.1:1/: .*refused"):
            Internet().ask(Request("http://127.0.0.1:1/"), seconds=5)
        assert not Internet().reaches("127.0.0.1", 1, seconds=5)


class TestCommands:
    def shell(self) -> Shell:
        return Shell({"PATH": os.environ["PATH"], "A": "1", "B": "1"})

    def test_give_what_they_print(self) -> None:
        assert self.shell().run(("sh", "-c", "echo $A$B"), seconds=5, environment={"B": "2"}) == "12\n"

    def test_that_fail_say_why(self) -> None:
        with pytest.raises(Failed, match=r"^sh failed \(3\): broken$"):
            self.shell().run(("sh", "-c", "echo broken >&2; exit 3"), seconds=5)
        with pytest.raises(Failed, match=r"^sleep did not end within 0\.1 s$"):
            self.shell().run(("sleep", "9"), seconds=0.1)
        with pytest.raises(Failed, match=r"^no-such-command: "):
            self.shell().run(("no-such-command",), seconds=5)


def test_the_proxys_socket_is_asked_one_thing_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with pytest.raises(Failed, match=r"s does not answer: "):
        ProxySocket(path).tell("show stat")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    asked: list[bytes] = []

    def answer() -> None:
        connection, _ = listening.accept()
        asked.append(connection.recv(100))
        connection.sendall(b"# pxname\n")
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    assert ProxySocket(path).tell("show stat") == "# pxname\n"
    thread.join()
    listening.close()
    assert asked == [b"show stat\n"]


def test_the_proxys_statistics_go_by_the_names_of_their_columns() -> None:
    web, app = statistics('# pxname,svname,status,last_chk,\nweb,web-1,UP,"HTTP status, 200",\napp,blue\n\n')
    assert (web["svname"], web["status"], web["last_chk"]) == ("web-1", "UP", "HTTP status, 200")
    # What a line does not say is empty.
    assert (app["svname"], app["status"]) == ("blue", "")
    assert statistics("") == []


def test_a_mysql_that_is_not_there_is_a_failure() -> None:
    mysql = LocalMySQL()
    # pymysql leaves the socket that found nobody to the garbage collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(2):
            with pytest.raises(Failed):
                mysql.look()
        gc.collect()


class TestTheDisk:
    def test_replaces_a_file_in_one_step(self, tmp_path: Path) -> None:
        path = tmp_path / "folder/file"
        for durable in (False, True):
            Disk().write(str(path), f"{durable}", durable=durable)
            assert Disk().read(str(path)) == f"{durable}"
        assert path.stat().st_mode & 0o777 == 0o644
        assert Disk().names(str(tmp_path / "folder")) == ("file",)

    def test_reads_nothing_where_there_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "binary").write_bytes(b"\xff")
        assert [Disk().read(str(tmp_path / name)) for name in ("binary", "nothing", ".")] == [None] * 3
        assert Disk().names(str(tmp_path / "nothing")) == ()
        Disk().remove(str(tmp_path / "nothing"))

    def test_knows_the_machine(self) -> None:
        assert machine_id(Disk()) == ""
