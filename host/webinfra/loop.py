"""What the programs that never end have in common."""

import os
import traceback
from collections.abc import Callable
from threading import Thread

from webinfra.clock import Clock
from webinfra.log import Complaints, Log
from webinfra.outside import Failed


class Loop:
    """Takes one turn after another. A turn returns the seconds to rest after it; one that fails is said once, and rests for `after_failure`."""

    def __init__(self, clock: Clock, log: Log, turn: Callable[[], float], *, after_failure: float) -> None:
        self._clock = clock
        self._complaints = Complaints(log)
        self._turn = turn
        self._after_failure = after_failure

    def once(self) -> None:
        """One turn and its rest. What is no failure of the world outside is a fault of this program, and ends it: systemd starts it again."""
        try:
            pause = self._turn()
            self._complaints.about("")
        except (Failed, OSError) as failure:
            pause = self._after_failure
            self._complaints.about(str(failure))
        self._clock.sleep(pause)

    def forever(self) -> None:
        while True:
            self.once()


def in_background(work: Callable[[], None]) -> None:
    """Runs what never ends in a thread of its own. An answer that is never renewed would be a lie: when it ends, so does the program."""

    def run() -> None:
        try:
            work()
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        os._exit(1)

    Thread(target=run, daemon=True).start()
