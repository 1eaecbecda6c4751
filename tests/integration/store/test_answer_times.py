"""Times to acknowledge and to resolve, on a real database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.store import actions, answer_times, deliveries
from python_nodes.store.answer_times import Reached, Span, Times

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REACHED = [
    Reached(sender="slack", recipient="C1", team="revenue"), Reached(sender="email", recipient="a@b.test", team="ops"),
    Reached(sender="slack", recipient="C1", team="night"),
]  # fmt: skip
INSERT = text(
    "INSERT INTO alerts (fingerprint, scope, listing_id, metric, kind, cause, title, category, score, currency,"
    " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, resolved_at, evidence)"
    " VALUES (gen_random_uuid()::text, :scope, :listing_id, 'availability', 'not_bookable', :cause, 'x', 'high', 1,"
    " 'EUR', 1, 1, 1, '2026-03-01', :at, :at, :ended, cast(:evidence AS jsonb)) RETURNING id"
)


@dataclass(frozen=True)
class Told:
    sender: str
    recipient: str
    step: str = "raised-high"
    reason: str = "r"


def alert(
    conn: Connection, cause: str, *, taken_s: float | None = None, resolved_s: float | None = None,
    listing_ids: Sequence[int] = (), at: datetime = NOON, told: Sequence[Told] = (),
) -> int:  # fmt: skip
    ended = None if resolved_s is None else at + timedelta(seconds=resolved_s)
    one = listing_ids[0] if len(listing_ids) == 1 else None
    row = {
        "scope": "listing" if one else "property", "listing_id": one, "cause": cause, "at": at, "ended": ended,
        "evidence": json.dumps({"listing_ids": list(listing_ids)}),
    }  # fmt: skip
    alert_id = int(conn.execute(INSERT, row).scalar_one())
    if taken_s is not None:
        for later in (0, 50):
            moment = at + timedelta(seconds=taken_s + later)
            actions.add(conn, alert_id, "acknowledge", "ada", taken_at=moment)
    for planned in deliveries.plan(conn, alert_id, told, [], at):
        deliveries.claim(conn, planned.delivery_id)
        deliveries.finish(conn, planned.delivery_id, at=at, provider_ref="r")
    return alert_id


def times(conn: Connection, what: answer_times.By) -> dict[str, Times]:
    return {one.name: one for one in answer_times.by(conn, what, NOON - DAY, NOON + DAY, REACHED)}


def test_median_and_ninth_decile_with_the_open_ones_apart(conn: Connection) -> None:
    for seconds in (100, 200, 300, 400, 1000):
        alert(conn, "price_error", taken_s=seconds, resolved_s=seconds * 10)
    alert(conn, "price_error", taken_s=600)
    alert(conn, "price_error")
    alert(conn, "feed_stale")
    alert(conn, "feed_stale", at=NOON + DAY), alert(conn, "feed_stale", at=NOON - 2 * DAY)
    found = times(conn, "cause")
    assert found == {
        "feed_stale": Times(
            name="feed_stale", alerts=1, open=1, unattended=1, acknowledged=Span(count=0, median_s=None, p90_s=None),
            resolved=Span(count=0, median_s=None, p90_s=None),
        ),
        # Six were taken: 100 200 300 400 600 1000; five ended: 1000 2000 3000 4000 10000.
        "price_error": Times(
            name="price_error", alerts=7, open=2, unattended=1, acknowledged=Span(count=6, median_s=350, p90_s=800),
            resolved=Span(count=5, median_s=3000, p90_s=7600),
        ),
    }  # fmt: skip


def test_a_note_takes_nothing_in_hand(conn: Connection) -> None:
    actions.add(conn, alert(conn, "x"), "note", "ada", taken_at=NOON)
    assert times(conn, "cause")["x"].unattended == 1


def test_a_team_counts_what_it_was_told_of(conn: Connection) -> None:
    alert(conn, "x", taken_s=60, told=[Told("slack", "C1"), Told("slack", "C1", "resolved"), Told("sms", "+1")])
    alert(conn, "x", told=[Told("email", "a@b.test")])
    with conn.begin_nested():
        waiting = alert(conn, "x")
        deliveries.plan(conn, waiting, [Told("slack", "C1")], [], NOON)
    assert {name: (one.alerts, one.acknowledged.count) for name, one in times(conn, "team").items()} == {
        "night": (1, 1), "ops": (1, 0), "revenue": (1, 1),
    }  # fmt: skip


def test_a_channel_counts_the_alerts_about_it_once_and_what_is_gone_not_at_all(
    conn: Connection, listings: list[ListingInfo]
) -> None:
    first, second = (one.listing_id for one in listings[:2])
    alert(conn, "x", listing_ids=[first])
    alert(conn, "x", listing_ids=[first, second])
    alert(conn, "x", listing_ids=[999_998, 999_999])
    assert {name: one.alerts for name, one in times(conn, "channel").items()} == {"ota": 2}
