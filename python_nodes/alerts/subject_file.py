"""An alert as programs told it, read back as what routes look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from python_nodes.alerts.policy import Subject
from python_nodes.alerts.route import likeliest
from python_nodes.domain.findings import Category
from python_nodes.errors import PermanentError


def read(told: Any) -> Subject:
    """Read an alert as ``GET /v1/alerts/{id}`` or a run's report tells it; what is wrong is named."""
    if not isinstance(told, Mapping):
        raise PermanentError("the alert must be a JSON object, as GET /v1/alerts/{id} answers", field="alert")
    category = _text(told, "category")
    if category not in get_args(Category):
        raise PermanentError(f"category: {category!r} is not one of {', '.join(get_args(Category))}", field="category")
    evidence = told.get("evidence")
    facts: Mapping[str, Any] = evidence if isinstance(evidence, Mapping) else {}
    try:
        members = facts.get("members") or ()
        channels = {str(one["channel"]) for one in members if isinstance(one, Mapping) and "channel" in one}
        (team, probability), spread = likeliest(facts), int(facts.get("spread", 0))
    except (TypeError, ValueError, OverflowError) as error:
        raise PermanentError(f"evidence: {error}", field="evidence") from None
    return Subject(
        category=next(one for one in get_args(Category) if one == category),
        cause=_text(told, "cause"),
        kind=str(told.get("kind") or ""),
        metric=str(told.get("metric") or ""),
        markets=_one(told, "market"),
        properties=_one(told, "property"),
        channels=_one(told, "channel") or frozenset(channels),
        raised_at=_moment(told, "raised_at") or datetime.min.replace(tzinfo=UTC),
        resolved_at=_moment(told, "resolved_at"),
        spread=spread,
        cause_team=team,
        cause_probability=probability,
    )


def _text(told: Mapping[str, Any], name: str) -> str:
    if not isinstance(told.get(name), str) or not told[name]:
        raise PermanentError(f"{name}: must be text", field=name)
    return str(told[name])


def _one(told: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset({str(told[name])}) if told.get(name) else frozenset()


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    return None if told.get(name) is None else moment(str(told[name]), name)


def moment(text: str, name: str) -> datetime | None:
    """Read a moment with its zone; None for no text."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise PermanentError(f"{name}: {text!r} is no ISO 8601 time", field=name) from None
    if found.tzinfo is None:
        raise PermanentError(f"{name}: {text!r} needs a zone, such as Z", field=name)
    return found
