"""What a verdict would change: six kinds, each a plain record that is stored as JSON and never altered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from python_nodes.errors import PermanentError

ChangeKind = Literal["event", "new_normal", "cut", "exposure", "data_problem", "cause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Days on which something was on that people knew of: neither judged nor learnt from, both days included."""

    listing_ids: tuple[int, ...]
    scope: str
    place: str
    start_date: date
    end_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNormal:
    """A level that stays: what the series told before ``since_date`` is read as ``ratio`` of itself.

    Of the watches that look at ``metric`` beside ``exposure`` (None: beside nothing), and of no other: a listing whose
    impressions fell for good has the click-through that it had.
    """

    listing_ids: tuple[int, ...]
    metric: str
    exposure: str | None
    since_date: date
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNormals:
    """The series of an alert that have a new level, with what it explains: people saw one thing."""

    scope: str
    place: str
    anchors: tuple[NewNormal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One watch cuts on some listings at ``factor`` of the false alerts that the budget allows them."""

    watch: str
    segment: str
    listing_ids: tuple[int, ...]
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Of more ``exposure`` than ``above``, the step before it, usually brings, ``metric`` follows by ``follows`` only.

    Views that nobody's search brought are visitors who never book. Held so by all watches of that metric beside that
    exposure; ``watch`` is the one whose false alarms taught it.
    """

    watch: str
    segment: str
    listing_ids: tuple[int, ...]
    metric: str
    exposure: str
    above: str
    follows: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """Days of which what we heard was wrong: neither judged nor learnt from, both days included."""

    listing_ids: tuple[int, ...]
    scope: str
    place: str
    start_date: date
    end_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A cause that people confirmed of a kind of alert: so many more of it in what is expected of the next."""

    kind: str
    cause: str
    times: int


Change = Event | NewNormals | Cut | Exposure | Doubtful | Confirmed
CLASSES: Mapping[ChangeKind, type[Any]] = {
    "event": Event, "new_normal": NewNormals, "cut": Cut, "exposure": Exposure, "data_problem": Doubtful,
    "cause": Confirmed,
}  # fmt: skip


def kind_of(change: Change) -> ChangeKind:
    """Name a change's kind."""
    return next(kind for kind, one in CLASSES.items() if isinstance(change, one))


def to_json(change: Change) -> dict[str, Any]:
    """Write a change in plain JSON."""
    told: dict[str, Any] = TypeAdapter(type(change)).dump_python(change, mode="json")
    return told


def from_json(kind: str, told: Mapping[str, Any]) -> Change:
    """Read a change as `to_json` wrote it.

    Raises
    ------
    PermanentError
        If it is no change of that kind.
    """
    found = next((one for name, one in CLASSES.items() if name == kind), None)
    if found is None:
        raise PermanentError(f"kind: {kind!r} is no change that verdicts make", status=422, field="kind")
    try:
        change: Change = TypeAdapter(found).validate_python(dict(told))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise PermanentError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", status=422) from None
    return change
