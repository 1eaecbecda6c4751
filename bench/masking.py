"""What is personal in free text: how much of it is found, and how much of what is found is personal.

Two labelled halves: the recognisers were built on one; the other was written apart and is looked at only here. A label
counts as found if every letter and digit of it is masked, and what is masked counts as right if it is mostly a label's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_nodes import privacy
from python_nodes.privacy import Found

DATA = Path(__file__).parent / "data"
FILLS = 3
"""Sentences made of each line: its braces are filled so many times, each time with other values."""
RECALL, PRECISION = 0.99, 0.95
HALVES = {"built on": ("build", "build_2", "build_3"), "held back": ("held",)}
_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text, and where in it what is personal stands: start, end, kind."""

    text: str
    labels: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """Counts of one half, and what went wrong."""

    sentences: int
    labels: int
    found: int
    masked: int
    right: int
    missed: tuple[tuple[str, str], ...]
    wrong: tuple[tuple[str, str], ...]

    @property
    def recall(self) -> float:
        """The share of labels that were found."""
        return self.found / self.labels

    @property
    def precision(self) -> float:
        """The share of what was masked that is personal."""
        return self.right / max(self.masked, 1)


def sentences(half: str) -> list[Sentence]:
    """Return all sentences of a half."""
    values = tomllib.loads((DATA / "masking_values.toml").read_text(encoding="utf-8"))
    made: list[Sentence] = []
    for part in HALVES[half]:
        lines = (DATA / f"masking_{part}.txt").read_text(encoding="utf-8").splitlines()
        kept = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("#")]
        numbered = [(line, number * FILLS + fill) for number, line in enumerate(kept) for fill in range(FILLS)]
        made += [_filled(line, number, values[part], values["other"]) for line, number in numbered]
    return list({one.text: one for one in made}.values())


def _filled(line: str, number: int, own: dict[str, list[str]], other: dict[str, list[str]]) -> Sentence:
    text, labels, end = "", [], 0
    for at, brace in enumerate(_BRACES.finditer(line)):
        kind = brace.group(1)
        is_personal = kind in own
        pool = own[kind] if is_personal else other[kind]
        text += line[end : brace.start()]
        value = pool[(number + 3 * at) % len(pool)]
        if is_personal:
            labels.append((len(text), len(text) + len(value), kind))
        text += value
        end = brace.end()
    return Sentence(text + line[end:], tuple(labels))


def judge(half: str, find: Callable[[str], list[Found]] = privacy.find) -> Judged:
    """Hold what is found against the labels."""
    labels = found = masked = right = 0
    missed, wrong = [], []
    told = sentences(half)
    for one in told:
        spans = find(one.text)
        covered = {at for span in spans for at in range(span.start, span.end)}
        personal = {at for start, end, _ in one.labels for at in range(start, end)}
        for start, end, kind in one.labels:
            labels += 1
            if all(at in covered for at in range(start, end) if one.text[at].isalnum()):
                found += 1
            else:
                missed.append((kind, one.text))
        for span in spans:
            masked += 1
            inside = sum(at in personal for at in range(span.start, span.end))
            if 2 * inside > span.end - span.start:
                right += 1
            else:
                wrong.append((one.text[span.start : span.end], one.text))
    return Judged(len(told), labels, found, masked, right, tuple(missed), tuple(wrong))


def run() -> list[dict[str, Any]]:
    """Judge both halves."""
    rows = []
    for half in HALVES:
        told = judge(half)
        unit = f"of {told.labels} labels in {told.sentences} sentences"
        for name, value, goal in (("recall", told.recall, RECALL), ("precision", told.precision, PRECISION)):
            rows.append({
                "name": f"masking, {half}: {name}", "value": round(value, 4), "unit": unit,
                "peer": None, "peer_value": None, "ratio": None, "goal": goal, "holds": value >= goal,
            })  # fmt: skip
    return rows
