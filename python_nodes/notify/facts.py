"""Evidence for people: which facts are told, and each as ``Name: value`` in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from python_nodes import privacy
from python_nodes.domain import written
from python_nodes.domain.findings import CHANGE, CHANGE_FACTS, Alert
from python_nodes.domain.said import SAID, retold, say, say_many
from python_nodes.notify import change, words
from python_nodes.notify.labels import label

EXPLAINS = "explains"
"""Holds the kinds of what the finding makes superfluous to tell."""
MAX_EVIDENCE = 8
MAX_ITEMS = 5

_SHOWN_ELSEWHERE = frozenset(
    {
        "days_to_resolution",
        "listing_ids",
        "listing_titles",
        "p_value",
        "lower",
        "upper",
        "currency",
        "chart",
        "confidence",
        "members",
        "told_listing_ids",
        "unit_id",
        "spread",
        "peers",
        "peers_moved",
        "outlook",
        "pace",
        "causes",
        "causes_known",
        "money",
        "share_lost_sd",
        "flap",
        "muted",
        "told_again",
        "was",
        CHANGE_FACTS,
        SAID,
    }
)
_PERSONAL = ("guest", "email", "phone")
_SHARES = frozenset({"share_lost", "confidence", "conversion_rate", "click_through_rate", "occupancy"})


def evidence(alert: Alert) -> tuple[str, ...]:
    """Choose and write the facts; anything named after a guest stays out, whoever put it in."""
    names = [
        name
        for name in alert.evidence
        if name not in _SHOWN_ELSEWHERE and not any(word in name.lower() for word in _PERSONAL)
    ]
    # What a guard saw is in the listing's money; what it costs is in the tenant's.
    currency = str(alert.evidence.get("currency") or alert.currency)
    return tuple(_line(name, alert.evidence, currency) for name in names[:MAX_EVIDENCE])


def _line(name: str, told: Mapping[str, Any], currency: str) -> str:
    """Write one fact; of a sentence what it was made of is told, where that was kept."""
    value = told[name]
    if isinstance(value, str):
        value = retold(told, name, value)
    if name == CHANGE:
        value = change.sentence(told.get(CHANGE_FACTS)) or value
    return fact(name, value, currency)


def fact(name: str, value: Any, currency: str) -> str:
    """Write one item of evidence as ``Name: value``, its unit taken from the name's suffix."""
    return say("{label}: {value}", label=label(name), value=_value(name, value, currency))


def _value(name: str, value: Any, currency: str) -> str:  # one line a type, in the order of how special it is
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return written.listed([f"{words.value(str(key))} {_value(str(key), item, currency)}" for key, item in items])
    if isinstance(value, (list, tuple)):
        return listed([_value(name, item, currency) for item in value])
    if isinstance(value, (int, float)):
        return _number(name, value, currency)
    return words.kind(str(value)) if name == EXPLAINS else _text(value)


def listed(names: Sequence[str]) -> str:
    """Name the first few in full, and how many there are besides."""
    shown = written.listed(names[:MAX_ITEMS])
    if len(names) <= MAX_ITEMS:
        return shown
    more = len(names) - MAX_ITEMS
    return say_many("{shown} and {count} more", "{shown} and {count} more", more, shown=shown)


def _number(name: str, value: int | float, currency: str) -> str:
    if name.endswith("_minor"):
        return written.money(value, currency)
    if name in _SHARES or name.endswith(("_share", "_rate")):
        return written.share(value)
    return written.number(value)


def _text(value: Any) -> str:
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # What a channel or a person wrote may name somebody; our own words hold no address and no number of anyone.
        return privacy.mask(words.value(text), is_prose=False)
    return written.day(date.fromisoformat(text)) if len(text) == len("2026-03-14") else written.moment(moment)
