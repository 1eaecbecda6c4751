"""By which ways teams and rotations reach people at a moment, each recipient once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from python_nodes.alerts.policy import Hours, RoutePolicy, Team
from python_nodes.alerts.rotation import Rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One recipient by one sender; ``nobody`` says why it reaches none, ``off_duty`` why it does not now."""

    of: str
    sender: str
    recipient: str
    hours: Hours | None = None
    nobody: str = ""
    off_duty: str = ""


def of_team(policy: RoutePolicy, team: Team, at: datetime) -> Iterator[Way]:
    """Yield a team's own recipients, then those of its rotation: who is on call now, and who is not."""
    for sender, recipients in team.recipients.items():
        for recipient in recipients or ("",):
            nobody = "" if recipient else team.unset.get(sender, "nobody to send to")
            yield Way(of=team.name, sender=sender, recipient=recipient, hours=team.hours, nobody=nobody)
    if team.rotation is not None:
        for way in of_rotation(policy, team.rotation, at):
            yield replace(way, of=f"{team.name} ({way.of})", hours=team.hours)


def of_rotation(policy: RoutePolicy, name: str, at: datetime) -> Iterator[Way]:
    """Yield the recipients of a rotation's people, those on call first; where nobody is, all are told."""
    rotation = policy.rotations[name]
    everybody = tuple(dict.fromkeys(rotation.people.values()))
    on_call = rotation.on_call(at)
    off = [one for one in everybody if one not in on_call] if on_call else []
    for person in on_call or everybody:
        for sender, recipients in policy.people[person].recipients.items():
            for recipient in recipients:
                word = f"{person}, on call" if on_call else f"{person}, as nobody is on call in {name}"
                yield Way(of=word, sender=sender, recipient=recipient)
    why = _on_call(rotation, on_call, at) if off else ""
    for person in off:
        for sender, recipients in policy.people[person].recipients.items():
            for recipient in recipients:
                yield Way(of=person, sender=sender, recipient=recipient, off_duty=why)


def once(ways: Iterable[Way]) -> list[Way]:
    """Keep each recipient of a sender once; a way that reaches it now before one that does not."""
    kept: dict[tuple[str, str], Way] = {}
    for way in ways:
        known = kept.get((way.sender, way.recipient))
        if known is None or (known.off_duty and not way.off_duty):
            kept[way.sender, way.recipient] = way
    return list(kept.values())


def _on_call(rotation: Rotation, people: tuple[str, ...], at: datetime) -> str:
    until = rotation.until(at)
    when = f" until {until.astimezone(ZoneInfo(rotation.zone)):%Y-%m-%d %H:%M %Z}" if until else ""
    return f"not on call in {rotation.name}: {', '.join(people)} is{when}"
