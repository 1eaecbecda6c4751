"""Days that a market's calendar names teach nothing of what is usual there, and are judged all the same."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from detectors.baselines import weekday_season
from detectors.series import SeriesBatch
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.learn import taught
from python_nodes.scoring.learn.applied import Learnt, Span
from python_nodes.scoring.watches import load_watches
from python_nodes.steps import local_events

FAIR = "\r\n".join(
    ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:fair", "SUMMARY:Fair",
     "DTSTART;VALUE=DATE:20260301", "DTEND;VALUE=DATE:20260322", "END:VEVENT", "END:VCALENDAR", ""]
)  # fmt: skip
UNTIL = date(2026, 4, 10)
FIRST = UNTIL - timedelta(days=160)
DAYS = np.arange(np.datetime64(FIRST), np.datetime64(UNTIL))


def listing(number: int, market: str) -> ListingInfo:
    return ListingInfo(
        listing_id=number, external_id=str(number), unit_id=number, unit_external_id=f"u{number}",
        property_id=number, property_external_id=f"p{number}", channel="booking_com", title="", market=market,
        country="PT", subdivision=None, timezone="Europe/Lisbon", currency="EUR", priority=0.5,
        base_price_minor=10_000, floor_price_minor=5_000, unit_count=1, channel_property_id=str(number),
    )  # fmt: skip


LISTINGS = [listing(1, "Porto"), listing(2, "Lisbon")]


def learnt(folder: Path, said: Learnt | None = None) -> Learnt | None:
    (folder / "Porto.ics").write_text(FAIR)
    return local_events.untaught(said, folder, LISTINGS, UNTIL, 160)


def test_only_the_days_and_listings_of_a_calendar_are_left_untaught(tmp_path: Path) -> None:
    found = learnt(tmp_path)
    assert found is not None
    mask = found.unlearnt(np.array([1, 2]), DAYS)
    assert mask is not None
    fair = (np.datetime64("2026-03-01") <= DAYS) & (np.datetime64("2026-03-22") > DAYS)
    assert (mask[0] == fair).all()
    assert not mask[1].any()
    assert found.unfit(np.array([1, 2]), DAYS) is None


def test_what_verdicts_changed_stays(tmp_path: Path) -> None:
    real = Span(listing_ids=(2,), start_date=date(2026, 2, 1), end_date=date(2026, 2, 3))
    found = learnt(tmp_path, Learnt(incidents=(real,)))
    assert found is not None
    assert real in found.incidents
    assert local_events.untaught(None, None, LISTINGS, UNTIL, 160) is None


def test_a_fair_does_not_become_the_level_that_the_weeks_after_it_are_held_against(tmp_path: Path) -> None:
    watch = next(one for one in load_watches() if one.name == "demand_drop")
    assert isinstance(watch.baseline_params, weekday_season.Params)
    usual = np.random.default_rng(5).poisson(200, (1, DAYS.size)).astype(float)
    fair = (np.datetime64("2026-03-01") <= DAYS) & (np.datetime64("2026-03-22") > DAYS)
    batch = SeriesBatch(np.where(fair, 3 * usual, usual), DAYS, None, np.zeros((1, DAYS.size), dtype=bool))
    found = learnt(tmp_path)
    assert found is not None
    _, taught_batch = taught.applied(watch, found, batch, np.array([1]))
    known, unknown = (
        weekday_season.fit_pooled(one, watch.baseline_params).expected[0, -1] for one in (taught_batch, batch)
    )
    assert abs(known / 200 - 1) < 0.1
    assert unknown / 200 > 1.2
