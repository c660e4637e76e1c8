"""A world for programs that needs no host."""

import json
from collections.abc import Callable, Mapping, Sequence

from webinfra.outside import Answer, Failed, Request


class FakeClock:
    """Time that passes when somebody sleeps, and when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.seconds = now
        self.slept: list[float] = []
        # Called after each sleep.
        self.wakes: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self.wakes()


class MemoryFiles:
    """Files by path."""

    def __init__(self, **texts: str) -> None:
        self.texts: dict[str, str] = dict(texts)
        self.writes: list[str] = []
        self.private: set[str] = set()

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:  # noqa: ARG002
        self.writes.append(path)
        if private:
            self.private.add(path)
        self.texts[path] = text

    def remove(self, path: str) -> None:
        self.texts.pop(path, None)

    def names(self, folder: str) -> tuple[str, ...]:
        within = (path.removeprefix(f"{folder}/") for path in self.texts if path.startswith(f"{folder}/"))
        return tuple(sorted({rest.split("/", 1)[0] for rest in within}))

    def put(self, path: str, value: object) -> None:
        """Puts JSON there."""
        self.texts[path] = json.dumps(value)


class Said:
    """What was said, and what was complained of."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.complaints: list[str] = []

    def say(self, words: str) -> None:
        self.words.append(words)

    def complain(self, words: str) -> None:
        self.complaints.append(words)


class FakeCommands:
    """Remembers what was run. `answer` gives what a command prints, or raises Failed."""

    def __init__(self, answer: Callable[[Sequence[str]], str] = lambda _: "") -> None:
        self.answer = answer
        self.run_: list[tuple[str, ...]] = []
        self.environments: list[Mapping[str, str]] = []
        self.given: list[str | None] = []

    def run(self, command: Sequence[str], *, seconds: float, environment: Mapping[str, str] | None = None, given: str | None = None) -> str:  # noqa: ARG002
        self.run_.append(tuple(command))
        self.given.append(given)
        self.environments.append(environment or {})
        return self.answer(command)

    def lines(self) -> list[str]:
        return [" ".join(command) for command in self.run_]


class FakeWeb:
    """Servers by URL, as what they answer; who is not listed does not answer."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.asked: list[Request] = []

    def ask(self, request: Request, *, seconds: float) -> Answer:  # noqa: ARG002
        self.asked.append(request)
        if request.url not in self.answers:
            raise Failed(f"{request.url}: nobody answers")
        return self.answers[request.url]

    def put(self, url: str, body: str, status: int = 200, **headers: str) -> None:
        self.answers[url] = Answer(status, headers, body)
