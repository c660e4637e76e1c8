"""`python -m simulate [--seed N] [--count N] [--minutes N]`: histories from seeds, and what they break."""

import argparse
import collections
import sys
import time

from .history import history
from .shipped import Shipped


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--log", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    found: dict[str, list[int]] = collections.defaultdict(list)
    steps = 0
    for seed in range(options.seed, options.seed + options.count):
        result = history(seed, Shipped)
        steps += result.steps
        if result.problem:
            found[result.problem[:60]].append(seed)
            if options.log:
                print("\n".join(result.log))
                print(result.problem)
    seconds = time.monotonic() - started
    print(f"{options.count} histories, {steps} steps, {options.count / seconds:.1f} histories a second")
    for problem, seeds in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(seeds):4} {problem}: {seeds[:6]}")
    return 1 if found else 0


sys.exit(main())
