"""`nightporter route`: who would be told of an alert, now and while nobody acts; whether a routing file is right."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from python_nodes import clock, config
from python_nodes.errors import NightporterError

if TYPE_CHECKING:
    # Calendars and languages take longer to import than most commands to run.
    from python_nodes.alerts.policy import RoutePolicy, Subject
    from python_nodes.alerts.route import Suppressed, Target


def route_alert(
    alert: Annotated[Path | None, typer.Option(help="The alert as JSON, as GET /v1/alerts/{id} answers.")] = None,
    at: Annotated[str, typer.Option(help="The moment, ISO 8601 with a zone; now by default.")] = "",
    file: Annotated[Path | None, typer.Option(help="The routing file; the configured one by default.")] = None,
    check: Annotated[Path | None, typer.Option(help="Check this routing file and say what it holds.")] = None,
) -> None:
    """Print who would be told of an alert and why, and why the others would not; sends nothing, needs no database."""
    from python_nodes.alerts import routing_file, subject_file
    from python_nodes.notify import base

    try:
        if alert is None and check is None:
            raise NightporterError("--alert FILE says who would be told; --check FILE checks a routing file")
        path = check or file or Path(os.environ.get("NIGHTPORTER_ROUTING_FILE", routing_file.DEFAULT_PATH))
        moment = subject_file.moment(at, "--at") or clock.now()
        # Unlike the worker's settings these need no database, so that a file can be tried anywhere.
        policy = routing_file.load(path, base.discover(), config.recipients(os.environ), as_of=moment)
        lines = [f"{path.name} at {moment.isoformat()}"]
        if check is not None:
            lines += _checked(policy, moment)
        if alert is not None:
            lines += _told(subject_file.read(json.loads(alert.read_text(encoding="utf-8"))), policy, moment)
    except (NightporterError, OSError, ValueError, RecursionError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    for line in lines:
        typer.echo(line)


def _checked(policy: RoutePolicy, moment: datetime) -> Iterator[str]:
    """Say that a file is right, who stands in for whom, and who is on call."""
    chains = {one.chain for one in policy.escalations} | set(policy.chains)
    counts = {"teams": policy.teams, "routes": policy.routes, "escalations": policy.escalations, "chains": chains}
    yield "in order: " + ", ".join(f"{len(found)} {name}" for name, found in counts.items())
    for team in policy.teams.values():
        if team.stands_in is not None:
            yield f"  nobody can be reached in {team.name}: {team.stands_in} is told in its place"
        for why in team.unset.values():
            yield f"  {team.name}: {why}"
    for rotation in policy.rotations.values():
        people, until = rotation.on_call(moment), rotation.until(moment)
        when = f" until {until.astimezone(ZoneInfo(rotation.zone)):%Y-%m-%d %H:%M %Z}" if until else ""
        yield f"  on call in {rotation.name}: {', '.join(people)}{when}"


def _told(about: Subject, policy: RoutePolicy, moment: datetime) -> Iterator[str]:
    from python_nodes.alerts import foresee, route

    routed = route.route(about, policy, moment, [])
    yield from routed.why
    yield from _messages(routed.send, routed.suppressed)
    ahead = foresee.foresee(about, policy, moment)
    if ahead:
        yield "while nobody acts:"
    for one in ahead:
        yield f"{one.at:%Y-%m-%d %H:%M} UTC, {one.escalation}"
        for why in one.done.why:
            yield f"  {why}"
        yield from _messages(one.done.send, one.done.suppressed)
    if about.resolved_at is None:
        yield from foresee.missed(about, policy)


def _messages(send: tuple[Target, ...], suppressed: tuple[Suppressed, ...]) -> Iterator[str]:
    for target in send:
        yield f"  told      {target.sender:6} {target.recipient}: {target.reason}"
    for one in suppressed:
        word = "waits" if one.waits_until else "not told"
        yield f"  {word:9} {one.sender:6} {one.recipient or '(nobody)'}: {one.reason}"
