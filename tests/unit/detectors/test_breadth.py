"""A group falls if it does so without its worst part."""

from __future__ import annotations

import numpy as np

from detectors import breadth

GROUPS = np.array([0] * 9, dtype=np.int64)
PARTS = np.repeat([0, 1, 2], 3).astype(np.int64)
EXPECTED = np.full((9, 20), 10.0)


def _broad(observed: np.ndarray, parts: np.ndarray = PARTS) -> np.ndarray:
    return breadth.is_broad(observed, EXPECTED, GROUPS, parts, 7, 0.5)[0]


def test_one_propertys_fall_is_not_the_markets() -> None:
    observed = EXPECTED.copy()
    observed[:3, 10:] *= 0.2
    assert not _broad(observed).any()


def test_a_fall_of_all_is_told_from_its_first_days_on() -> None:
    observed = EXPECTED.copy()
    observed[:, 10:] *= 0.6
    told = _broad(observed)
    assert not told[:10].any()
    assert told[10:].all()


def test_a_group_of_one_part_cannot_be_told_from_it() -> None:
    observed = EXPECTED * 0.5
    assert not _broad(observed, np.zeros(9, dtype=np.int64)).any()


def test_nothing_told_is_no_fall() -> None:
    nothing = np.zeros((9, 20))
    assert not breadth.is_broad(nothing, nothing, GROUPS, PARTS, 7, 0.5).any()


def test_groups_are_judged_by_themselves() -> None:
    groups = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=np.int64)
    parts = np.arange(9, dtype=np.int64)
    observed = EXPECTED.copy()
    observed[groups == 1] *= 0.5
    told = breadth.is_broad(observed, EXPECTED, groups, parts, 7, 0.5)
    assert not told[0].any()
    assert told[1].all()
