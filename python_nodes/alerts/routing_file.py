"""The routing file: TOML, read once, refused with the line and the name of what is wrong."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from python_nodes.alerts import rotation, routing_checks, toml_lines
from python_nodes.alerts.chains import (
    Chain,
    HandOver,
    IfMoreThan,
    IfUnacknowledged,
    Notify,
    RepeatFrom,
    Step,
    Wait,
)
from python_nodes.alerts.policy import MATCHED, WEEKDAYS, Escalation, Hours, Person, RoutePolicy, Rule, Team
from python_nodes.alerts.rotation import Rotation
from python_nodes.alerts.routing_checks import Wrong
from python_nodes.alerts.routing_tables import (
    ChainTable,
    EscalationTable,
    File,
    HoursTable,
    Matching,
    Names,
    StepTable,
    TeamTable,
    Told,
)
from python_nodes.alerts.toml_lines import Place
from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "data" / "routing.toml"
VARIABLE = "$"
"""A recipient that begins so is a variable of the environment; it may hold several, parted by commas."""
MAY_LACK = "?"
"""Ends a variable that need not be set."""
MOST_SAID = 10
"""Of what is wrong in one file: each one's line is searched for."""
SURE_OF = timedelta(days=90)
"""How far ahead somebody must be on call in every rotation."""


def load(
    path: Path, senders: Collection[str], variables: Mapping[str, str], not_set_up: Mapping[str, str] | None = None,
    *, as_of: datetime | None = None, may_run_out: bool = False,
) -> RoutePolicy:  # fmt: skip
    """Read and check the file; ``senders`` are all that exist, ``variables`` what a ``$NAME`` may stand for.

    From ``as_of`` on, somebody must be on call in each rotation for 90 days; without it that is not looked at.
    ``may_run_out``: a calendar that ends within them is taken, one with a hole is not. Whoever was in service with it
    must come back into service; when it has ended everybody is told, and the digest says so before.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        told = File.model_validate(tomllib.loads(text))
    except ValidationError as error:
        wrongs = error.errors(include_input=False)
        reasons = [_said(text, one["loc"], (), one["msg"]) for one in wrongs[:MOST_SAID]]
        reasons += [f"and {len(wrongs) - MOST_SAID} more"] if len(wrongs) > MOST_SAID else []
        raise ConfigError(f"{path.name}: {'; '.join(reasons)}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.name}: {error}") from None
    try:
        routing_checks.check(told, senders)
        return _policy(told, _Reading(path.parent, variables, not_set_up or {}, as_of, may_run_out), text)
    except Wrong as wrong:
        raise ConfigError(f"{path.name}: {_said(text, wrong.place, wrong.within, wrong.reason)}") from None


def _said(text: str, place: Place, within: Place, reason: str) -> str:
    """Write what is wrong with its line and its name."""
    line = toml_lines.line_of(text, (*place, *within))
    return f"{f'line {line}: ' if line else ''}{_field(place)}: {reason}"


def _field(place: Place) -> str:
    """Write where it is as the file's author would: ``routes[2].category``, counted from 1."""
    parts = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.lstrip(".") or "file"


