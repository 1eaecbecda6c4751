"""Drawn worlds kept on disk: the same arguments and the same sources give the same world, so it is drawn once.

A file holds numbers only (no pickles), is named by what it was made from, and appears whole or not at all. One that
cannot be read is drawn again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zoneinfo import TZPATH

import numpy as np
from numpy.typing import NDArray

from sandbox.calendar import MARKETS, IntArray
from sandbox.demand import Counts
from sandbox.reservations import Reservations
from sandbox.truth import Outcome

WORLDS_KEPT = 8
_NEVER = -1
_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Drawn:
    """What takes long to draw: both worlds' counts, the bookings, and what each incident truly did."""

    counts: Counts
    calm: Counts
    made: Reservations
    outcomes: tuple[Outcome, ...]


def name_of(arguments: Iterable[object], scenario: Path | None) -> str:
    """A name for everything a world is made of: arguments, scenario, our sources and data, libraries, time zones."""
    made_of = hashlib.sha256(repr(tuple(arguments)).encode())
    made_of.update(scenario.read_bytes() if scenario is not None else b"without")
    libraries = [f"{name} {version(name)}" for name in ("holidays", "numpy", "scipy")]
    made_of.update(repr((platform.python_version(), platform.machine(), libraries)).encode())
    for market in MARKETS:
        made_of.update(_zone_bytes(market.timezone))
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in (".py", ".json", ".gz"):
            made_of.update(path.name.encode() + path.read_bytes())
    return f"world-{made_of.hexdigest()[:32]}.npz"


def _zone_bytes(name: str) -> bytes:
    """The time zone's rules as this machine has them."""
    found = (Path(root) / name for root in TZPATH)
    return next((path.read_bytes() for path in found if path.is_file()), name.encode())


def read(path: Path) -> Drawn | None:
    """A kept world; None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as held:
            parts = {name: held[name].astype(np.int64) for name in held.files}
        outcomes = tuple(
            Outcome(loss, spill, None if day == _NEVER else day) for loss, spill, day in parts["outcomes"].tolist()
        )
        counts, calm = (Counts(*_columns(Counts.__slots__, group, parts)) for group in ("counts", "calm"))
        drawn = Drawn(counts, calm, Reservations(*_columns(Reservations.__slots__, "made", parts)), outcomes)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    os.utime(path)
    return drawn


def write(path: Path, drawn: Drawn) -> None:
    """Keep a world, and forget those that have not been used for longest; a full disk keeps none."""
    told = [(one.true_loss_minor, one.spill_minor, _NEVER if one.oracle_day is None else one.oracle_day)
            for one in drawn.outcomes]  # fmt: skip
    parts = {"outcomes": np.array(told, dtype=np.int64).reshape(-1, 3)}
    for group, columns in (("counts", drawn.counts), ("calm", drawn.calm), ("made", drawn.made)):
        parts |= {f"{group}.{name}": _small(getattr(columns, name)) for name in type(columns).__slots__}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as out:
            np.savez(out, allow_pickle=False, **parts)
        os.replace(out.name, path)
        kept = sorted(path.parent.glob("world-*.npz"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[WORLDS_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _small(numbers: IntArray) -> NDArray[np.signedinteger]:
    """The same numbers in as few bytes as hold all of them."""
    ends = (int(numbers.min(initial=0)), int(numbers.max(initial=0)))
    kinds: tuple[type[np.signedinteger], ...] = (np.int8, np.int16, np.int32, np.int64)
    kind = next(one for one in kinds if np.iinfo(one).min <= ends[0] and ends[1] <= np.iinfo(one).max)
    return numbers.astype(kind)


def _columns(names: Iterable[str], group: str, parts: dict[str, IntArray]) -> list[IntArray]:
    return [parts[f"{group}.{name}"] for name in names]
