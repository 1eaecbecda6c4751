"""What people read: money, days, facts; and what they never read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from python_nodes.domain.findings import Alert
from python_nodes.notify import render

AS_OF = datetime(2026, 3, 6, 12, tzinfo=UTC)
ALERT = Alert(
    alert_id=1, fingerprint="f", scope="listing", listing_id=2, property_id=1, market="lisbon", metric="availability",
    kind="not_bookable", cause="calendar_closed", title="Calendar closed", category="high", score=70.4, currency="EUR",
    impact_minor=123_456, loss_per_day_minor=4_250, lost_so_far_minor=12_345, onset_date=date(2026, 3, 4),
    raised_at=AS_OF, updated_at=AS_OF, resolved_at=None, version=1, parts={},
    evidence={
        "nights": 12, "first_night_date": "2026-03-14", "share_lost": 0.5, "guest_name": "Ada Lovelace",
        "contact_email": "ada@example.test", "floor_price_minor": 5_000, "days_to_resolution": 2.0,
    },
)  # fmt: skip


def rendered(alert: Alert = ALERT, update_ref: str | None = None) -> dict[str, str]:
    message = render.render(
        alert,
        None,
        None,
        delivery_id="d1",
        recipient="C1",
        as_of=AS_OF,
        update_ref=update_ref,
    )
    return {field.label: field.value for field in message.fields} | {
        "title": message.title, "state": message.state, "summary": message.summary, "all": repr(message),
        "evidence": "\n".join(message.evidence),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (4_250, "EUR", "€42.50"),
        (123_456, "EUR", "€1,235"),
        (5_000, "JPY", "JP¥5,000"),
        (0, "GBP", "£0.00"),
    ],
)
def test_money_knows_each_currency_s_minor_unit(amount_minor: int, currency: str, text: str) -> None:
    assert render.money(amount_minor, currency) == text


def test_what_it_costs_comes_first() -> None:
    message = rendered()
    assert list(message)[:3] == [
        "Money lost per day",
        "Lost so far",
        "Expected loss until resolved",
    ]
    assert message["Money lost per day"] == "€42.50"
    assert message["Expected loss until resolved"] == "€1,235 over 2.0 more days"
    assert message["summary"] == "About €42.50 a day, €123 so far, day 3 of it."
    assert message["Since"] == "4 Mar 2026"


def test_evidence_is_written_by_its_unit() -> None:
    assert rendered()["evidence"].splitlines() == [
        "Nights: 12", "First night: 14 Mar 2026", "Share lost: 50%", "Floor price: €50.00",
    ]  # fmt: skip


def test_the_kind_of_change_is_a_sentence_and_its_facts_are_for_programs() -> None:
    told = {"change": "level shift since 12 March 2026, from 4.1 to 1.2 a day", "change_facts": {"kind": "level_shift"}}
    assert render.evidence(replace(ALERT, evidence=told)) == (
        "Change: level shift since 12 March 2026, from 4.1 to 1.2 a day",
    )


def test_evidence_is_in_the_money_that_it_was_seen_in() -> None:
    seen = replace(ALERT, currency="EUR", evidence={"price_minor": 72_723, "currency": "JPY"})
    assert any("¥72,723" in line for line in render.evidence(seen))
    assert any("€727" in line for line in render.evidence(replace(seen, evidence={"price_minor": 72_723})))


def test_guest_data_never_appears() -> None:
    assert "Ada" not in rendered()["all"]
    assert "ada@example.test" not in rendered()["all"]


def test_states() -> None:
    assert rendered()["state"] == "raised"
    assert rendered(update_ref="C1:1.0")["state"] == "updated"
    ended = rendered(replace(ALERT, resolved_at=AS_OF), update_ref="C1:1.0")
    assert (ended["state"], ended["title"]) == ("resolved", "Resolved: Calendar closed")
    assert ended["summary"] == "Resolved on 6 Mar 2026. It cost about €123."


def test_every_part_of_the_score_is_told() -> None:
    parts = {
        "loss_rate_points": 44.4, "trend_points": 100.0, "market_points": 50.0, "priority_points": 0.0,
        "category_by_score": 1.0, "category_by_rule": 3.0, "confidence": 0.99996, "baseline_per_day_minor": 8_500.0,
        "current_per_day_minor": 4_250.0,
    }  # fmt: skip
    told = rendered(replace(ALERT, parts=parts, category="critical", score=51.0))
    assert told["Score"] == (
        "51 of 100 (critical: medium by score, critical by rule): loss a day 44, trend 100, season 50, priority 0"
    )
    assert told["Confidence"] == "99.9%", "nearly sure is not sure"
    assert told["Revenue a day"] == "€85.00 usual, €42.50 now"
    assert rendered(replace(ALERT, parts=parts | {"confidence": 1.0}))["Confidence"] == "100%"


def test_a_wide_alert_names_its_listings_the_first_few() -> None:
    titles = [f"Room {n}" for n in range(1, 8)]
    wide = replace(ALERT, scope="property", listing_id=None, evidence={"listing_titles": titles, "members": [{"a": 1}]})
    told = rendered(wide)
    assert told["Listings"] == "Room 1, Room 2, Room 3, Room 4, Room 5 and 2 more"
    assert told["evidence"] == ""


def test_what_comes_is_said_with_its_model_while_the_alert_is_open() -> None:
    told = {"days": 14, "model": "ETS", "from_date": "2026-03-04", "bookings": 9.0, "expected_minor": 90_000,
            "lost_minor": 45_000}  # fmt: skip
    pace = {"days": 30, "behind_last_year_nights": 12.0, "behind_last_year_minor": 60_000,
            "behind_market_nights": -1.0, "behind_market_minor": 500}  # fmt: skip
    ahead = replace(ALERT, evidence={"outlook": told, "pace": pace})
    message = rendered(ahead)
    assert message["If it goes on"] == (
        "At this pace the next 14 days lose €450 of €900 expected (ETS, by what was known before 4 Mar 2026)"
    )
    # One night ahead and yet behind in money: the sum is left out.
    assert message["On the books"] == (
        "The next 30 days: 12 nights (€600) behind last year, 1 night ahead of the market's pace"
    )
    assert message["evidence"] == ""
    assert "If it goes on" not in rendered(replace(ahead, resolved_at=AS_OF))
    unknown = replace(ALERT, evidence={"pace": pace | {"behind_last_year_nights": None}})
    assert rendered(unknown)["On the books"] == "The next 30 days: 1 night ahead of the market's pace"
