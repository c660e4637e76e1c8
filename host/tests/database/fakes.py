"""What the database program is given in tests instead of a server, files and a clock."""

from collections.abc import Callable, Mapping, Sequence

from webinfra.database.mysql import MySQLFailed

Row = Mapping[str, object]


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Files:
    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = dict(texts or {})
        self.durable: list[str] = []

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:  # noqa: ARG002
        self.texts[path] = text
        if durable:
            self.durable.append(path)

    def remove(self, path: str) -> None:
        self.texts.pop(path, None)

    def names(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(path.removeprefix(f"{folder}/") for path in self.texts if path.startswith(f"{folder}/")))


class Server:
    """Records statements, and answers those that the test knows."""

    def __init__(self, answers: Mapping[str, Sequence[Row]] | None = None, fails: Mapping[str, MySQLFailed] | None = None) -> None:
        self.answers, self.fails = dict(answers or {}), dict(fails or {})
        self.said: list[str] = []
        self.arguments: list[object] = []
        self.seconds: list[float] = []
        self.before: Callable[[str], None] = lambda statement: None
        self.generation = 0

    def ends_connections(self) -> None:
        """As a server that starts anew does."""
        self.generation += 1

    def connect(self, seconds: float) -> "Connection":
        self.seconds.append(seconds)
        if "connect" in self.fails:
            raise self.fails["connect"]
        return Connection(self)


class Connection:
    def __init__(self, server: Server) -> None:
        self._server, self._generation = server, server.generation

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> Sequence[Row]:
        if self._server.generation != self._generation:
            raise MySQLFailed(2006, "MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))")
        plain = " ".join(statement.split())
        self._server.before(plain)
        self._server.said.append(plain)
        self._server.arguments.extend(arguments)
        for start, failure in self._server.fails.items():
            if plain.startswith(start):
                raise failure
        return next((rows for start, rows in self._server.answers.items() if plain.startswith(start)), ())

    def close(self) -> None:
        pass


class Host:
    def __init__(self) -> None:
        self.killed = 0
        self.words: list[str] = []

    def kill_mysql(self) -> None:
        self.killed += 1

    def say(self, words: str) -> None:
        self.words.append(words)
