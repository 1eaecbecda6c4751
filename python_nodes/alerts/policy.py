"""Who may be told of what, when: the routing file as the router sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from python_nodes.alerts.chains import Chain
from python_nodes.alerts.rotation import Rotation
from python_nodes.domain.findings import Category

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a team is at work, local time of ``zone``; ``end`` before ``start`` runs over midnight."""

    name: str
    zone: str
    days: tuple[str, ...]
    start: time
    end: time

    def is_open(self, at: datetime) -> bool:
        """Tell whether somebody is at work."""
        now = at.astimezone(ZoneInfo(self.zone))
        return any(
            begin <= now < self._end_of(begin)
            for begin in (self._start_on(now, days) for days in (-1, 0))
            if WEEKDAYS[begin.weekday()] in self.days
        )

    def opens_at(self, at: datetime) -> datetime:
        """Return when somebody is next at work, ``at`` itself if now."""
        if self.is_open(at):
            return at
        now = at.astimezone(ZoneInfo(self.zone))
        begins = (self._start_on(now, days) for days in range(8))
        return next(begin for begin in begins if begin > now and WEEKDAYS[begin.weekday()] in self.days)

    def _start_on(self, now: datetime, days: int) -> datetime:
        return datetime.combine(now.date() + timedelta(days=days), self.start, now.tzinfo)

    def _end_of(self, begin: datetime) -> datetime:
        day = begin.date() + timedelta(days=1 if self.end <= self.start else 0)
        return datetime.combine(day, self.end, begin.tzinfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People who are told together: recipients by sender, and hours outside of which only the critical reaches them.

    ``unset`` names senders whose recipient the environment leaves empty. Of a ``rotation`` whoever is on call is told
    too. ``stands_in`` is the team that is told in its place, as nobody can be reached in it.
    """

    name: str
    recipients: Mapping[str, tuple[str, ...]]
    hours: Hours | None = None
    unset: Mapping[str, str] = field(default_factory=dict)
    rotation: str | None = None
    stands_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may be on call, and where: recipients by sender."""

    name: str
    recipients: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One route: what it matches (every field named must), and who is told; no ``senders`` means all of a team's.

    A route that is ``last`` ends the reading: those below it are not asked. ``sure`` is how probable a cause must be
    for its team to count.
    """

    name: str
    matches: Mapping[str, frozenset[str]]
    teams: tuple[str, ...]
    senders: frozenset[str] = frozenset()
    is_last: bool = False
    sure: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Which chain begins where ``rule`` matches and nobody takes care."""

    rule: Rule
    chain: str


DEFAULT_LANGUAGE = "en"
NO_DIGEST = Rule(name="digest", matches={}, teams=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """All routes of one tenant in order, and ``default`` for what none of them matches.

    ``digest`` names who gets the day's summary, ``weekly`` the weekday of the week's, or ``never``. ``not_set_up`` maps
    a sender that cannot send to the reason; what would go by it is recorded, not planned. ``languages`` are of those
    who do not read English. ``edition`` differs where the file does.
    """

    teams: Mapping[str, Team]
    routes: tuple[Rule, ...]
    default: Rule
    escalations: tuple[Escalation, ...] = ()
    digest: Rule = NO_DIGEST
    weekly: str = "mon"
    not_set_up: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    chains: Mapping[str, Chain] = field(default_factory=dict)
    edition: str = ""

    def everyone(self, sender: str) -> frozenset[str]:
        """Return all who may ever be told by a sender, in teams or on call."""
        teams = [one.recipients for one in self.teams.values()]
        people = [one.recipients for one in self.people.values()]
        return frozenset(recipient for told in (*teams, *people) for recipient in told.get(sender, ()))

    def language_of(self, recipient: str) -> str:
        """Return the language in which a recipient reads, as a locale's name."""
        return self.languages.get(recipient, DEFAULT_LANGUAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What routes may look at: an alert's own words and where it is.

    ``markets``, ``properties`` and ``channels`` are those of all listings it is about, by the operator's names.
    ``spread`` counts how often listings joined it since it was raised. ``cause_team`` is the one that the likeliest
    cause names, ``cause_probability`` how likely that is.
    """

    category: Category
    cause: str
    kind: str
    metric: str
    markets: frozenset[str]
    properties: frozenset[str]
    channels: frozenset[str]
    raised_at: datetime
    resolved_at: datetime | None = None
    spread: int = 0
    cause_team: str = ""
    cause_probability: float = 0.0

    def values(self, name: str) -> frozenset[str]:
        """Return the values a route's field is compared with."""
        several = {"market": self.markets, "property": self.properties, "channel": self.channels}
        return several[name] if name in several else frozenset({str(getattr(self, name))} - {""})


MATCHED = ("market", "category", "cause", "channel", "property", "metric", "kind", "cause_team")
"""What a route may name."""
