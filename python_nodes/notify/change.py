"""What kind of change a series shows, as a sentence, from the facts that are stored beside its English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from python_nodes.domain import written
from python_nodes.domain.said import marked, say

RATES = frozenset({"conversion_rate", "click_through_rate"})
PLACES = "search_rank"
SIZES = frozenset({PLACES, "competitor_price", "listed_price"})
"""Metrics that have a size each day; all others count what a day brings."""
SENTENCES = {
    "level_shift": marked("level shift since {since}"),
    "slow_decline": marked("slow decline since {since}"),
    "missing": marked("data missing since {since}"),
    "flat_line": marked("flat line since {since}, {after} every day"),
    "variance": marked("more variable since about {since}, by {after} times"),
}
FROM_TO = {
    "level_shift": marked("level shift since {since}, from {before} to {after}"),
    "slow_decline": marked("slow decline since {since}, from {before} to {after}"),
}
A_DAY = {
    "level_shift": marked("level shift since {since}, from {before} to {after} a day"),
    "slow_decline": marked("slow decline since {since}, from {before} to {after} a day"),
}
FROM_PLACE = {
    "level_shift": marked("level shift since {since}, from place {before} to {after}"),
    "slow_decline": marked("slow decline since {since}, from place {before} to {after}"),
}


def sentence(facts: object) -> str | None:
    """Say it; None where the facts do not tell all that the sentence needs."""
    if not isinstance(facts, Mapping) or facts.get("kind") not in SENTENCES or not _is_day(facts.get("since_date")):
        return None
    kind, metric = str(facts["kind"]), str(facts.get("metric"))
    values = {"since": written.day(date.fromisoformat(facts["since_date"]))}
    before, after = facts.get("before"), facts.get("after")
    if kind in FROM_TO:
        if before is None or after is None:
            return say(SENTENCES[kind], **values)
        told = FROM_PLACE if metric == PLACES else FROM_TO if metric in RATES | SIZES else A_DAY
        return say(told[kind], before=_amount(before, metric), after=_amount(after, metric), **values)
    if "{after}" in SENTENCES[kind] and after is None:
        return None
    return say(SENTENCES[kind], after="" if after is None else written.number(float(after)), **values)


def _amount(value: Any, metric: str) -> str:
    if metric in RATES:
        return written.share(float(f"{float(value):.2g}"), 3)
    return written.number(round(value) if abs(value) >= 100 or metric == PLACES else float(f"{value:.2g}"))


def _is_day(text: object) -> bool:
    try:
        return bool(date.fromisoformat(str(text)))
    except ValueError:
        return False
