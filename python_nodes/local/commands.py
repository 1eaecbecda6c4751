"""The command line's part that runs things on this machine: up, match, doctor, flows."""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from python_nodes.domain import flow_proof
from python_nodes.errors import NightporterError
from python_nodes.local import demo, flows, match
from python_nodes.local import doctor as doctoring
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import CHECKOUT, state_dir

StateDirOption = Annotated[Path | None, typer.Option("--state-dir", help="Where everything is kept.")]
WORKFLOWS = CHECKOUT / "workflows"
INTERRUPTED = 130
PIPED_WIDTH = 140
ALL_CHANNELS = ",".join(demo.CHANNELS)


def register(app: typer.Typer) -> None:
    """Add these commands to the application's."""
    app.command()(up)
    app.command("match")(match_report)
    app.command()(doctor)
    group = typer.Typer(help="Move flows between workflows/ and n8n.", no_args_is_help=True)
    group.command("export")(export)
    group.command("import")(import_)
    group.command("token")(token)
    app.add_typer(group, name="flows")


def up(
    once: Annotated[bool, typer.Option("--once", help="Stop after the live days.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the run's report here.")] = None,
    scenario: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, resolve_path=True, help="Incidents to plant.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 1,
    listings: Annotated[int, typer.Option(min=1, max=20_000)] = 200,
    days: Annotated[int, typer.Option(min=28, max=1000, help="Days of history.")] = 400,
    live_days: Annotated[int, typer.Option(min=1, max=365)] = 14,
    channels: Annotated[str, typer.Option(help="Comma-separated: where the simulated units are sold.")] = ALL_CHANNELS,
    store: Annotated[Literal["postgres", "influx"], typer.Option(help="Where metrics are kept.")] = "postgres",
    state_dir_path: StateDirOption = None,
) -> None:
    """Start everything, backfill, play the live days, show the alerts."""
    from python_nodes.local import up as running
    from python_nodes.local.start import Options

    console = _console()
    world = WorldArguments(
        seed=seed, listings=listings, days=days, live_days=live_days, scenario=scenario, channels=_channels(channels)
    )
    options = Options(world=world, once=once, json_file=json_file, store=store)
    # A plain `kill` must stop the children just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = running.run(options, state_dir(state_dir_path), console)
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(INTERRUPTED if once else 0) from None
    except (NightporterError, httpx2.HTTPError) as error:
        raise _failed(error) from None
    raise typer.Exit(status)


def match_report(
    file: Annotated[Path, typer.Argument(help="What `up --json` wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compare a run's alerts with its incidents: recall, precision, delay by kind."""
    try:
        report = match.read(file)
        result = match.score(report["incidents"], report["alerts"])
    except NightporterError as error:
        raise _failed(error) from None
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        _console().print(match.table(result))


def doctor(state_dir_path: StateDirOption = None) -> None:
    """Say what is wrong and how to mend it; exit status 1 if anything is."""
    table = Table(show_header=False, box=None)
    findings = doctoring.examine(state_dir(state_dir_path))
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]wrong[/]"
        table.add_row(mark, finding.name, finding.told, finding.mend and f"→ {finding.mend}")
    _console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def export(state_dir_path: StateDirOption = None) -> None:
    """Write the flows as the running n8n holds them to workflows/."""
    folder = state_dir(state_dir_path)
    try:
        saved = folder.load()
        with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
            names = flows.export_flows(rest, WORKFLOWS, worker_url=saved.worker_url)
    except NightporterError as error:
        raise _failed(error) from None
    typer.echo(f"Exported {', '.join(names)}")


def import_(
    force: Annotated[bool, typer.Option("--force", help="Overwrite what was edited in n8n.")] = False,
    state_dir_path: StateDirOption = None,
) -> None:
    """Put workflows/ into the running n8n and publish what changed; edits made in n8n are kept without --force."""
    folder = state_dir(state_dir_path)
    try:
        saved = folder.load()
        with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
            done = flows.import_flows(
                rest, WORKFLOWS, folder.flow_hashes, worker_url=saved.worker_url, rest_schedules=True, force=force
            )
            flows.publish(rest, WORKFLOWS, done.written)
    except NightporterError as error:
        raise _failed(error) from None
    typer.echo(f"Imported {', '.join(done.written) or 'nothing'}; unchanged {', '.join(done.unchanged) or 'none'}")
    if done.edited:
        typer.echo(f"Edited in n8n and kept: {', '.join(done.edited)} (export them, or use --force)", err=True)
        raise typer.Exit(1)


def token(state_dir_path: StateDirOption = None) -> None:
    """Print the token that starts a flow by its webhook for five minutes: `Authorization: Bearer …`."""
    try:
        typer.echo(flow_proof.token(state_dir(state_dir_path).load().webhook_secret, datetime.now(UTC)))
    except NightporterError as error:
        raise _failed(error) from None


def _channels(told: str) -> tuple[str, ...]:
    """Some of the channels that `up` connects, in their own order."""
    wanted = {name.strip() for name in told.split(",")}
    unknown = sorted(wanted - set(demo.CHANNELS))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {ALL_CHANNELS}", param_hint="--channels")
    return tuple(name for name in demo.CHANNELS if name in wanted)


def _console() -> Console:
    # A pipe or a log has no width of its own; 80 columns would cut every table.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPED_WIDTH)


def _failed(error: Exception) -> typer.Exit:
    typer.echo(f"nightporter: {error}", err=True)
    return typer.Exit(2)
