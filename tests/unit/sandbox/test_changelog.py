"""The change log: seven incidents in ten leave a trace, and ten harmless changes stand beside each that harmed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from sandbox.channels import CHANNELS
from sandbox.kinds import KINDS
from sandbox.rows import ChangeRow
from sandbox.simulated import World


def test_three_incidents_in_ten_leave_no_trace(main_job: World) -> None:
    real = [item for item in main_job.placed if not item.is_control]
    assert sum(not item.leaves_trace for item in real) == round(0.3 * len(real))
    for item in main_job.placed:
        assert not (item.leaves_trace and KINDS[item.kind].logged_as is None)
    caused = {change.cause for change in main_job.changes} - {None}
    assert caused == {item.incident_id for item in main_job.placed if item.leaves_trace}


def test_harmless_changes_of_every_field_are_ten_times_as_many_in_the_live_days(main_job: World) -> None:
    last = main_job.t0 + timedelta(days=main_job.live_days - 1)
    live = [change for change in main_job.changes if main_job.t0 <= change.day <= last]
    causal = Counter(change.row.field for change in live if change.cause)
    others = Counter(change.row.field for change in live if not change.cause)
    assert len(causal) >= 10
    for field, count in causal.items():
        # Beside the harmless ones stand those that mended an incident.
        assert 10 * count <= others[field] <= 11 * count


def test_a_causal_line_stands_on_its_incidents_first_day_and_nothing_in_it_tells_so(main_job: World) -> None:
    starts = {item.incident_id: main_job.t0 + timedelta(days=item.first_day) for item in main_job.placed}
    for change in main_job.changes:
        if change.cause:
            assert change.day == change.row.changed_at.date() == starts[change.cause]
    assert "cause" not in ChangeRow._fields


@pytest.mark.parametrize("field", ["description", "photo", "connection"])
def test_words_do_not_tell_a_causal_line_from_a_harmless_one(main_job: World, field: str) -> None:
    lines = [change for change in main_job.changes if change.row.field == field]
    causal = {(change.row.old, change.row.new) for change in lines if change.cause}
    assert causal
    assert causal <= {(change.row.old, change.row.new) for change in lines if not change.cause}


def test_the_log_by_channel_and_day_is_complete_and_in_order(main_job: World) -> None:
    days = sorted({change.day for change in main_job.changes})
    told = [row for day in days for channel in CHANNELS for row in main_job.change_log(channel, day)]
    assert len(told) == len(main_job.changes)
    rows = main_job.change_log("booking_com", main_job.t0)
    assert [row.changed_at for row in rows] == sorted(row.changed_at for row in rows)
    assert {row.channel for row in rows} == {"booking_com"}


def test_a_harmless_price_change_is_served_from_its_day_on(main_job: World) -> None:
    quiet = {i for item in main_job.placed if item.scope != "market" for i in item.listings}
    tweak = next(t for t in main_job.tweaks if t.listing not in quiet and t.day > 0)
    book, night = main_job.portfolio, main_job.t0 + timedelta(days=tweak.first)
    where = book.channel[tweak.listing], book.channel_property_id[tweak.listing]
    before, after = (
        next(r.price_minor for r in main_job.ari(*where, day, night, night) if r.room_id == book.room_id[tweak.listing])
        for day in (main_job.t0 + timedelta(days=tweak.day - 1), main_job.t0 + timedelta(days=tweak.day))
    )
    assert before is not None
    assert after == pytest.approx(before * tweak.factor, abs=1)
    assert 0.005 < abs(tweak.factor - 1) <= 0.03
