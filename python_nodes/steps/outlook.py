"""What open problems will cost at their present pace, by forecasts of the time before them; and how books stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes.alerts.decisions import Decisions
from python_nodes.domain.findings import Alert
from python_nodes.scoring import forecast
from python_nodes.steps.forecasts_refresh import BOOKINGS, METRICS, PICKUP
from python_nodes.store import forecasts
from python_nodes.store.forecasts import StoredForecast

OUTLOOK, PACE = "outlook", "pace"
"""What the facts are called in an alert's evidence."""
PACE_DAYS = 30
NEW_DAYS = 7
"""Books that were looked at longer ago say nothing of now."""
BAND = "80"
DRAWN = {
    "booking_velocity": BOOKINGS, "conversion_rate": BOOKINGS, "search_impressions": "search_impressions",
    "listing_views": "listing_views", "click_through_rate": "listing_views",
}  # fmt: skip
"""The forecast that continues the chart of a metric."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Forecasts made of the time before each listing's incident, and how the books stood lately."""

    made: Mapping[tuple[int, str], StoredForecast]
    paces: Mapping[int, StoredForecast]
    today: date


def attached(conn: Connection, decisions: Decisions, open_alerts: Sequence[Alert], today: date) -> Decisions:
    """Add to what is raised or updated what the next days will lose, where a forecast from before its onset exists."""
    about = {alert.alert_id: (alert.scope, alert.listing_id) for alert in open_alerts}
    told: list[tuple[Mapping[str, Any], dict[int, float]]] = []
    for draft in decisions.insert:
        facts = {name: getattr(draft, name) for name in ("onset_date", "evidence", "parts", "metric")}
        told.append((facts, _shares(draft.scope, draft.listing_id, facts)))
    for change in decisions.update:
        told.append((change.fields, _shares(*about[change.alert_id], change.fields)))
    known = _read(conn, [(one, facts["onset_date"]) for facts, shares in told for one in shares], today)
    evidence = [_evidence(facts, shares, known) for facts, shares in told]
    raised = zip(decisions.insert, evidence, strict=False)
    updated = zip(decisions.update, evidence[len(decisions.insert) :], strict=True)
    return replace(
        decisions,
        insert=tuple(replace(one, evidence=facts) for one, facts in raised),
        update=tuple(replace(one, fields={**one.fields, "evidence": facts}) for one, facts in updated),
    )


def _shares(scope: str, listing_id: int | None, facts: Mapping[str, Any]) -> dict[int, float]:
    """Return the share of its bookings that each listing concerned loses now; of a market's fall nobody's is known."""
    if scope == "listing" and listing_id is not None:
        return {listing_id: float(facts["parts"].get("share_lost", 0.0))}
    members = facts["evidence"].get("members", ()) if scope != "market" else ()
    named = facts["evidence"].get("listing_ids", ())
    return dict(zip(named, (float(one["share_lost"]) for one in members), strict=False))


def _read(conn: Connection, asked: Sequence[tuple[int, date]], today: date) -> _Known:
    """Read the forecasts of the listings concerned, each from before its earliest onset."""
    onset: dict[int, date] = {}
    for listing_id, day in asked:
        onset[listing_id] = min(day, onset.get(listing_id, day))
    ids = sorted(onset)
    made = forecasts.known_before(conn, ids, [onset[one] for one in ids], METRICS)
    paces = forecasts.known_before(conn, ids, [today] * len(ids), [PICKUP])
    return _Known(
        {(one.listing_id, one.metric): one for one in made},
        {one.listing_id: one for one in paces if one.as_of_date > today - timedelta(days=NEW_DAYS)}, today,
    )  # fmt: skip


def _evidence(facts: Mapping[str, Any], shares: Mapping[int, float], known: _Known) -> dict[str, Any]:
    """Return an alert's evidence with what is known of the days to come."""
    evidence = dict(facts["evidence"])
    bookings = [known.made.get((one, BOOKINGS)) for one in shares]
    there = [one for one in bookings if one is not None]
    if shares and len(there) == len(shares) and any(shares.values()):
        lost = forecast.lost_ahead([one.payload for one in there], list(shares.values()), known.today)
        if lost is not None:
            evidence[OUTLOOK] = {
                "days": forecast.LOOK_AHEAD_DAYS, "model": ", ".join(sorted({one.model for one in there})),
                "from_date": min(one.as_of_date for one in there).isoformat(), "bookings": lost.bookings,
                "expected_minor": lost.expected_minor, "lost_minor": lost.lost_minor,
            }  # fmt: skip
    if len(shares) == 1:
        (only,) = shares
        evidence |= _pace(known.paces.get(only)) | _drawn(facts["metric"], evidence.get("chart"), only, known)
    return evidence


def _pace(found: StoredForecast | None) -> dict[str, Any]:
    """Return how the books of the next weeks stand beside last year's and the market's."""
    if found is None:
        return {}
    (window,) = [one for one in found.payload["windows"] if one["days"] == PACE_DAYS]
    names = ("days", "nights_alike", "nights_last_year", "behind_last_year_nights", "behind_last_year_minor",
             "behind_market_nights", "behind_market_minor")  # fmt: skip
    return {PACE: {name: window[name] for name in names} | {"as_of_date": found.as_of_date.isoformat()}}


def _drawn(metric: str, chart: Any, listing_id: int, known: _Known) -> dict[str, Any]:
    """Return the chart's series with the forecast that goes on from before the onset to the days to come."""
    made = known.made.get((listing_id, DRAWN.get(metric, "")))
    if made is None or not isinstance(chart, Mapping) or not chart.get("days"):
        return {}
    payload = made.payload
    first = date.fromisoformat(payload["first_date"])
    shown = (known.today - first).days + forecast.LOOK_AHEAD_DAYS
    if not 0 < shown <= len(payload["mean"]):
        return {}
    days = [(first + timedelta(days=ahead)).isoformat() for ahead in range(shown)]
    series = {"mean": payload["mean"][:shown], "lower": payload["lower"][BAND][:shown],
              "upper": payload["upper"][BAND][:shown]}  # fmt: skip
    return {"chart": {**chart, "forecast": {"days": days, "model": made.model, **series}}}
