"""A mark of all that a sweep looks at: while it is the same, so is what the sweep finds."""

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


def of(
    watches: Sequence[Watch], matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date,
    unfit: BoolArray | None = None, near: peers.Near | None = None, most_valuable: int = MOST_VALUABLE,
) -> str:  # fmt: skip
    """Return the mark of what `sweep.score_all` is given.

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
    str
        Of two different marks nothing follows: what was given may still come to the same.
    """
    digest = hashlib.blake2b(digest_size=16)
    known = sweep.known_rows(matrix, listings, as_of_day)
    _feed(digest, (as_of_day, most_valuable, [repr(one) for one in known.listings]))
    _feed(digest, None if near is None else (near.of, sorted(near.held)))
    for watch in watches:
        if {watch.metric, watch.exposure or watch.metric} <= set(matrix.values):
            own, batch = sweep.taught_batch(watch, matrix, known, None, unfit)
            _feed(digest, (replace(own, learnt=None), batch))
    for name in sorted(silent.READ & set(matrix.values)):
        _feed(digest, (name, matrix.values[name][known.rows, max(known.last - silent.HISTORY_DAYS, 0) : known.last]))
    _feed(digest, None if unfit is None else unfit[known.rows, : known.last])
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
