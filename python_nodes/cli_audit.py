"""`nightporter audit …`: what was changed, by whom, and whether the log of it is as it was written."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from python_nodes.cli_services import opened

group = typer.Typer(no_args_is_help=True, help="The audit log.")


@group.command("verify")
def verify(
    expect: Annotated[
        str | None, typer.Option(help="A hash that an earlier run printed: it must still be in the chain.")
    ] = None,
) -> None:
    """Check every entry against the chain; exit status 1 and the first broken one if it does not hold."""
    from python_nodes.steps import audit_verify

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with opened() as (services, tenant_id), Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("audit log", total=None)
        found = audit_verify.run(
            services.database, tenant_id, lambda done, total: bar.update(task, completed=done, total=total), expect
        )
    if found.broken is not None:
        typer.echo(f"BROKEN after {found.entries} entries that hold: {found.broken}")
        raise typer.Exit(1)
    typer.echo(f"{found.entries} entries, the chain holds. Last hash, to be kept elsewhere:")
    typer.echo(found.head or "–")


@group.command("show")
def show(
    since: Annotated[datetime | None, typer.Option(help="From when, UTC.")] = None,
    who: Annotated[str | None, typer.Option(help="Part of a name.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print entries, the newest first."""
    from python_nodes import clock
    from python_nodes.store import audit

    with opened() as (services, tenant_id), services.database.tenant(tenant_id) as conn:
        after = None if since is None else since.replace(tzinfo=clock.now().tzinfo)
        for one in audit.newest(conn, since=after, who=who, most=most):
            if as_json:
                told = {**one, "at": one["at"].isoformat(), "objects": json.loads(one["objects"])}
                typer.echo(json.dumps(told))
            else:
                typer.echo(
                    f"{one['at']:%Y-%m-%d %H:%M:%S}  {one['outcome']:<7}  {one['via']:<7}  {one['actor']}  "
                    f"{one['action']}  {one['objects']}"
                )
