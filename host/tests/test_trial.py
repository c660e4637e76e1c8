"""What is said of an application that is not healthy."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.fakes import FakeClock, MemoryFiles
from webinfra import places
from webinfra.outside import Answer, Failed, Request
from webinfra.trial import Application, Trial, World, cleaned

START = "/opt/shop/serve --fast"
UNIT = "webinfra-app@blue"
URL = "http://127.0.0.1:3000/health"


@dataclass
class Host:
    """Systemd's word of the application, and the application's own."""

    clock: FakeClock = field(default_factory=FakeClock)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    answer: Answer | str = "Connection refused"
    listens: bool = False
    # Seconds that an answer takes.
    takes: float = 0
    properties: dict[str, object] = field(default_factory=lambda: {"ActiveState": "active", "NRestarts": 0})
    # What systemd wrote in the program's stead, which files there are, and what ss prints.
    written: str = ""
    there: set[str] = field(default_factory=set)
    sockets: str | None = None

    def trial(self, start: str = START) -> Trial:
        application = Application(UNIT, start, 3000, "/health", "www.example.com")
        return Trial(application, World(self.files, self.clock, self, self, self))

    def words(self, start: str = START) -> tuple[str, str]:
        trouble = self.trial(start).look()
        assert trouble is not None
        return trouble.cause, trouble.words

    def ended(self, code: int, status: int, seconds: float = 0, result: str = "exit-code", restarts: int = 0) -> None:
        self.properties = {
            "ActiveState": "activating",
            "NRestarts": restarts,
            "Result": result,
            "ExecMainCode": code,
            "ExecMainStatus": status,
            "ExecMainStartTimestampMonotonic": 7_000_000,
            "ExecMainExitTimestampMonotonic": 7_000_000 + int(seconds * 1e6),
        }

    def run(self, command: Sequence[str], *, seconds: float, environment: object = None, given: object = None) -> str:  # noqa: ARG002
        match command[0]:
            case "systemctl":
                assert command[-1] == UNIT
                return "".join(f"{name}={value}\n" for name, value in self.properties.items())
            case "journalctl":
                assert f"_SYSTEMD_UNIT={UNIT}.service" in command
                return self.written
            case "test" if command[-1] in self.there:
                return ""
            case "ss" if self.sockets is not None:
                return self.sockets
        raise Failed(f"{command[0]} failed (1)")

    def ask(self, request: Request, *, seconds: float) -> Answer:  # noqa: ARG002
        assert (request.url, request.headers) == (URL, {"Host": "www.example.com"})
        self.clock.seconds += self.takes
        if isinstance(self.answer, str):
            raise Failed(f"{URL}: {self.answer}")
        return self.answer

    def reaches(self, host: str, port: int, *, seconds: float) -> bool:  # noqa: ARG002
        assert (host, port) == ("127.0.0.1", 3000)
        return self.listens


@pytest.fixture
def host() -> Host:
    return Host()


def step(name: str, why: str) -> str:
    found = f"Unable to locate executable '/opt/shop/serve': {why}"
    return f"{UNIT}.service: {found}\n{UNIT}.service: Failed at step {name} spawning /opt/shop/serve: {why}\n"


class TestAStartCommandThatCannotBeRun:
    @pytest.mark.parametrize(
        ("why", "said"),
        [
            ("No such file or directory", "no such file or directory"),
            ("Permission denied", "permission denied"),
            ("Exec format error", "exec format error"),
        ],
    )
    def test_is_named_with_the_reason(self, host: Host, why: str, said: str) -> None:
        host.ended(1, 203)
        host.written = step("EXEC", why)
        words = f'the application\'s start command cannot be run: /opt/shop/serve: {said} (exit status 203/EXEC, app.start is "{START}")'
        assert host.words() == ("start", words)

    def test_may_be_a_script_without_its_interpreter(self, host: Host) -> None:
        host.ended(1, 203)
        host.written = step("EXEC", "No such file or directory")
        host.there.add("/opt/shop/serve")
        what = "/opt/shop/serve is there, but not the interpreter that it names"
        words = f'the application\'s start command cannot be run: {what} (exit status 203/EXEC, app.start is "{START}")'
        assert host.words() == ("start", words)

    @pytest.mark.parametrize(("status", "what"), [(126, "a command that may not be executed"), (127, "a command that does not exist")])
    def test_may_be_what_a_shell_did_not_find(self, host: Host, status: int, what: str) -> None:
        host.ended(1, status)
        assert host.words("/usr/bin/env ./serve") == (
            "start",
            f'the application\'s start command cannot be run: exit code {status}, {what} (app.start is "/usr/bin/env ./serve")',
        )

    def test_is_not_what_systemd_could_not_set_up(self, host: Host) -> None:
        host.ended(1, 226)
        host.written = step("NAMESPACE", "No such file or directory")
        words = "the application's process cannot be set up: step NAMESPACE: No such file or directory (exit status 226)"
        assert host.words() == ("end", words)

    def test_names_the_key_where_the_host_was_not_told_the_command(self, host: Host) -> None:
        host.ended(1, 127)
        assert host.words("")[1].endswith("(look at app.start)")


class TestOneThatEnds:
    @pytest.mark.parametrize(
        ("code", "status", "result", "said"),
        [
            (1, 1, "exit-code", "ended after 5 s with exit code 1"),
            # Its own, and not systemd's: nothing says that a step failed.
            (1, 203, "exit-code", "ended after 5 s with exit code 203"),
            (1, 0, "success", "ended after 5 s with exit code 0, and has to go on running"),
            (2, 11, "signal", "was ended after 5 s by signal 11 (SIGSEGV)"),
            (3, 6, "core-dump", "was ended after 5 s by signal 6 (SIGABRT)"),
            (2, 99, "signal", "was ended after 5 s by signal 99"),
            (2, 9, "oom-kill", "was killed after 5 s: it has no more memory"),
        ],
    )
    def test_is_told_how(self, host: Host, code: int, status: int, result: str, said: str) -> None:
        host.ended(code, status, 5.6, result)
        assert host.words() == ("end", f'the application {said} (app.start is "{START}")')

    def test_again_and_again_is_told_how_often_also_while_it_is_up(self, host: Host) -> None:
        trial = host.trial()
        host.ended(1, 1, 5, restarts=2)
        words = f'the application ended after 5 s with exit code 1, 3 times in a row (app.start is "{START}")'
        found = trial.look()
        assert (found is not None and found.words, trial.restarts) == (words, 2)
        host.properties = {"ActiveState": "active", "NRestarts": 3}
        found = trial.look()
        assert (found is not None and found.words, trial.restarts) == (words, 3)


class TestOneThatRuns:
    def test_and_does_not_listen(self, host: Host) -> None:
        trial = host.trial()
        host.clock.seconds += 12
        found = trial.look()
        assert found is not None
        assert found.cause == "silence"
        assert found.words == f'the application runs, but nothing listens on port 3000 (PORT) after 12 s (app.start is "{START}")'

    def test_and_listens_elsewhere(self, host: Host) -> None:
        own = "cgroup:/system.slice/system-webinfra\\x2dapp.slice/webinfra-app@blue.service"
        other = own.replace("blue", "green")
        listening = {"*:8080": own, "[::1]:9229": own, "127.0.0.1:3001": other}
        lines = [f"LISTEN 0 511 {address} 0.0.0.0:* {group}   " for address, group in listening.items()]
        host.sockets = "\n".join([*lines, "LISTEN 0 4096 0.0.0.0:9000"])
        words = f'the application runs, but nothing listens on port 3000 (PORT) after 0 s, but on *:8080, [::1]:9229 (app.start is "{START}")'
        assert host.words() == ("silence", words)

    def test_and_answers_badly(self, host: Host) -> None:
        host.answer = Answer(500, {}, "no database:\n\x1b[31mboom\x1b[0m\n")
        words = 'GET /health answers 500 and not 200: "no database: boom" (app.healthPath is "/health")'
        assert host.words() == ("health", words)

    def test_and_answers_nothing(self, host: Host) -> None:
        host.answer = Answer(404, {}, "\n")
        assert host.words() == ("health", 'GET /health answers 404 and not 200 (app.healthPath is "/health")')

    @pytest.mark.parametrize("status", [204, 302])
    def test_and_answers_what_the_proxy_does_not_take(self, host: Host, status: int) -> None:
        host.answer = Answer(status, {}, "")
        assert host.words()[1].startswith(f"GET /health answers {status} and not 200 (")

    def test_and_does_not_answer_in_time(self, host: Host) -> None:
        host.answer, host.listens, host.takes = "timed out", True, 10
        assert host.words() == ("health", 'GET /health is not answered within 10 s (app.healthPath is "/health")')

    def test_and_cuts_the_connection(self, host: Host) -> None:
        host.answer, host.listens = "Remote end closed connection without response", True
        words = 'GET /health is not answered (Remote end closed connection without response) (app.healthPath is "/health")'
        assert host.words() == ("health", words)

    def test_and_shows_no_secret(self, host: Host) -> None:
        host.files.texts[places.APPLICATION] = 'DATABASE_WRITE_PASSWORD="s3cret\\"word"\n'
        host.answer = Answer(500, {}, 'login as app with s3cret"word')
        assert '"login as app with [secret]"' in host.words()[1]

    def test_and_is_healthy(self, host: Host) -> None:
        host.answer = Answer(200, {}, "ok")
        trial = host.trial()
        assert trial.look() is None
        host.clock.seconds += 4
        assert trial.look() is None
        assert trial.steady() == 4
        # Another process: it ended in the meantime.
        host.properties["NRestarts"] = 1
        assert trial.look() is None
        assert trial.steady() == 0
        host.clock.seconds += 1
        host.answer = Answer(503, {}, "")
        assert trial.look() is not None
        assert trial.steady() == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" a\r\n\tb\x00\x1b[1;31mc\x1b[0m ", "a b c"),
        ("<!DOCTYPE html><html><head><title>x</title></head><body><h1>Error</h1>\n<script>var a</script><p>boom</p></body>", "Error boom"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("x" * 30, "x" * 20 + "…"),
    ],
)
def test_is_cleaned(text: str, shown: str) -> None:
    assert cleaned(text, 20) == shown
