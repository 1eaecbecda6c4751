"""`nightporter apikeys …`: who may call, and what they may do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from python_nodes import clock
from python_nodes.cli_services import opened
from python_nodes.scopes import ROLES, SCOPES

group = typer.Typer(no_args_is_help=True, help="API keys.")
COLUMNS = ("id", "name", "role", "scopes", "state", "expires_at", "last_used_at", "previous_until_at")


@group.command("create")
def create(
    name: Annotated[str, typer.Option(help="Who will use it.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated. Or say a role.")
    ] = None,
    role: Annotated[str | None, typer.Option(help=f"One of {', '.join(ROLES)}.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--property", help="Sees this property only; may be repeated. Else all.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Ends after so many days; else it does not end.")] = None,
) -> None:
    """Create a key and print it, for the only time."""
    from python_nodes.steps import key_admin

    with opened() as (services, tenant_id):
        now = clock.now()
        wanted = key_admin.NewKey(
            name=name, role=role, scopes=scope or (), properties=only or None,
            expires_at=None if days is None else now + timedelta(days=days),
        )  # fmt: skip
        typer.echo(key_admin.add(services, tenant_id, wanted, now)[1])


@group.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List keys, those that are over too; the secrets are known to nobody."""
    from python_nodes.steps import key_admin

    with opened() as (services, tenant_id):
        found = key_admin.listed(services, tenant_id, clock.now())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(*COLUMNS)
    for one in found:
        shown = {**one, "scopes": " ".join(one["scopes"])}
        table.add_row(*("–" if shown[column] is None else str(shown[column]) for column in COLUMNS))
    Console(width=180, soft_wrap=True).print(table)


@group.command("rotate")
def rotate(
    key_id: Annotated[int, typer.Argument(help="As `apikeys list` tells it.")],
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the secret before works beside the new one.")
    ] = 24,
) -> None:
    """Give a key a new secret and print it, for the only time."""
    from python_nodes.steps import key_admin

    with opened() as (services, tenant_id):
        key, until_at = key_admin.rotate(services, tenant_id, key_id, clock.now(), round(overlap_hours * 3600))
    typer.echo(key)
    typer.echo(f"The secret before works until {until_at:%Y-%m-%d %H:%M} UTC.", err=True)


@group.command("revoke")
def revoke(key_id: Annotated[int, typer.Argument(help="As `apikeys list` tells it.")]) -> None:
    """End a key, and the sessions that were opened with it, at once."""
    from python_nodes.steps import key_admin

    with opened() as (services, tenant_id):
        done = key_admin.revoke(services, tenant_id, key_id, clock.now())
    typer.echo("revoked" if done else "it was revoked before")
