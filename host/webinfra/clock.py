"""Time as hosts measure it."""

import time
from typing import Protocol


class Clock(Protocol):
    """A clock that only goes forward, also while the host is suspended, and that nobody can set."""

    def now(self) -> float:
        """Seconds since the host booted."""
        ...

    def sleep(self, seconds: float) -> None: ...


class BootClock:
    """The kernel's CLOCK_BOOTTIME: the wall clock may be wrong at boot and jump later."""

    def now(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
