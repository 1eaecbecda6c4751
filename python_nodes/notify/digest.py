"""Word the day's summary for people; the senders lay it out as they do an alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from python_nodes.domain.findings import Alert, Category
from python_nodes.notify import render
from python_nodes.notify.base import Field, Link, Message

MAX_LINES = 8
WORST_FIRST: tuple[Category, ...] = ("critical", "high", "medium", "low")
ABOUT_MANY = 0
"""Stands where an alert's id would: a digest is about none in particular."""


def facts(
    standing: Sequence[Alert], ended: Sequence[Alert], raised_count: int, since: datetime, as_of: datetime,
    currency: str, troubles: Mapping[str, int],
) -> dict[str, Any]:  # fmt: skip
    """Put together what the digest tells, fit for JSON: it is kept, so that a second try says the same."""
    worst = sorted(standing, key=lambda one: (-one.impact_minor, one.alert_id))
    dear = sorted(ended, key=lambda one: (-one.lost_so_far_minor, one.alert_id))
    return {
        "day": f"{as_of:%Y-%m-%d}", "since": since.isoformat(), "currency": currency, "raised": raised_count,
        "open": {name: sum(1 for one in standing if one.category == name) for name in WORST_FIRST},
        "loss_per_day_minor": sum(one.loss_per_day_minor for one in standing),
        "lost_so_far_minor": sum(one.lost_so_far_minor for one in standing),
        "worst": [_line(one, one.impact_minor) for one in worst[:MAX_LINES]],
        "ended": [_line(one, one.lost_so_far_minor) for one in dear[:MAX_LINES]],
        "open_count": len(standing), "ended_count": len(ended), "troubles": dict(troubles),
    }  # fmt: skip


def _line(alert: Alert, amount_minor: int) -> dict[str, Any]:
    return {"title": alert.title, "category": alert.category, "amount_minor": amount_minor}


def message(
    told: Mapping[str, Any], *, delivery_id: str, recipient: str, links: Sequence[Link] = (), is_retry: bool = False
) -> Message:
    """Word one recipient's digest."""
    currency = str(told["currency"])
    return Message(
        delivery_id=delivery_id,
        alert_id=ABOUT_MANY,
        recipient=recipient,
        state="raised" if told["open_count"] else "resolved",
        category=next((name for name in WORST_FIRST if told["open"][name]), "low"),
        title=f"Daily digest, {render.day(datetime.fromisoformat(told['day']))}",
        summary=_summary(told, currency),
        fields=_fields(told, currency),
        evidence=(*_lines("Open", told["worst"], told["open_count"], "at stake", currency),
                  *_lines("Ended", told["ended"], told["ended_count"], "lost", currency)),
        links=tuple(links),
        is_retry=is_retry,
    )  # fmt: skip


def _summary(told: Mapping[str, Any], currency: str) -> str:
    if not told["open_count"]:
        return f"Nothing is open. {_count(told['ended_count'], 'alert')} ended since yesterday."
    per_day = render.money(told["loss_per_day_minor"], currency)
    return f"{_count(told['open_count'], 'alert')} open, together about {per_day} a day."


def _fields(told: Mapping[str, Any], currency: str) -> tuple[Field, ...]:
    by_category = ", ".join(f"{told['open'][name]} {name}" for name in WORST_FIRST if told["open"][name])
    troubles = told["troubles"]
    return (
        Field(label="Open", value=by_category or "none"),
        Field(label="Raised since yesterday", value=str(told["raised"])),
        Field(label="Ended since yesterday", value=str(told["ended_count"])),
        Field(label="Lost by what is open", value=render.money(told["lost_so_far_minor"], currency)),
        Field(label="Records kept back", value=str(troubles["rejected"])),
        Field(label="Steps of flows that failed", value=str(troubles["failed_steps"])),
        Field(label="Feeds that fail now", value=str(troubles["failing_feeds"])),
    )


def _lines(
    word: str, rows: Sequence[Mapping[str, Any]], count: int, what: str, currency: str
) -> tuple[str, ...]:  # fmt: skip
    lines = [
        f"{word}, {one['category']}: {one['title']} ({render.money(one['amount_minor'], currency)} {what})"
        for one in rows
    ]
    return (*lines, f"{word}: {count - len(rows)} more") if count > len(rows) else tuple(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
