"""What bare numpy gains from a second process: ``python -m bench._bare ROUNDS`` computes when told to.

Arrays of a shard's size and steps like a watch's (logarithms, sums along the days, sorts), one thread a process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping

import numpy as np

from bench import _stack

LISTINGS, DAYS = 200, 420
NICE = 5


def compute(rounds: int) -> float:
    """Do the same so often; the sum keeps anybody from leaving it out."""
    values = np.random.default_rng(1).gamma(4.0, 25.0, (LISTINGS, DAYS))
    total = 0.0
    for _ in range(rounds):
        logs = np.log(values + 0.5)
        level = np.cumsum(values, axis=1) / np.arange(1, DAYS + 1)
        far = np.abs(values - level) > 2.0 * np.sqrt(level)
        middle = np.sort(np.where(far, level, values), axis=0)[LISTINGS // 2]
        total += float(np.exp(logs - np.log(middle)).sum())
    return total


def seconds(processes: int, rounds: int, env: Mapping[str, str]) -> float:
    """Return how long so many processes take for the same work in all."""
    # As Celery's processes are, so that what else the machine does weighs on both alike.
    command = ["nice", "-n", str(NICE), sys.executable, "-m", "bench._bare", str(rounds // processes)]
    started = [
        subprocess.Popen(
            command, env=dict(env), cwd=_stack.CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]  # fmt: skip
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        assert one.stdout is not None
        one.stdout.readline()
    taken = time.perf_counter() - began
    for one in started:
        one.communicate(timeout=30)
    return taken


if __name__ == "__main__":
    compute(3)
    print("ready", flush=True)
    sys.stdin.readline()
    compute(int(sys.argv[1]))
    print("done", flush=True)
