"""`python -m simulate`: histories from seeds, and what they break.

    --seed N --count N   these seeds (default: 1 to 60)
    --minutes N          new ones for so long, after those
    --log                tells the whole history of each that breaks something

Ends with 1 when one did.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from .history import Result, history
from .shipped import Shipped


def run(seed: int) -> Result:
    return history(seed, Shipped)


def seeds(first: int, count: int, minutes: float) -> Iterator[int]:
    yield from range(first, first + count)
    ends = time.monotonic() + 60 * minutes
    seed = int.from_bytes(os.urandom(4), "big")
    while time.monotonic() < ends:
        seed += 1
        yield seed


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--log", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    histories = steps = acknowledged = broken = 0
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for result in ahead(pool, options):
            histories, steps, acknowledged = histories + 1, steps + result.steps, acknowledged + result.acknowledged
            if result.problem is not None:
                broken += 1
                lines = (*result.log, "") if options.log else ()
                print("\n".join((*lines, f"seed {result.seed}: {result.problem}")), flush=True)
    seconds = time.monotonic() - started
    print(f"{histories} histories, {steps} steps, {acknowledged} acknowledged writes, {histories / seconds:.1f} histories a second, {broken} broken")
    return 1 if broken else 0


def ahead(pool: "multiprocessing.pool.Pool", options: argparse.Namespace) -> Iterator[Result]:
    """The results in the order of their seeds. Some histories ahead and no more, so that the minutes end when they are over."""
    going = []
    for seed in seeds(options.seed, options.count, options.minutes):
        going.append(pool.apply_async(run, (seed,)))
        if len(going) > 2 * (os.cpu_count() or 1):
            yield going.pop(0).get()
    for one in going:
        yield one.get()


if __name__ == "__main__":
    sys.exit(main())
