"""Sentences that are stored in English only, said in the reader's language by finding the template they came from.

Reasons of what was done are kept for programs and history as plain English. Each of them comes from one of these
templates; what is none of them is a person's or a vendor's own text and stays as it is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache

from python_nodes.domain import written
from python_nodes.domain.said import marked, say
from python_nodes.notify import words

TEMPLATES = (
    marked("resolved by {actor}"),
    marked("judged a false alarm by {actor}"),
    marked("judged an expected event by {actor}"),
    marked("judged a new normal by {actor}"),
    marked("real: {note}"),
    marked("false alarm: {note}"),
    marked("expected event: {note}"),
    marked("new normal: {note}"),
    marked("data problem: {note}"),
    marked("real"),
    marked("false alarm"),
    marked("expected event"),
    marked("new normal"),
    marked("data problem"),
    marked("still there and worse: {before_category} became {category}"),
    marked("still there, and on {number} more listing"),
    marked("still there, and on {number} more listings"),
    marked("still there, category {category}, not worse than {before_category}: updated without telling again"),
    marked("comes and goes: held open until it has stayed away for a day or so"),
    marked("goes on as the {scope}'s {kind}, before the {before_scope}'s {before_kind}: {change}"),
    marked("still there after the {pause}: {reason}; meanwhile: {missed}"),
    marked("still there after the {pause}: {reason}"),
    marked("came back {span} after it had ended"),
    marked("An event, {start_date} to {end_date}: {title}"),
    marked("Wrong data, {start_date} to {end_date}: {title}"),
    marked("A new normal since {onset_date} ({told}): {title}"),
    marked("{kind} on {segment}: {number} times stricter"),
    marked("{kind} on {segment}: back to the budget"),
    marked("{kind} on {segment}: more {above_metric} than {metric} bring count by {share}"),
    marked("{kind}: {cause}, confirmed {number} times"),
    marked("maintenance"),
    marked("quiet hours"),
    marked("snooze"),
    marked("flapping"),
    marked("{kind} is no longer found"),
    marked("Nobody has taken care of it for {span}: {rule}"),
    marked("It is not over, though in hand, after {span}: {rule}"),
    marked("{hours} h"),
    marked("This alert"),
    marked("Dashboard"),
    marked("{channel} extranet"),
    marked("{minutes} min"),
)
"""Those of other stages, which may not know the catalogue."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MOMENT = "%d %b %Y, %H:%M UTC"
"""As a note keeps the end of a snooze."""
NESTED = frozenset({"span", "pause", "missed", "change"})
_SCOPES = {
    "listing": marked("listing"), "unit": marked("unit"), "property": marked("property"), "market": marked("market"),
}  # fmt: skip
_SLOT = re.compile(r"\\\{([a-z_]+)\\\}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_SLOT.sub(r"(?P<\1>.+?)", re.escape(template)))


def heard(sentence: str) -> str:
    """Say a stored sentence anew."""
    with suppress(ValueError):
        return written.day(date.fromisoformat(sentence))
    with suppress(ValueError):
        return written.moment(datetime.strptime(sentence, _MOMENT).replace(tzinfo=UTC))
    for template in TEMPLATES:
        found = _pattern(template).fullmatch(sentence)
        if found is not None:
            return say(template, **{name: _part(name, part) for name, part in found.groupdict().items()})
    return words.value(sentence) if sentence in words.VALUES else say(sentence)


def _part(name: str, text: str) -> str:
    if _NUMBER.fullmatch(text):
        return written.number(float(text) if "." in text else int(text))
    if name in NESTED or name.endswith("_date"):
        return heard(text)
    if name.endswith("category"):
        return words.category(text)
    if name.endswith("scope"):
        return say(_SCOPES.get(text, text))
    if name.endswith("metric"):
        return words.metric(text)
    if name == "cause":
        return words.cause(text)
    return words.kind(text) if name.endswith("kind") else text
