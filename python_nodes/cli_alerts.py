"""`nightporter alerts …` and `nightporter mutes …`: what was decided about problems, and what is not to be told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from python_nodes import cli_services, clock
from python_nodes.domain.mutes import Origin
from python_nodes.errors import ConfigError

alerts = typer.Typer(no_args_is_help=True, help="What became of alerts, and why.")
mutes = typer.Typer(no_args_is_help=True, help="What is not to be told for a time.")
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
NARROWEST = 100


@alerts.command("explain")
def explain(number: Annotated[int, typer.Argument(help="The alert's number.")], as_json: Json = False) -> None:
    """Print an alert's whole history: found, each decision with its reason, messages, actions, verdicts, mutes."""
    from python_nodes.steps import alert_view

    with cli_services.opened() as (services, tenant_id):
        told = alert_view.explained(services, tenant_id, number)
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    about = told["alert"]
    state = f"ended {_short(about['resolved_at'])}" if about["resolved_at"] else "open"
    typer.echo(f"Alert {number}, {about['category']}, {state}: {about['title']}")
    _table(("when (UTC)", "until", "what", "why"), [
        (_short(one["at"]), _until(one), one["what"], one["text"]) for one in told["timeline"]
    ])  # fmt: skip


@alerts.command("held")
def held(as_json: Json = False) -> None:
    """Print what was found lately and not told, with the stage that held it back and its reason."""
    from python_nodes.steps import alert_timeline

    with cli_services.opened() as (services, tenant_id):
        found = alert_timeline.held(services, tenant_id, clock.now())
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [(_short(one["first_at"]), _short(one["last_at"]), f"{one['kind']} ({one['stage']})", one["why"])
            for one in found]  # fmt: skip
    _table(("since (UTC)", "last", "what", "why"), rows)


@mutes.command("add")
def add(
    reason: Annotated[str, typer.Option(help="Why; people read it.")],
    actor: Annotated[str, typer.Option(help="Who wants it.")],
    hours: Annotated[float, typer.Option(help="How long, unless --until says.")] = 24.0,
    until: Annotated[str, typer.Option(help="Until when, ISO 8601 with a zone.")] = "",
    start: Annotated[str, typer.Option(help="From when, ISO 8601 with a zone; now by default.")] = "",
    origin: Annotated[str, typer.Option(help="maintenance, snooze or quiet_hours.")] = "maintenance",
    alert: Annotated[int | None, typer.Option(help="This problem.")] = None,
    listing: Annotated[int | None, typer.Option(help="A listing's number.")] = None,
    property_id: Annotated[int | None, typer.Option("--property", help="A property's number.")] = None,
    market: Annotated[str | None, typer.Option(help="A market.")] = None,
    kind: Annotated[str | None, typer.Option(help="What is found, as no_price.")] = None,
    cause: Annotated[str | None, typer.Option(help="What is behind it.")] = None,
    rrule: Annotated[str | None, typer.Option(help="It comes back, RFC 5545: FREQ=WEEKLY;BYDAY=SU.")] = None,
    zone: Annotated[str, typer.Option(help="On whose clock it comes back.")] = "UTC",
) -> None:
    """Hold back what matches all that is named; it is told when that is over and it is still there."""
    from python_nodes.steps import mute_admin

    if origin not in ("maintenance", "snooze", "quiet_hours"):
        raise typer.BadParameter("maintenance, snooze or quiet_hours", param_hint="--origin")
    with cli_services.opened() as (services, tenant_id):
        start_at = _moment(start, "--start") or clock.now()
        wish = mute_admin.Wish(
            start_at=start_at, end_at=_moment(until, "--until") or start_at + timedelta(hours=hours), reason=reason,
            actor=actor, origin=cast(Origin, origin), alert_id=alert, listing_id=listing, property_id=property_id,
            market=market, kind=kind, cause=cause, rrule=rrule, zone=zone,
        )  # fmt: skip
        typer.echo(json.dumps(mute_admin.add(services, tenant_id, wish), indent=2, ensure_ascii=False))


@mutes.command("list")
def listed(
    state: Annotated[str, typer.Option(help="active or all.")] = "active",
    as_json: Json = False,
) -> None:
    """Print the mutes that hold, or all that ever did."""
    from python_nodes.steps import mute_admin

    with cli_services.opened() as (services, tenant_id):
        found = mute_admin.listed(services, tenant_id, clock.now(), only_active=state != "all")
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    _table(("mute", "from (UTC)", "until", "what", "why"), [
        (str(one["mute_id"]), _short(one["start_at"]), _short(one["active_until_at"] or one["end_at"]), _what(one),
         f"{one['origin']} by {one['actor']}: {one['reason']}")
        for one in found
    ])  # fmt: skip


@mutes.command("end")
def end(number: Annotated[int, typer.Argument(help="The mute's number.")]) -> None:
    """End a mute before its time; the next run tells what is still there."""
    from python_nodes.steps import mute_admin

    with cli_services.opened() as (services, tenant_id):
        typer.echo(json.dumps(mute_admin.end(services, tenant_id, number, clock.now()), indent=2, ensure_ascii=False))


def _what(mute: dict[str, Any]) -> str:
    names = ("listing_id", "property_id", "market", "kind", "cause", "rrule")
    named = ", ".join(f"{name} {mute[name]}" for name in names if mute[name] is not None)
    return named or ("one alert" if mute["fingerprint"] else "everything")


def _moment(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is not ISO 8601, as 2026-03-02T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ConfigError(f"{option}: {text!r} names no zone, as 2026-03-02T12:00:00Z does")
    return moment.astimezone(UTC)


def _short(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _until(entry: dict[str, Any]) -> str:
    if entry["until_at"] is None:
        return ""
    return _short(entry["until_at"]) + (f" ({entry['times']} ×)" if entry["times"] > 1 else "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # A pipe has no width of its own; a reason cut to pieces helps nobody.
    Console(width=max(console.width, NARROWEST), markup=False, highlight=False).print(table)
