"""`make fuzz`: Schemathesis as each of several callers, documents at every door, every parser; counted, with a seed.

The last line says how many requests were sent, and how many were answered by what nobody foresaw.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from fuzz import again, parsers, payloads, reading, schema, stack
from fuzz.again import Anew

WARNED_MB = 400
"""By how much the worker's memory may grow over a whole run; the first answers load libraries."""
LANES = ((("admin", 1.0),), (("reader", 1.0),), (("nobody", 0.5), ("narrow", 0.5)))
"""Who asks beside whom, and each for what share of the time."""


def main() -> int:
    """Run what is asked for and say what came of it."""
    given = _arguments()
    # Whatever way it is ended, its servers go too; a shell's background job would ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    seed = given.seed if given.seed is not None else secrets.randbelow(2**31)
    print(f"seed {seed} (again: python -m fuzz --seed {seed})", flush=True)
    faults = _parsers(given.documents, seed) if given.documents else []
    statuses: Counter[str] = Counter()
    if given.seconds:
        with stack.scratch() as directory, stack.started(directory) as running:
            try:
                faults += _requests(running, given, seed, directory, statuses)
            finally:
                if given.keep:
                    given.keep.mkdir(parents=True, exist_ok=True)
                    for file in [*directory.glob("*.out"), *directory.glob("*.json"), running.log]:
                        shutil.copy(file, given.keep)
    for fault in faults:
        print(f"FAULT {fault[:1_500]}")
    print(f"{sum(statuses.values())} requests ({_said(statuses)}), {len(faults)} unhandled")
    return 1 if faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, help="at least so many, as long as there is time")
    parser.add_argument("--seconds", type=int, default=3_600, help="at most, of requests; 0: no worker")
    parser.add_argument("--turn", type=int, default=600, help="seconds after which callers begin anew, seeded anew")
    parser.add_argument("--examples", type=int, default=400, help="documents a door")
    parser.add_argument("--documents", type=int, default=2_000, help="documents a parser; 0: none")
    parser.add_argument("--seed", type=int, help="of an earlier run, to run it again")
    parser.add_argument("--keep", type=Path, help="a folder for what Schemathesis and the worker wrote")
    return parser.parse_args()


def _parsers(documents: int, seed: int) -> list[str]:
    faults: list[str] = []
    count, slowest = 0, ("", 0.0)
    for parser in parsers.every():
        fed = reading.feed(parser, documents, seed)
        count, faults = count + fed.documents, faults + [str(one) for one in fed.faults]
        slowest = max(slowest, (fed.parser, fed.slowest_s), key=lambda one: one[1])
    print(
        f"{len(parsers.every())} parsers, {count} documents, slowest {slowest[1]:.2f} CPU s ({slowest[0]})", flush=True
    )
    return faults


def _requests(
    running: stack.Running, given: argparse.Namespace, seed: int, directory: Path, statuses: Counter[str]
) -> list[str]:  # fmt: skip
    first = ", ".join(f"{path} {taken_s:.1f} s" for path, taken_s in stack.warm(running).items())
    before_mb = running.rss_mb()
    print(f"the first answers, which load libraries: {first}; worker {before_mb} MB", flush=True)
    began, faults, slow = time.monotonic(), list[str](), list[Anew]()
    turn = 0
    # Whoever waits for a slow answer holds up nobody else, and no turn waits for the documents.
    with ThreadPoolExecutor(len(LANES) + 1) as lanes, _ended_together():
        fed = lanes.submit(payloads.feed, running, given.examples, seed)
        while turn == 0 or (
            sum(statuses.values()) + _answered(fed) < given.requests and time.monotonic() - began < given.seconds
        ):
            length_s = min(given.turn, given.seconds - (time.monotonic() - began))
            asked = [lanes.submit(_lane, running, lane, directory, length_s, seed, turn) for lane in LANES]
            for answered in (one for lane in asked for one in lane.result()):
                statuses.update(answered.statuses)
                faults += [*answered.faults, *(f"{answered.who}: {one}" for one in answered.failed)]
                slow += answered.slow
            turn += 1
        sent = fed.result()
    statuses.update({str(status): count for status, count in sent.statuses.items()})
    print(f"documents and bombs: {sent.requests} requests, {_said(sent.statuses)}, "
          f"slowest {sent.slowest_s:.2f} s", flush=True)  # fmt: skip
    faults, slow = faults + sent.faults, slow + sent.slow
    after_mb = running.rss_mb()
    print(f"{time.monotonic() - began:.0f} s; worker {before_mb} MB before, {after_mb} MB after; "
          f"{len(slow)} slow among others are asked again", flush=True)  # fmt: skip
    if after_mb - before_mb > WARNED_MB:
        faults.append(f"the worker grew by {after_mb - before_mb} MB")
    return [*faults, *again.still_slow(running, slow), *running.faults()]


@contextmanager
def _ended_together() -> Iterator[None]:
    """Let an interruption end our children at once: the threads that wait for them would else ask to their end."""
    try:
        yield
    except KeyboardInterrupt:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.terminate()
        raise


def _answered(fed: Future[payloads.Sent]) -> int:
    """How many documents were answered, once all of them were put in."""
    return fed.result().requests if fed.done() else 0


def _lane(
    running: stack.Running, lane: tuple[tuple[str, float], ...], directory: Path, length_s: float, seed: int, turn: int
) -> list[schema.Asked]:  # fmt: skip
    """Ask as each of some callers, one after the other, each for its share; only what is drawn anew is asked again."""
    found, phases = [], schema.DRAWN if turn else schema.EVERY_PHASE
    for who, part in lane:
        seconds = max(10, round(length_s * part))
        asked = schema.ask(
            running, who, directory, seconds=seconds, examples=100_000, seed=seed + turn, phases=phases
        )  # fmt: skip
        longest = ", ".join(f"{name} {taken_s:.0f} s" for name, taken_s in Counter(asked.taken_s).most_common(3))
        counts = _said(Counter(asked.statuses))
        print(f"{who}: {asked.requests} requests in {seconds} s, {counts}, slowest {asked.slowest_s:.2f} s; "
              f"longest in all: {longest}; worker {running.rss_mb()} MB", flush=True)  # fmt: skip
        found.append(asked)
    return found


def _said(statuses: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=lambda one: str(one[0])))


if __name__ == "__main__":
    sys.exit(main())
