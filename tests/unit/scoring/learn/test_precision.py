"""How far a cut moves: only where false alerts come too often, and never far where real ones are near it."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.scoring.learn import precision
from python_nodes.scoring.learn.precision import Judged

FAR = np.array([30.0, 40.0, 50.0, 60.0, 35.0, 45.0, 80.0, 55.0])
NEAR = np.array([0.2, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5])
NONE = np.empty(0)


def test_a_precision_begins_at_the_budgets_word_and_goes_to_the_verdicts() -> None:
    assert precision.precision(Judged(10, 2.0, NONE, NONE)) == pytest.approx(0.8)
    assert precision.precision(Judged(10, 2.0, np.ones(98), NONE)) == pytest.approx(1.6 / 100)
    assert precision.precision(Judged(10, 2.0, NONE, np.ones(98))) == pytest.approx(99.6 / 100)


def test_false_alerts_far_under_the_real_ones_move_the_cut_past_most_of_them() -> None:
    told = Judged(30, 1.0, NEAR, FAR)
    moved = precision.moved(told, told, 1.0)
    assert np.exp(-3.5) <= moved.factor <= np.exp(-1.2)
    assert moved.false_left <= precision.KEPT * moved.false_expected
    assert moved.real_lost <= precision.LOST_REAL


def test_as_many_as_the_budget_asked_for_move_nothing() -> None:
    told = Judged(12, 5.0, NEAR, FAR)
    assert precision.moved(told, told, 1.0).factor == 1.0


def test_real_alerts_as_near_to_the_cut_as_the_false_hold_it_back() -> None:
    apart = precision.moved(Judged(30, 1.0, NEAR, FAR), Judged(30, 1.0, NEAR, FAR), 1.0)
    mixed = Judged(30, 1.0, NEAR, NEAR[:8])
    held = precision.moved(mixed, mixed, 1.0)
    assert held.factor > 3.0 * apart.factor
    assert held.real_lost <= precision.LOST_REAL


def test_a_segment_with_few_of_the_real_ones_may_lose_more_of_its_own() -> None:
    mixed = Judged(30, 1.0, NEAR, NEAR[:8])
    assert precision.moved(mixed, mixed, 0.1).factor < precision.moved(mixed, mixed, 1.0).factor


def test_a_further_step_begins_at_the_cut_in_force() -> None:
    told = Judged(30, 1.0, NEAR, FAR)
    first = precision.moved(told, told, 1.0)
    second = precision.moved(told, told, 1.0, first.factor)
    assert second.factor < first.factor
    assert second.false_expected == pytest.approx(first.false_left)


def test_a_partition_that_tells_false_from_real_has_the_higher_likelihood() -> None:
    whole = Judged(20, 1.0, np.ones(10), np.ones(10))
    told = [Judged(10, 0.5, np.ones(10), NONE), Judged(10, 0.5, NONE, np.ones(10))]
    blind = [Judged(10, 0.5, np.ones(5), np.ones(5))] * 2
    assert precision.log_evidence(told, whole) > precision.log_evidence([whole], whole) + 3.0
    assert precision.log_evidence(blind, whole) < precision.log_evidence([whole], whole)
