"""The tables of the routing file, as pydantic checks them; names that refer to others are checked afterwards."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from python_nodes.alerts.chains import Until
from python_nodes.domain.findings import Category
from python_nodes.domain.metrics import METRICS
from python_nodes.domain.speech import LANGUAGES

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK_MINUTES = 7 * 24 * 60


def _listed(value: Any) -> Any:
    """Take one word for a list of one."""
    return [value] if isinstance(value, str) else value


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no IANA time zone, such as Europe/Lisbon")
    return name


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"{name!r} is no metric; there are: {', '.join(METRICS)}")
    return name


def _language(name: str) -> str:
    try:
        found = Locale.parse(name, sep="-" if "-" in name else "_")
    except (ValueError, UnknownLocaleError):
        raise ValueError(f"{name!r} is no language, such as en or en_US") from None
    if found.language not in LANGUAGES:
        raise ValueError(f"no messages in {name!r}; there are: {', '.join(LANGUAGES)}")
    return str(found)


def _all_week() -> list[Weekday]:
    return ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


Word = Annotated[str, Field(min_length=1)]
Zone = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]
Names = Annotated[list[Word], BeforeValidator(_listed), Field(min_length=1)]
Categories = Annotated[list[Category], BeforeValidator(_listed), Field(min_length=1)]
Metrics = Annotated[list[Annotated[str, AfterValidator(_metric)]], BeforeValidator(_listed), Field(min_length=1)]
Minutes = Annotated[int, Field(ge=1, le=WEEK_MINUTES)]


class Table(BaseModel):
    """A table: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HoursTable(Table):
    """When somebody is at work."""

    zone: Zone
    days: list[Weekday] = Field(default_factory=_all_week, min_length=1)
    start: time = Field(alias="from")
    end: time = Field(alias="to")


class TeamTable(Table):
    """People who are told together."""

    recipients: dict[str, Names] = Field(default_factory=dict)
    hours: str | None = None
    language: Language | None = None
    rotation: Word | None = None
    falls_back_to: Word | None = None


class PersonTable(Table):
    """Somebody who may be on call."""

    recipients: dict[str, Names]
    language: Language | None = None


class RotationTable(Table):
    """Who is on call, in an iCal file beside this one."""

    file: Word
    zone: Zone = "UTC"


class Told(Table):
    """Who is told, by which senders."""

    teams: list[Word] = Field(default_factory=list)
    senders: Names | None = None


class DigestTable(Told):
    """Who gets the summary of the day, and on which weekday that of the week; ``never`` for none."""

    weekly: Weekday | Literal["never"] = "mon"


class Matching(Told):
    """What an alert must be, all of it."""

    name: Word
    market: Names | None = None
    category: Categories | None = None
    cause: Names | None = None
    channel: Names | None = None
    property: Names | None = None
    metric: Metrics | None = None
    kind: Names | None = None
    cause_team: Names | None = None


class RouteTable(Matching):
    """Who is told at first."""

    last: bool = False


class EscalationTable(Matching):
    """Who is told next: by a chain, or after so many minutes."""

    after_minutes: Minutes | None = None
    chain: Word | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.chain is None) == (self.after_minutes is None):
            raise ValueError("either chain, or after_minutes and teams")
        if self.chain is None and not self.teams:
            raise ValueError("with after_minutes, teams say who is told")
        if self.chain is not None and (self.teams or self.senders):
            raise ValueError("with a chain its steps say which teams and senders; take teams and senders out")
        return self


class NotifyTable(Told):
    """Whom a step tells."""

    rotations: Annotated[list[Word], BeforeValidator(_listed)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.teams or self.rotations or self.senders):
            raise ValueError("name teams, rotations, or senders of those whom routes lead to")
        return self


class MoreThanTable(Table):
    """How many alerts within how many minutes."""

    alerts: int = Field(ge=1, le=100_000)
    minutes: Minutes


STEPS = ("notify", "wait", "if_unacknowledged", "if_more_than", "repeat_from", "hand_over")


class StepTable(Table):
    """One step: exactly one of these, ``times`` beside ``repeat_from``."""

    notify: NotifyTable | None = None
    wait: Minutes | None = None
    if_unacknowledged: Literal[True] | None = None
    if_more_than: MoreThanTable | None = None
    repeat_from: int | None = Field(default=None, ge=1)
    times: int | None = Field(default=None, ge=1, le=50)
    hand_over: Word | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        there = [name for name in STEPS if getattr(self, name) is not None]
        if len(there) != 1:
            raise ValueError(f"a step is exactly one of {', '.join(STEPS)}; this is {' and '.join(there) or 'none'}")
        if (self.times is None) != (self.repeat_from is None):
            raise ValueError("repeat_from and times go together: how often at most")
        return self


class ChainTable(Table):
    """Steps in order."""

    steps: list[StepTable] = Field(min_length=1, max_length=50)
    until: Until = "acknowledged"


class CausesTable(Table):
    """How probable the likeliest cause must be for ``cause_team`` to match."""

    probability: float = Field(default=0.5, ge=0.0, le=1.0)


class File(Table):
    """The whole file."""

    hours: dict[str, HoursTable] = Field(default_factory=dict)
    people: dict[Word, PersonTable] = Field(default_factory=dict)
    rotations: dict[Word, RotationTable] = Field(default_factory=dict)
    teams: dict[str, TeamTable]
    languages: dict[Word, Language] = Field(default_factory=dict)
    causes: CausesTable = Field(default_factory=CausesTable)
    routes: list[RouteTable] = Field(default_factory=list)
    escalations: list[EscalationTable] = Field(default_factory=list)
    chains: dict[Word, ChainTable] = Field(default_factory=dict)
    digest: DigestTable = Field(default_factory=DigestTable)
    default: Told
