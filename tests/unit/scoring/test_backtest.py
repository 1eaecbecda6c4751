"""Alerts against labels: what is told, true, false, or judged by nobody; and two settings side by side."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from python_nodes.scoring import backtest
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.replay import Raised

WATCHED = frozenset({"conversion_drop", "ctr_drop", "market_demand_drop"})
FIRST = date(2026, 3, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def alert(listing: int, raised: int, ended: int | None = None, kind: str = "conversion_drop") -> Raised:
    return Raised(kind, (listing,), "listing", None, day(raised), None if ended is None else day(ended))


def label(
    listing: int,
    start: int,
    end: int,
    *,
    kind: str = "conversion_drop",
    is_real: bool = True,
    oracle: int | None = None,
) -> Label:
    seen = None if oracle is None else day(oracle)
    return Label(f"{kind}-{listing}", kind, frozenset({listing}), "listing", None, day(start), day(end), is_real, seen)


def test_recall_delay_precision_and_false_alerts_by_hand() -> None:
    alerts = [alert(1, 4), alert(1, 6, kind="ctr_drop"), alert(2, 13), alert(3, 2), alert(4, 5)]
    labels = [label(1, 2, 9, oracle=5), label(2, 1, 10), label(5, 0, 9, oracle=1), label(3, 3, 9)]
    judged = backtest.judge(alerts, labels, WATCHED, 2_000, is_whole=True)
    assert [one.delay_days for one in judged.events] == [2, 12, None, None]
    assert (judged.true, judged.false) == ({0, 1, 2}, {3, 4})
    assert (judged.recall, judged.precision, judged.false_per_1000) == (0.5, 0.6, 1.0)
    assert (judged.median_delay_days, judged.oracle_median_days) == (12.0, 3.0)
    (conversion, ctr) = judged.kinds
    assert (conversion.events, conversion.found, conversion.alerts, conversion.true, conversion.false) == (
        4,
        2,
        4,
        2,
        2,
    )
    assert (ctr.events, ctr.alerts, ctr.true) == (0, 1, 1)


def test_the_grace_ends() -> None:
    inside, outside = alert(2, 13), alert(2, 14)
    judged = backtest.judge([inside, outside], [label(2, 1, 10)], WATCHED, 100, is_whole=True)
    assert (judged.true, judged.false) == ({0}, {1})


def test_without_a_whole_truth_only_what_people_denied_is_false() -> None:
    alerts = [alert(1, 4), alert(2, 4), alert(3, 4)]
    labels = [label(1, 2, 9), label(2, 2, 9, is_real=False)]
    judged = backtest.judge(alerts, labels, WATCHED, 100, is_whole=False)
    assert (judged.true, judged.false, judged.precision) == ({0}, {1}, 0.5)
    assert len(judged.events) == 1


def test_what_guards_tell_counts_neither_way() -> None:
    judged = backtest.judge([alert(1, 4)], [label(1, 2, 9, kind="suspended")], WATCHED, 100, is_whole=True)
    assert (judged.true, judged.false, judged.recall, judged.precision) == (frozenset(), frozenset(), None, None)


def test_a_market_is_told_by_its_own_alert_only() -> None:
    fall = Label("m", "market_demand_drop", frozenset({1, 2}), "market", "Kyoto", day(0), day(9))
    whole = Raised("market_demand_drop", (1, 2), "market", "Kyoto", day(3), None)
    judged = backtest.judge([alert(1, 3), whole], [fall], WATCHED, 100, is_whole=True)
    assert (judged.true, judged.false) == ({1}, {0})
    assert judged.events[0].delay_days == 3


@pytest.mark.parametrize(
    ("delays", "middle"), [([], None), ([3], 3.0), ([1, None], 1.0), ([1, None, None], None), ([4, 1, 2], 2.0)]
)
def test_a_miss_is_infinitely_late(delays: list[int | None], middle: float | None) -> None:
    assert backtest.middle(delays) == middle


def test_two_settings_side_by_side() -> None:
    now = [alert(1, 4, 9), alert(2, 4, 6), alert(3, 1, 3), alert(3, 8, 10)]
    other = [alert(1, 6, 9), alert(2, 7), alert(3, 2, 9), alert(4, 1, kind="ctr_drop")]
    told = backtest.compare(now, other, day(20))
    assert [(pair.now, pair.other) for pair in told.both] == [(0, 0), (2, 2)]
    assert (told.lost, told.gained) == ((1, 3), (1, 3))
    assert backtest.compare(now, now, day(20)).lost == ()
