"""A price is told as low only where it is far under the peers' while more people look."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.scoring import opportunity

DAYS = opportunity.RECENT_DAYS + opportunity.PAST_DAYS


def looked(price: float, peers: float, rise: float, known_days: int = 7) -> opportunity.Cheap:
    random = np.random.default_rng(3)
    shown = random.poisson(np.tile(100.0 + 10.0 * (np.arange(DAYS) % 7), (1, 1))).astype(np.float64)
    shown[:, -opportunity.RECENT_DAYS :] = np.round(shown[:, -opportunity.RECENT_DAYS :] * rise)
    competitors = np.full((1, 7), np.nan)
    competitors[0, 7 - known_days :] = peers
    return opportunity.look(shown, competitors, np.full((1, 7), price))


@pytest.mark.parametrize(
    ("price", "peers", "rise", "known_days", "is_told"),
    [
        (75.0, 100.0, 1.4, 7, True), (75.0, 100.0, 1.0, 7, False), (95.0, 100.0, 1.4, 7, False),
        (75.0, 100.0, 1.4, 2, False), (75.0, 100.0, 0.6, 7, False),
    ],
)  # fmt: skip
def test_both_are_asked_for(price: float, peers: float, rise: float, known_days: int, is_told: bool) -> None:
    found = looked(price, peers, rise, known_days)
    assert opportunity.told(found, np.zeros(1, dtype=np.bool_)).tolist() == [is_told]


def test_told_once_it_stays_until_the_price_is_near() -> None:
    was = np.ones(1, dtype=np.bool_)
    assert opportunity.told(looked(84.0, 100.0, 1.1), was).all()
    assert not opportunity.told(looked(84.0, 100.0, 1.1), ~was).any()
    assert not opportunity.told(looked(90.0, 100.0, 1.4), was).any()


def test_the_gain_is_by_three_elasticities_and_never_for_more_than_the_peers_ask() -> None:
    (low, mid, high) = looked(75.0, 100.0, 1.4).gain[0].tolist()
    assert 0.0 < low < mid < high
    assert mid == pytest.approx((95.0 / 75.0) ** 0.5 - 1.0)
    assert looked(50.0, 100.0, 1.4).gain[0, 1] == pytest.approx(1.4**0.5 - 1.0), "at most so much dearer"
    assert looked(100.0, 90.0, 1.4).gain[0].tolist() == [0.0, 0.0, 0.0]


def test_what_is_not_known_is_not_told() -> None:
    shown = np.full((1, DAYS), np.nan)
    found = opportunity.look(shown, np.full((1, 7), np.nan), np.full((1, 7), np.nan))
    assert not opportunity.told(found, np.ones(1, dtype=np.bool_)).any()
