"""Ranking measures against cases worked by hand and against what TSB-AD 1.5 answered on the same arrays."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evaluation import ranking


def test_perfect_scores_have_an_average_precision_of_one() -> None:
    labels = np.array([0, 0, 1, 1, 0], dtype=bool)
    assert ranking.auc_pr(labels, labels.astype(float)) == 1.0


def test_average_precision_by_hand() -> None:
    # In order of score: hit, miss, hit, miss: (1/2) * 1/1 + (1/2) * 2/3.
    labels = np.array([1, 0, 1, 0], dtype=bool)
    assert ranking.auc_pr(labels, np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(0.5 + 1 / 3)


def test_tied_scores_count_as_one_step() -> None:
    labels = np.array([1, 0, 1, 0], dtype=bool)
    assert ranking.auc_pr(labels, np.ones(4)) == pytest.approx(0.5)


def test_without_buffer_the_volume_is_the_area_of_recall_times_share_of_events() -> None:
    # One event of one point, ranked second of four: recall is 0 then 1, precision then 1/2.
    labels = np.array([0, 1, 0, 0], dtype=bool)
    assert ranking.vus_pr(labels, np.array([4.0, 3.0, 2.0, 1.0]), 0) == pytest.approx(0.5)


def test_a_buffer_of_two_by_hand() -> None:
    # Soft labels: 0, r, 1, r, 0 with r = sqrt(1/2); the event's neighbour is ranked first, then the event, then noise.
    # Buffer 2: after one point TP = r, P = (2 + r)/2, precision r; after two TP = 1 + r, recall capped at 1.
    labels = np.array([0, 0, 1, 0, 0], dtype=bool)
    scores = np.array([1.0, 5.0, 4.0, 2.0, 3.0])
    r = np.sqrt(0.5)
    first = r / ((2 + r) / 2)
    wide = first * r + (1.0 - first) * (1 + r) / 2
    narrow = 0.5  # Buffers 0 and 1 let nothing out: the event is ranked second.
    assert ranking.vus_pr(labels, scores, 2) == pytest.approx((narrow + narrow + wide) / 3)


@pytest.mark.parametrize(
    ("seed", "size", "width", "digits", "told"),
    # What basic_metricor().RangeAUC_volume_opt of TSB-AD 1.5 (Apache 2.0) answered for `drawn(seed, size, digits)`.
    [
        (1, 120, 24, 6, 0.7663942810616063),
        (2, 200, 25, 6, 0.6792170845534916),
        (3, 90, 7, 1, 0.783666926855258),
        (4, 300, 40, 0, 0.5448890344161784),
        (5, 260, 1, 2, 0.47285859395053115),
    ],
)
def test_as_tsb_ad_computes_it(seed: int, size: int, width: int, digits: int, told: float) -> None:
    labels, scores = drawn(seed, size, digits)
    assert ranking.vus_pr(labels, scores, width) == pytest.approx(told, abs=1e-12)


def drawn(seed: int, size: int, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a few events, some near one another and at the ends, and scores that half know them."""
    random = np.random.default_rng(seed)
    labels = np.zeros(size, dtype=bool)
    for start in random.integers(0, size, 4):
        labels[start : start + int(random.integers(1, 12))] = True
    labels[-2:] = seed % 2 == 0
    scores = random.normal(size=size) + 1.5 * labels
    return labels, np.round(scores, digits)


def test_the_period_is_the_highest_peak_of_the_autocorrelation() -> None:
    hours = np.arange(24 * 20)
    assert ranking.period(np.sin(hours * 2 * np.pi / 24)) == 24
    assert ranking.period(np.arange(1000.0)) == ranking.NO_PERIOD


def test_without_labels_there_is_nothing_to_find() -> None:
    assert ranking.vus_pr(np.zeros(10, dtype=bool), np.arange(10.0), 3) == 0.0
    assert ranking.auc_pr(np.zeros(10, dtype=bool), np.arange(10.0)) == 0.0
