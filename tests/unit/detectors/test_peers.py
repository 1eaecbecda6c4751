"""The middle of the nearest, by weight; groups and all stand in where too few tell."""

from __future__ import annotations

import numpy as np

from detectors import peers
from detectors.series import FloatArray, IntArray

NAN = float("nan")


def compared(weight: list[list[float]], near: list[list[int]], groups: list[int]) -> peers.Compared:
    rows: IntArray = np.array(near)
    counts: FloatArray = np.array(weight)
    return peers.Compared(np.array(groups), rows, counts, (counts > 0).any(axis=1))


def test_the_median_goes_by_weight() -> None:
    logs = np.array([[0.0], [1.0], [2.0], [3.0]])
    even = compared([[1, 1, 1]] * 4, [[1, 2, 3]] * 4, [0] * 4)
    heavy = compared([[1, 1, 3]] * 4, [[1, 2, 3]] * 4, [0] * 4)
    assert peers.log_move(logs, even, 2)[0, 0] == 2.0
    assert peers.log_move(logs, heavy, 2)[0, 0] == 3.0


def test_one_far_off_moves_nothing() -> None:
    logs = np.array([[0.0], [0.1], [0.2], [-9.0]])
    assert peers.log_move(logs, compared([[1, 1, 1]] * 4, [[1, 2, 3]] * 4, [0] * 4), 2)[0, 0] == 0.1


def test_the_missing_and_the_weightless_are_not_counted() -> None:
    logs = np.array([[0.0, 0.0], [1.0, NAN], [2.0, 2.0], [3.0, 3.0]])
    beside = compared([[1, 1, 1]] * 4, [[1, 2, 3]] * 4, [0] * 4)
    # On the second day two of three peers tell, too few for three: the group's median stands in.
    np.testing.assert_allclose(peers.log_move(logs, beside, 3)[0], [2.0, 2.0])
    padded = compared([[1, 1, 0]] * 4, [[2, 3, 0]] * 4, [0] * 4)
    assert peers.log_move(logs, padded, 2)[0, 0] == 2.0


def test_who_has_no_peers_has_the_group() -> None:
    logs = np.array([[0.0], [1.0], [2.0], [8.0], [9.0]])
    beside = compared([[1, 1]] + [[0, 0]] * 4, [[3, 4]] + [[0, 0]] * 4, [0, 0, 0, 1, 1])
    moved = peers.log_move(logs, beside, 2)[:, 0]
    assert moved.tolist() == [8.0, 1.0, 1.0, 8.5, 8.5]


def test_many_are_looked_at_in_parts_to_the_same_end() -> None:
    rng = np.random.default_rng(5)
    n, k, days = 300, 20, 900
    logs = rng.normal(size=(n, days))
    near = np.stack([rng.choice(n, k, replace=False) for _ in range(n)])
    beside = peers.Compared(np.zeros(n, dtype=np.int64), near, np.ones((n, k)), np.ones(n, dtype=np.bool_))
    assert n * k * days > peers.CELLS
    moved = peers.log_move(logs, beside, 5)
    ordered = np.sort(logs[near[7]], axis=0)
    np.testing.assert_array_equal(moved[7], ordered[k // 2 - 1])
