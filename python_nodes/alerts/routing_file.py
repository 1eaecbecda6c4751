"""The routing file: TOML, read once, refused with the name of the field that is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from python_nodes.alerts.policy import MATCHED, WEEKDAYS, Escalation, Hours, RoutePolicy, Rule, Team
from python_nodes.domain.findings import Category
from python_nodes.domain.metrics import METRICS
from python_nodes.domain.speech import LANGUAGES
from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "data" / "routing.toml"
VARIABLE = "$"
"""A recipient that begins so is a variable of the environment; it may hold several, parted by commas."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


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
Language = Annotated[str, AfterValidator(_language)]
Names = Annotated[list[Word], BeforeValidator(_listed), Field(min_length=1)]
Categories = Annotated[list[Category], BeforeValidator(_listed), Field(min_length=1)]
Metrics = Annotated[list[Annotated[str, AfterValidator(_metric)]], BeforeValidator(_listed), Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Hours(_Table):
    zone: Annotated[str, AfterValidator(_zone)]
    days: list[Weekday] = Field(default_factory=_all_week, min_length=1)
    start: time = Field(alias="from")
    end: time = Field(alias="to")


class _Team(_Table):
    recipients: dict[str, Names]
    hours: str | None = None
    language: Language | None = None


class _Told(_Table):
    teams: list[Word] = Field(default_factory=list)
    senders: Names | None = None


class _Matching(_Told):
    name: Word
    market: Names | None = None
    category: Categories | None = None
    cause: Names | None = None
    channel: Names | None = None
    property: Names | None = None
    metric: Metrics | None = None
    kind: Names | None = None


class _Route(_Matching):
    last: bool = False


class _Escalation(_Matching):
    after_minutes: int = Field(ge=1, le=7 * 24 * 60)


class _File(_Table):
    hours: dict[str, _Hours] = Field(default_factory=dict)
    teams: dict[str, _Team]
    languages: dict[Word, Language] = Field(default_factory=dict)
    routes: list[_Route] = Field(default_factory=list)
    escalations: list[_Escalation] = Field(default_factory=list)
    digest: _Told = Field(default_factory=_Told)
    default: _Told


def load(
    path: Path, senders: Collection[str], variables: Mapping[str, str], not_set_up: Mapping[str, str] | None = None
) -> RoutePolicy:
    """Read and check the file; ``senders`` are all that exist, ``variables`` what a ``$NAME`` may stand for."""
    try:
        told = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from None
    except ValidationError as error:
        reasons = [f"{_field(one['loc'])}: {one['msg']}" for one in error.errors(include_input=False)]
        raise ConfigError(f"{path.name}: {'; '.join(reasons)}") from None
    try:
        _check_names(told, senders)
        return RoutePolicy(
            teams={name: _team(name, team, told.hours, variables) for name, team in told.teams.items()},
            routes=tuple(_rule(route.name, route, _matches(route), is_last=route.last) for route in told.routes),
            default=_rule("default", told.default, {}),
            escalations=tuple(_escalation(one) for one in told.escalations),
            digest=_rule("digest", told.digest, {}),
            not_set_up=dict(not_set_up or {}),
            languages=_languages(told, variables),
        )
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from None


def _field(place: tuple[int | str, ...]) -> str:
    """Write where it is as the file's author would: ``routes[2].category``, counted from 1."""
    parts = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.lstrip(".") or "file"


def _check_names(told: _File, senders: Collection[str]) -> None:
    """Refuse teams, senders and hours that nothing defines."""
    for name, team in told.teams.items():
        for sender in team.recipients:
            _known(f"teams.{name}.recipients", "sender", sender, senders)
        if team.hours is not None:
            _known(f"teams.{name}.hours", "hours", team.hours, told.hours)
    places: list[tuple[str, _Told]] = [("default", told.default), ("digest", told.digest)]
    places += [(f"routes[{at}]", one) for at, one in enumerate(told.routes, 1)]
    places += [(f"escalations[{at}]", one) for at, one in enumerate(told.escalations, 1)]
    for where, route in places:
        for team_name in route.teams:
            _known(f"{where}.teams", "team", team_name, told.teams)
        for sender in route.senders or ():
            _known(f"{where}.senders", "sender", sender, senders)
    _check_once("routes", "route", [route.name for route in told.routes])
    _check_once("escalations", "escalation", [one.name for one in told.escalations])


def _check_once(where: str, what: str, names: Sequence[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ConfigError(f"{where}[{at + 1}].name: {name!r} is the name of an earlier {what}")


def _known(where: str, what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ConfigError(f"{where}: unknown {what} {name!r}; there are: {', '.join(sorted(known)) or 'none'}")


def _team(name: str, team: _Team, hours: Mapping[str, _Hours], variables: Mapping[str, str]) -> Team:
    recipients: dict[str, tuple[str, ...]] = {}
    unset: dict[str, str] = {}
    for sender, wanted in team.recipients.items():
        found = [one for word in wanted for one in _resolve(f"teams.{name}.recipients.{sender}", word, variables)]
        recipients[sender] = tuple(dict.fromkeys(found))
        if not found:
            unset[sender] = f"{', '.join(word.lstrip(VARIABLE) for word in wanted)} is empty: nobody to send to"
    return Team(name=name, recipients=recipients, hours=_hours(team.hours, hours), unset=unset)


def _languages(told: _File, variables: Mapping[str, str]) -> dict[str, str]:
    """Return each recipient's language, the own before the team's."""
    found: dict[str, str] = {}
    for name, team in told.teams.items():
        for sender, wanted in team.recipients.items() if team.language else ():
            for word in wanted:
                there = _resolve(f"teams.{name}.recipients.{sender}", word, variables)
                found |= dict.fromkeys(there, str(team.language))
    for word, language in told.languages.items():
        found |= dict.fromkeys(_resolve(f"languages.{word}", word, variables), language)
    return found


def _resolve(where: str, word: str, variables: Mapping[str, str]) -> list[str]:
    if not word.startswith(VARIABLE):
        return [word]
    variable = word[len(VARIABLE) :]
    if variable not in variables:
        raise ConfigError(f"{where}: {variable} is not set in the environment")
    return [one.strip() for one in variables[variable].split(",") if one.strip()]


def _hours(name: str | None, hours: Mapping[str, _Hours]) -> Hours | None:
    if name is None:
        return None
    found = hours[name]
    ordered = tuple(day for day in WEEKDAYS if day in found.days)
    return Hours(name=name, zone=found.zone, days=ordered, start=found.start, end=found.end)


def _escalation(told: _Escalation) -> Escalation:
    return Escalation(rule=_rule(told.name, told, _matches(told)), after=timedelta(minutes=told.after_minutes))


def _matches(route: _Matching) -> dict[str, frozenset[str]]:
    wanted = {name: getattr(route, name) for name in MATCHED}
    return {name: frozenset(values) for name, values in wanted.items() if values is not None}


def _rule(name: str, told: _Told, matches: Mapping[str, frozenset[str]], *, is_last: bool = False) -> Rule:
    return Rule(
        name=name, matches=matches, teams=tuple(told.teams), senders=frozenset(told.senders or ()), is_last=is_last
    )
