"""Changes as the watches apply them: masks of many spans, levels of one watch's series, the later of two cuts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from detectors.baselines import weekday_season
from detectors.series import SeriesBatch
from python_nodes.errors import PermanentError
from python_nodes.scoring.learn import applied, changes, taught
from python_nodes.scoring.learn.applied import Learnt, Span
from python_nodes.scoring.learn.changes import Confirmed, Cut, Doubtful, Event, Exposure, NewNormal, NewNormals
from python_nodes.scoring.watches import load_watches

IDS = np.array([7, 3, 9], dtype=np.int64)
DAYS = np.datetime64("2026-03-01") + np.arange(10)
EVENT = Event(listing_ids=(3, 9), scope="market", place="Porto", start_date=date(2026, 3, 3), end_date=date(2026, 3, 4))
FALLEN = NewNormals(
    scope="listing", place="Room",
    anchors=(NewNormal(listing_ids=(7,), metric="booking_velocity", exposure="listing_views",
                       since_date=date(2026, 3, 5), ratio=0.5),),
)  # fmt: skip
BOTS = Exposure(
    watch="conversion_drop", segment="channel vrbo", listing_ids=(3,), metric="booking_velocity",
    exposure="listing_views", above="search_impressions", follows=0.0,
)  # fmt: skip
CUT = Cut(watch="conversion_drop", segment="channel vrbo", listing_ids=(9, 7), factor=0.1)


@pytest.mark.parametrize(
    "change",
    [EVENT, FALLEN, CUT, BOTS, Confirmed(kind="rank_drop", cause="photos", times=3),
     Doubtful(listing_ids=(1,), scope="listing", place="Room", start_date=date(2026, 3, 3), end_date=date(2026, 3, 4))],
)  # fmt: skip
def test_a_change_survives_its_json(change: changes.Change) -> None:
    assert changes.from_json(changes.kind_of(change), changes.to_json(change)) == change


def test_json_that_is_no_change_is_refused_by_name() -> None:
    with pytest.raises(PermanentError, match="end_date"):
        changes.from_json("event", {name: one for name, one in changes.to_json(EVENT).items() if name != "end_date"})
    with pytest.raises(PermanentError, match="no change"):
        changes.from_json("recipe", {})


def test_spans_are_masked_where_they_hold_and_nowhere_else() -> None:
    spans = [
        Span(listing_ids=(3,), start_date=date(2026, 2, 1), end_date=date(2026, 3, 2)),
        Span(listing_ids=(3, 9, 1000), start_date=date(2026, 3, 9), end_date=None),
        Span(listing_ids=(3,), start_date=date(2026, 3, 2), end_date=date(2026, 3, 3)),
        Span(listing_ids=(7,), start_date=date(2026, 4, 1), end_date=None),
    ]
    mask = Learnt(incidents=tuple(spans)).unlearnt(IDS, DAYS)
    assert mask is not None
    assert [np.flatnonzero(row).tolist() for row in mask] == [[], [0, 1, 2, 8, 9], [8, 9]]
    assert Learnt(incidents=(spans[3],)).unlearnt(IDS, DAYS) is None
    assert Learnt().unfit(IDS, DAYS) is None


def test_a_level_is_moved_for_its_own_watch_only_and_what_was_given_stays() -> None:
    values = np.full((3, 10), 4.0)
    told = applied.of([FALLEN])
    moved = told.anchored("booking_velocity", "listing_views", values, IDS, DAYS)
    assert moved[0].tolist() == [2.0] * 4 + [4.0] * 6
    assert (moved[1:] == 4.0).all()
    assert (values == 4.0).all()
    assert told.anchored("booking_velocity", None, values, IDS, DAYS) is values


def test_the_later_of_two_cuts_holds_and_a_watch_without_one_is_left_as_it_is() -> None:
    told = applied.of([CUT, replace(CUT, listing_ids=(7,), factor=0.02)])
    factors = told.factors("conversion_drop", IDS)
    assert factors is not None
    assert factors.tolist() == [0.02, 1.0, 0.1]
    assert told.factors("rank_drop", IDS) is None
    assert told.without_cuts().is_empty


def test_what_is_applied_to_a_watch_is_all_of_it() -> None:
    watch = next(one for one in load_watches() if one.name == "conversion_drop")
    batch = SeriesBatch(np.full((3, 10), 4.0), DAYS, np.ones((3, 10)))
    told = replace(applied.of([EVENT, FALLEN, CUT]), incidents=(Span(listing_ids=(7,), start_date=date(2026, 3, 9),
                                                                     end_date=None),))  # fmt: skip
    cut, changed = taught.applied(watch, told, batch, IDS)
    assert cut.allowed is not None
    assert cut.allowed.tolist() == [0.1, 1.0, 0.1]
    assert np.isnan(changed.values[1:, 2:4]).all()
    assert int(np.isnan(changed.values).sum()) == 4
    assert changed.unlearnt is not None
    assert int(changed.unlearnt.sum()) == 2
    wide = next(one for one in load_watches() if one.of_market)
    all_of = applied.of([replace(CUT, watch=wide.name, listing_ids=(3, 7, 9))])
    assert taught.applied(wide, all_of, batch, IDS)[0].budget.false_alerts == pytest.approx(
        0.1 * wide.budget.false_alerts
    )


def test_an_exposure_is_believed_less_where_the_step_before_it_is_told() -> None:
    watch = next(one for one in load_watches() if one.name == "conversion_drop")
    views = np.full((3, 10), 40.0)
    views[:, 6] = 400.0
    batch, shown = SeriesBatch(np.full((3, 10), 4.0), DAYS, views), np.full((3, 10), 1000.0)
    told = applied.of([BOTS, CUT])
    assert told.looks_at == {"search_impressions"}
    assert told.without_cuts().exposures == (BOTS,)
    _, changed = taught.applied(watch, told, batch, IDS, {"search_impressions": shown}.get)
    assert changed.exposure is not None
    assert changed.exposure[1, 6] < 150.0
    assert np.array_equal(changed.exposure[[0, 2]], views[[0, 2]])
    assert taught.applied(watch, told, batch, IDS)[1].exposure is views


def test_an_incident_is_judged_and_does_not_become_usual() -> None:
    rng = np.random.default_rng(3)
    days = np.datetime64("2025-06-02") + np.arange(200)
    values = rng.poisson(40.0, (6, 200)).astype(np.float64)
    values[0, 140:180] = rng.poisson(24.0, 40)
    plain = SeriesBatch(values, days)
    known = np.zeros(values.shape, dtype=np.bool_)
    known[0, 140:180] = True
    params = weekday_season.Params()
    poisoned = weekday_season.fit_pooled(plain, params).expected[0, 185:]
    clean = weekday_season.fit_pooled(replace(plain, unlearnt=known), params)
    assert poisoned.mean() < 36.0
    assert clean.expected[0, 185:].mean() == pytest.approx(40.0, abs=2.0)
    assert np.isfinite(clean.expected[0, 140:180]).all()
    assert np.array_equal(clean.capped[0], values[0])
