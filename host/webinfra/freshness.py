"""How old the data of a replica is.

A replica is as fresh as the newest moment at which everything that the primary had executed then is executed here. What MySQL says of its own lag is
nothing to go by: between two transactions of a long backlog it is 0.
"""

from dataclasses import dataclass
from typing import Final

from webinfra.gtid import GtidSet

# Seconds. A look at the primary that is older says nothing of now.
RECENT: Final = 2.0
# Looks that are remembered.
MOST: Final = 64
# Seconds without a break that a replica has to be well within the bound before it is read again.
STEADY: Final = 2.0


@dataclass(frozen=True)
class Sample:
    """What the primary had executed, and when it looked."""

    at: float
    executed: GtidSet


class Freshness:
    """Looks at the primary that this server has not caught up with yet, and the newest one that it has."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        # Oldest first.
        self._ahead: list[Sample] = []
        self._reached: float | None = None

    def saw(self, sample: Sample) -> None:
        """The primary was looked at."""
        if self._ahead and sample.at <= self._ahead[-1].at:
            return
        if self._ahead and self._ahead[-1].executed == sample.executed:
            # It has written nothing since: whoever has caught up with the one has caught up with the other.
            self._ahead[-1] = sample
            return
        self._ahead.append(sample)
        if len(self._ahead) > self._most:
            # The older ones lie further apart each time: a lag of an hour need not be known to the second.
            self._ahead = [self._ahead[0], *self._ahead[1:-1:2], self._ahead[-1]]

    def lag(self, now: float, executed: GtidSet) -> float | None:
        """Seconds by which a server that has executed this is behind; None while that cannot be told."""
        for index in range(len(self._ahead) - 1, -1, -1):
            sample = self._ahead[index]
            if sample.executed <= executed:
                self._reached = max(sample.at, self._reached or 0.0)
                del self._ahead[: index + 1]
                break
        if self._reached is None:
            return None
        behind = max(0.0, now - self._reached)
        return 0.0 if not self._ahead and behind <= RECENT else behind


class Readable:
    """Whether a replica is in the read pool. It leaves at once, and comes back after it stayed well within the bound: else it would come and go.

    At the very beginning it need not have stayed, unless it was seen to be behind: an agent that restarts must not take its replica from the pool.
    """

    def __init__(self, most_lag: float) -> None:
        # May be changed at any time.
        self.most_lag = most_lag
        self._within = False
        self._left = False
        self._began: float | None = None
        # Since when it is well within the bound.
        self._well_since: float | None = None

    def look(self, now: float, lag: float | None) -> bool:
        """`lag`: None for what is no replica that can be read, whatever the reason."""
        self._began = now if self._began is None else self._began
        beginning = now - self._began < STEADY and not self._left
        if lag is None or lag > self.most_lag / 2:
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        if lag is None or lag > self.most_lag:
            self._within, self._left = False, self._left or self._within or lag is not None
        elif self._well_since is not None and (beginning or now - self._well_since >= STEADY):
            self._within = True
        return self._within
