"""Feeds every parser with generated documents: only named errors, never slow, bombs included."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from fuzz import hostile
from fuzz.parsers import Parser

SLOWEST_S = 5.0
"""What nothing may take; the clock of a busy machine counts others' work too, so CPU time is what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a parser did that it may not, with the smallest document that makes it."""

    parser: str
    what: str
    document: bytes

    def __str__(self) -> str:
        """Say it on one line, the document cut."""
        return f"{self.parser}: {self.what}: {self.document[:200]!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """How many documents a parser was given, the slowest in CPU seconds, and what was wrong."""

    parser: str
    documents: int
    slowest_s: float
    faults: tuple[Fault, ...]


def feed(parser: Parser, examples: int, seed: int, slowest_s: float = SLOWEST_S) -> Fed:
    """Feed one parser; its first fault ends it, shrunk."""
    taken: list[float] = []
    faults: list[Fault] = []

    def one(document: bytes) -> None:
        began = time.process_time()
        with suppress(*parser.may_raise):
            parser.read(document)
        taken.append(time.process_time() - began)
        if taken[-1] > slowest_s:
            raise TimeoutError(f"{taken[-1]:.1f} CPU s")

    failing: list[bytes] = []

    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), print_blob=False, report_multiple_bugs=False,
    )  # fmt: skip
    @given(document=hostile.documents(parser.seeds))
    def generated(document: bytes) -> None:
        failing[:] = [document]
        one(document)

    try:
        generated()
    except Exception as error:  # whatever it is, it is the finding
        faults.append(_fault(parser, error, failing[0] if failing else b""))
    for bomb in (*hostile.XML_BOMBS, *hostile.DEEP_JSON):
        try:
            one(bomb)
        except Exception as error:  # as above
            faults.append(_fault(parser, error, bomb))
    return Fed(parser=parser.name, documents=len(taken), slowest_s=max(taken, default=0.0), faults=tuple(faults))


def _fault(parser: Parser, error: Exception, document: bytes) -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    ours = next((one for one in reversed(frames) if "python_nodes" in one.filename), None)
    where = f" at {ours.filename.rpartition('python_nodes/')[2]}:{ours.lineno}" if ours else ""
    return Fault(parser=parser.name, what=f"{type(error).__name__}: {str(error)[:120]}{where}", document=document)
