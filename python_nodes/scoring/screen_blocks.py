"""The screen of a whole matrix cache, in blocks over several processes: for portfolios of a hundred thousand listings.

What series share is learnt from some thousands of them, evenly spread; given that, blocks have nothing to do with one
another. Each process maps the file and holds one block of one metric.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.screen import baseline, scoring
from detectors.screen.contract import HORIZON, Panel, Priors
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.scoring import matrix_cache
from python_nodes.scoring.screen import KINDS

LEARNT_FROM = 4_000
ROWS_AT_ONCE = 4_000


@dataclass(frozen=True, slots=True)
class Shared:
    """What every block of a metric needs: the file, the group of each listing, and days known beforehand.

    ``calendar`` (n_kinds, n_groups, n_days + HORIZON or more) begins with the file's first day; it may have no kind.
    """

    path: Path
    groups: IntArray
    calendar: BoolArray


def screen(shared: Shared, processes: int = 0) -> Mapping[str, NDArray[np.float64]]:
    """Return the p-value of every listing's last day, by metric, (n_listings,); 1 where there is none.

    Parameters
    ----------
    shared : Shared
    processes : int
        0 for as many as there are cores; 1 stays in this one.
    """
    cached = matrix_cache.load(shared.path)
    if cached is None or len(cached.days) < 2:
        return {}
    count = processes or len(os.sched_getaffinity(0))
    found = {name: np.ones(len(cached.listing_ids)) for name in KINDS if set(_needs(name)) <= set(cached.metrics)}
    if count == 1:
        for name, rows, p_values in map(_block, _tasks(shared, cached, found)):
            found[name][rows] = p_values
        return found
    # Forked workers would inherit this process's threads and locks.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for name, rows, p_values in _spread(pool, shared, cached, found):
            found[name][rows] = p_values
    return found


Task = tuple[Shared, str, slice, Priors]
Done = tuple[str, slice, NDArray[np.float64]]


def _spread(
    pool: Executor, shared: Shared, cached: matrix_cache.Cached, found: Mapping[str, NDArray[np.float64]]
) -> Iterator[Done]:
    """Learn in the pool as well, then hand out the blocks."""
    every = max(1, len(cached.listing_ids) // LEARNT_FROM)
    priors = pool.map(_learn, [(shared, name, every) for name in found])
    for name, told in zip(found, priors, strict=True):
        yield from pool.map(_block, [(shared, name, rows, told) for rows in _blocks(len(cached.listing_ids))])


def _tasks(shared: Shared, cached: matrix_cache.Cached, found: Mapping[str, NDArray[np.float64]]) -> Iterator[Task]:
    every = max(1, len(cached.listing_ids) // LEARNT_FROM)
    for name in found:
        told = _learn((shared, name, every))
        yield from ((shared, name, rows, told) for rows in _blocks(len(cached.listing_ids)))


def _blocks(n_listings: int) -> list[slice]:
    return [slice(first, min(first + ROWS_AT_ONCE, n_listings)) for first in range(0, n_listings, ROWS_AT_ONCE)]


def _needs(name: str) -> tuple[str, ...]:
    kind = KINDS[name]
    return tuple(filter(None, (kind.counted or name, kind.exposure)))


def _panel(shared: Shared, cached: matrix_cache.Cached, name: str, rows: slice) -> Panel:
    """Return some rows of all days but the last; what maps the file is not copied."""
    kind, past = KINDS[name], len(cached.days) - 1
    exposure = cached.of(kind.exposure)[rows, :past] if kind.exposure else None
    calendar = shared.calendar[:, :, : past + HORIZON]
    return Panel(
        cached.of(kind.counted or name)[rows, :past], cached.days[:past], exposure, shared.groups[rows], calendar
    )


def _opened(shared: Shared) -> matrix_cache.Cached:
    cached = matrix_cache.load(shared.path)
    if cached is None:
        raise FileNotFoundError(shared.path)
    return cached


def _learn(task: tuple[Shared, str, int]) -> Priors:
    """Learn what the series of a metric share, from every so-manieth listing."""
    shared, name, every = task
    return baseline.learn(_panel(shared, _opened(shared), name, slice(None, None, every)), KINDS[name].params)


def _block(task: Task) -> Done:
    """Judge the last day of some listings."""
    shared, name, rows, priors = task
    cached = _opened(shared)
    panel = _panel(shared, cached, name, rows)
    fitted = baseline.fit(panel, priors, KINDS[name].params)
    kind = KINDS[name]
    newest = cached.of(kind.counted or name)[rows, -1].astype(np.float64)
    exposure = cached.of(kind.exposure)[rows, -1].astype(np.float64) if kind.exposure else None
    told = scoring.score(fitted, np.arange(len(newest)), fitted.start, newest, exposure, bands=False)
    return name, rows, told.p_value
