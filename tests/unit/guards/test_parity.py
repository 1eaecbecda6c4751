"""One unit on three channels, and what differs on one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards import parity
from tests.unit.guards.conftest import at_row, changed, listing, of

TEN = slice(10, 20)


def shown(inputs: GuardInputs, **columns: np.ndarray) -> list[Anomaly]:
    return parity.check(replace(inputs, ari=replace(inputs.ari, **columns)))


@pytest.mark.parametrize(
    ("price", "direction"), [(10_900.0, None), (11_200.0, "up"), (9_100.0, None), (8_900.0, "down")]
)
def test_a_price_that_moved_on_one_channel_only(
    sold_on_three: GuardInputs, price: float, direction: str | None
) -> None:
    found = shown(sold_on_three, price_minor=changed(sold_on_three.ari.price_minor, price))
    assert [(one.listing_id, one.cause, one.direction) for one in found] == (
        [(12, "price_error", direction)] if direction else []
    )
    for one in found:
        assert one.evidence["channel"] == "vrbo"
        assert one.evidence["compared_with"] == ["airbnb", "booking_com"]
        assert one.evidence["differs_in"]["price"][0] == "2026-03-12"


def test_a_price_that_moved_on_all_channels_or_a_constant_mark_up_is_no_difference(sold_on_three: GuardInputs) -> None:
    all_rows = sold_on_three.ari.price_minor.copy()
    all_rows[:, TEN] *= 1.5
    assert shown(sold_on_three, price_minor=all_rows) == []
    marked_up = at_row(sold_on_three.ari.price_minor, 13_000.0)
    usual = replace(sold_on_three.usual, price_minor=marked_up)
    assert shown(replace(sold_on_three, usual=usual), price_minor=marked_up) == []


def test_closed_here_and_for_sale_elsewhere(sold_on_three: GuardInputs) -> None:
    shut = changed(sold_on_three.ari.is_open, False)
    (found,) = shown(sold_on_three, is_open=shut)
    assert (found.listing_id, found.cause, found.share_lost) == (12, "calendar_closed", pytest.approx(0.1))
    assert list(found.evidence["differs_in"]) == ["availability"]
    meant = replace(sold_on_three, operator_open=changed(sold_on_three.operator_open, False))
    assert shown(meant, is_open=shut) == []
    sold_out = sold_on_three.ari.units_left.copy()
    sold_out[:, TEN] = 0
    assert shown(sold_on_three, is_open=shut, units_left=sold_out) == []
    assert shown(sold_on_three, is_open=changed(sold_on_three.ari.is_open, False, nights=slice(10, 11))) == []


def test_a_longer_minimum_stay_on_one_channel(sold_on_three: GuardInputs) -> None:
    (found,) = shown(sold_on_three, min_stay_nights=changed(sold_on_three.ari.min_stay_nights, 3))
    assert (found.cause, found.share_lost) == ("min_stay_raised", pytest.approx(0.08))
    everywhere = sold_on_three.ari.min_stay_nights.copy()
    everywhere[:, TEN] = 3
    assert shown(sold_on_three, min_stay_nights=everywhere) == []


def test_other_units_and_stale_channels_are_not_compared(sold_on_three: GuardInputs) -> None:
    dear = changed(sold_on_three.ari.price_minor, 15_000.0)
    apart = replace(sold_on_three, listings=[listing(11, 1), listing(12, 2, "vrbo"), listing(13, 3, "airbnb")])
    assert shown(apart, price_minor=dear) == []
    old = at_row(sold_on_three.ari.observed_at, np.datetime64("2026-02-27T00:00:00", "s"))
    assert shown(sold_on_three, price_minor=dear, observed_at=old) == []


def test_mates_are_the_units_rows_on_other_channels() -> None:
    units = [listing(1, 7, "a"), listing(2, 8, "a"), listing(3, 7, "b"), listing(4, 7, "c"), listing(5, 8, "a")]
    base = replace(of(len(units)), listings=units)
    assert [sorted(row[row >= 0].tolist()) for row in parity.other_channels(base)] == [[2, 3], [], [0, 3], [0, 2], []]