class _Reading:
    """What a file is read with."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        not_set_up: Mapping[str, str],
        as_of: datetime | None,
        may_run_out: bool,
    ) -> None:
        self.folder = folder
        self.variables = variables
        self.not_set_up = not_set_up
        self.as_of = as_of
        self.may_run_out = may_run_out

    def resolve(self, place: Place, words: Names) -> tuple[str, ...]:
        """Return the recipients that words stand for, each once."""
        found = [one for at, word in enumerate(words) for one in self._resolve(place, at, word)]
        return tuple(dict.fromkeys(found))

    def _resolve(self, place: Place, at: int, word: str) -> list[str]:
        if not word.startswith(VARIABLE):
            return [word]
        name = word.removeprefix(VARIABLE)
        variable = name.removesuffix(MAY_LACK)
        if variable not in self.variables and name == variable:
            raise Wrong(place, f"{variable} is not set in the environment", (at,))
        return [one.strip() for one in self.variables.get(variable, "").split(",") if one.strip()]


def _policy(told: File, reading: _Reading, text: str) -> RoutePolicy:
    people = {
        name: Person(name=name, recipients=_recipients(("people", name), one.recipients, reading)[0])
        for name, one in told.people.items()
    }
    sure = told.causes.probability
    chains = {name: _chain(name, one) for name, one in told.chains.items()}
    plain = {_chain_name(one): _plain_chain(one) for one in told.escalations if one.chain is None}
    return RoutePolicy(
        teams=_teams(told, reading),
        routes=tuple(_rule(one.name, one, _matches(one), sure=sure, is_last=one.last) for one in told.routes),
        default=_rule("default", told.default, {}),
        escalations=tuple(
            Escalation(rule=_rule(one.name, one, _matches(one), sure=sure), chain=_chain_name(one))
            for one in told.escalations
        ),
        digest=_rule("digest", told.digest, {}),
        weekly=told.digest.weekly,
        not_set_up=dict(reading.not_set_up),
        languages=_languages(told, reading),
        people=people,
        rotations={name: _rotation(name, told, people, reading) for name in told.rotations},
        chains=chains | plain,
        edition=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _teams(told: File, reading: _Reading) -> dict[str, Team]:
    """Build the teams; one in which nobody can be reached is given those of the team it falls back to."""
    own = {name: _team(name, team, told.hours, reading) for name, team in told.teams.items()}
    found = {}
    for name, team in own.items():
        other = told.teams[name].falls_back_to
        if other is None or _is_reachable(team, reading.not_set_up):
            found[name] = team
            continue
        there = own[other]
        found[name] = Team(
            name=name, recipients=there.recipients, hours=there.hours, unset=there.unset, rotation=there.rotation,
            stands_in=other,
        )  # fmt: skip
    return found


def _is_reachable(team: Team, not_set_up: Mapping[str, str]) -> bool:
    own = any(recipients and sender not in not_set_up for sender, recipients in team.recipients.items())
    return own or team.rotation is not None


def _team(name: str, team: TeamTable, hours: Mapping[str, HoursTable], reading: _Reading) -> Team:
    recipients, unset = _recipients(("teams", name), team.recipients, reading)
    return Team(
        name=name, recipients=recipients, hours=_hours(team.hours, hours), unset=unset, rotation=team.rotation
    )  # fmt: skip


def _recipients(
    place: Place, told: Mapping[str, Names], reading: _Reading
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:  # fmt: skip
    """Return the recipients by sender, and for a sender without any why."""
    found = {sender: reading.resolve((*place, "recipients", sender), words) for sender, words in told.items()}
    unset = {
        sender: f"{', '.join(word.strip(VARIABLE + MAY_LACK) for word in told[sender])} is empty: nobody to send to"
        for sender, recipients in found.items() if not recipients
    }  # fmt: skip
    return found, unset


def _languages(told: File, reading: _Reading) -> dict[str, str]:
    """Return each recipient's language, the own before the team's."""
    found: dict[str, str] = {}
    for group, members in (("teams", told.teams), ("people", told.people)):
        for name, one in members.items():
            for sender, words in one.recipients.items() if one.language else ():
                there = reading.resolve((group, name, "recipients", sender), words)
                found |= dict.fromkeys(there, str(one.language))
    for word, language in told.languages.items():
        found |= dict.fromkeys(reading.resolve(("languages", word), [word]), language)
    return found


def _rotation(name: str, told: File, people: Mapping[str, Person], reading: _Reading) -> Rotation:
    """Read who is on call; refuse a file in which for a time nobody is."""
    place: Place = ("rotations", name, "file")
    table = told.rotations[name]
    known = {one.casefold(): one for one in people}
    known |= {address.casefold(): one.name for one in people.values() for address in one.recipients.get("email", ())}
    try:
        content = (reading.folder / table.file).read_bytes()
        found = Rotation(name=name, file=table.file, zone=table.zone, content=content, people=known)
        rotation.check(found)
        gap = found.gap(reading.as_of, reading.as_of + SURE_OF) if reading.as_of is not None else None
    except OSError as error:
        raise Wrong(place, f"{table.file}: {error.strerror}") from None
    except ConfigError as error:
        raise Wrong(place, str(error)) from None
    if gap is not None and not (reading.may_run_out and found.is_end(gap)):
        zone = ZoneInfo(table.zone)
        span = f"from {gap.start.astimezone(zone):%Y-%m-%d %H:%M} to {gap.end.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        raise Wrong(place, f"a gap: {table.file} has nobody on call {span}, {gap.place()}")
    return found


def _hours(name: str | None, hours: Mapping[str, HoursTable]) -> Hours | None:
    if name is None:
        return None
    found = hours[name]
    ordered = tuple(day for day in WEEKDAYS if day in found.days)
    return Hours(name=name, zone=found.zone, days=ordered, start=found.start, end=found.end)


def _chain_name(one: EscalationTable) -> str:
    return one.chain if one.chain is not None else f"{one.name} (after {one.after_minutes} min)"


def _plain_chain(one: EscalationTable) -> Chain:
    """Write the short form, minutes and teams, as the chain it stands for."""
    wait = Wait(span=timedelta(minutes=one.after_minutes or 0))
    notify = Notify(teams=tuple(one.teams), senders=frozenset(one.senders or ()))
    return Chain(name=_chain_name(one), steps=(wait, notify))


def _chain(name: str, told: ChainTable) -> Chain:
    return Chain(name=name, steps=tuple(_step(one) for one in told.steps), until=told.until)


def _step(told: StepTable) -> Step:
    if told.notify is not None:
        senders = frozenset(told.notify.senders or ())
        return Notify(teams=tuple(told.notify.teams), rotations=tuple(told.notify.rotations), senders=senders)
    if told.wait is not None:
        return Wait(span=timedelta(minutes=told.wait))
    if told.if_more_than is not None:
        return IfMoreThan(alerts=told.if_more_than.alerts, span=timedelta(minutes=told.if_more_than.minutes))
    if told.repeat_from is not None:
        return RepeatFrom(step=told.repeat_from - 1, times=told.times or 1)
    return HandOver(chain=told.hand_over) if told.hand_over is not None else IfUnacknowledged()


def _matches(route: Matching) -> dict[str, frozenset[str]]:
    wanted = {name: getattr(route, name) for name in MATCHED}
    return {name: frozenset(values) for name, values in wanted.items() if values is not None}


def _rule(
    name: str, told: Told, matches: Mapping[str, frozenset[str]], *, sure: float = 0.5, is_last: bool = False
) -> Rule:  # fmt: skip
    return Rule(
        name=name, matches=matches, teams=tuple(told.teams), senders=frozenset(told.senders or ()), is_last=is_last,
        sure=sure,
    )  # fmt: skip
