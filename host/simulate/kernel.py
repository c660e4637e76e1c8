"""Virtual time, and programs that wait in it."""

import heapq
import random
from collections.abc import Callable

import greenlet

# Seconds between two looks whether a place is still frozen.
THAW = 0.25


class Broken(BaseException):
    """What must always hold does not. No program can catch it."""


class Died(BaseException):
    """Ends a program in the middle of whatever it waits for, as a kill would."""


class Place:
    """Where tasks run: nothing there goes on while it is frozen."""

    def __init__(self) -> None:
        self.frozen_until = 0.0

    def frozen(self, now: float) -> float:
        """Seconds to wait before the next look whether it still is; 0 when it is not. A freeze may end sooner than it was to."""
        return max(0.0, min(self.frozen_until - now, THAW))


class Kernel:
    """One history's events, in the order of their times."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.steps = 0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._hub = greenlet.getcurrent()
        self.broken: Broken | None = None

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + seconds, self._count, call))

    def every(self, place: Place, seconds: float, call: Callable[[], object], alive: Callable[[], bool]) -> None:
        """Calls again and again with a little jitter, until `alive` says no."""

        def turn() -> None:
            if not alive():
                return
            frozen = place.frozen(self.now)
            if frozen:
                self.after(frozen, turn)
                return
            call()
            self.after(seconds * self.random.uniform(0.8, 1.2), turn)

        self.after(seconds * self.random.random(), turn)

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, call = heapq.heappop(self._queue)
            self.steps += 1
            call()
            if self.broken is not None:
                raise self.broken
        self.now = until

    def spawn(self, place: Place, program: Callable[[], object], ended: Callable[[BaseException | None], object]) -> "Task":
        return Task(self, place, program, ended)

    def switch_to_hub(self) -> None:
        self._hub.switch()

    def wait(self, seconds: float) -> None:
        """Lets time pass for the program that calls this."""
        task = Task.current()
        self.after(seconds, task.resume)
        self._hub.switch()


class Task:
    """A program that runs at a place."""

    def __init__(self, kernel: Kernel, place: Place, program: Callable[[], object], ended: Callable[[BaseException | None], object]) -> None:
        self._kernel, self._place = kernel, place
        self.dead = False

        def body() -> None:
            problem: BaseException | None = None
            try:
                program()
            except Died:
                return
            except Broken as error:
                kernel.broken = error
                return
            except Exception as error:  # noqa: BLE001
                problem = error
            self.dead = True
            ended(problem)

        self._greenlet = Running(self, body)
        kernel.after(0, self.resume)

    @staticmethod
    def current() -> "Task":
        running = greenlet.getcurrent()
        assert isinstance(running, Running), "only a program can wait"
        return running.task

    def resume(self) -> None:
        if self.dead:
            return
        frozen = self._place.frozen(self._kernel.now)
        if frozen:
            self._kernel.after(frozen, self.resume)
            return
        self._greenlet.switch()

    def kill(self) -> None:
        """Ends it where it waits. Must not be called by the program itself."""
        if not self.dead:
            self.dead = True
            if self._greenlet:
                self._greenlet.throw(Died)


class Running(greenlet.greenlet):
    def __init__(self, task: Task, body: Callable[[], None]) -> None:
        super().__init__(body)
        self.task = task
