"""Marks of what each watch looks at: while one is the same, so is what the watch finds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, silent, sweep
from python_nodes.scoring.inspect import MOST_VALUABLE
from python_nodes.scoring.watches import Watch

SILENT = ""
"""Whose mark is that of what `silent` looks at, which is no watch."""


def of(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date,
    unfit: BoolArray | None = None, near: peers.Near | None = None, most_valuable: int = MOST_VALUABLE,
) -> dict[str, str]:  # fmt: skip
    """Return the marks of what `sweep.score_all` is given, by the watch that looks at it.

    Parameters
    ----------
    watches : sequence of Watch
        What verdicts and alerts taught them counts by what it does to the figures.
    matrix : MetricMatrix
    listings : sequence of ListingInfo
    as_of_day : date
    unfit, near, most_valuable : optional
        See ``sweep.score_all``.

    Returns
    -------
    dict of str to str
        Of two different marks nothing follows: what was given may still come to the same.
    """
    known = sweep.known_rows(matrix, listings, as_of_day)
    neighbours = None if near is None else (near.of, sorted(near.held))
    common = _mark((as_of_day, [repr(one) for one in known.listings], neighbours))
    marks: dict[str, str] = {}
    figures: dict[tuple[str, str | None, int, int], str] = {}
    for watch in watches:
        if {watch.metric, watch.exposure or watch.metric} <= set(matrix.values):
            own, batch = sweep.taught_batch(watch, matrix, known, None, unfit)
            alike = (watch.metric, watch.exposure, watch.history_days, id(watch.learnt))
            if alike not in figures:
                figures[alike] = _mark(batch)
            marks[watch.name] = _mark((common, replace(own, learnt=None), figures[alike]))
    last = slice(max(known.last - silent.HISTORY_DAYS, 0), known.last)
    told = {name: matrix.values[name][known.rows, last] for name in silent.READ & set(matrix.values)}
    down = None if unfit is None else unfit[known.rows, : known.last]
    marks[SILENT] = _mark((common, most_valuable, told, down))
    return marks


def _mark(value: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Add a value by its type and its very bits, so that nothing but the same is the same."""
    digest.update(f"{type(value).__name__}(".encode())
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for one in fields(value):
            _feed(digest, getattr(value, one.name))
    elif isinstance(value, Mapping):
        _feed(digest, sorted(value.items()))
    elif isinstance(value, list | tuple):
        for each in value:
            _feed(digest, each)
    else:
        digest.update(repr(value).encode())
    digest.update(b")")
