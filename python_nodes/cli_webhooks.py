"""`nightporter webhooks …`: who is told by HTTPS of what happens here, and what they never took."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from python_nodes import cli_services

group = typer.Typer(no_args_is_help=True, help="Subscribers' webhooks, and the messages that they never took.")
Id = Annotated[int, typer.Argument(help="The webhook's number.")]


@group.command("list")
def listed() -> None:
    """Print one line a subscriber: number, whether it is told, how many messages were given up, name."""
    from python_nodes.steps import webhook_admin

    with cli_services.opened() as (services, tenant_id):
        for one in webhook_admin.listed(services, tenant_id):
            state = "disabled" if one["disabled_at"] else "failing" if one["failing_since_at"] else "told"
            typer.echo(f"{one['id']:>5}  {state:8}  {one['letters']:>5} given up  {one['name']}")


@group.command("letters")
def letters(number: Id) -> None:
    """Print the messages that a subscriber never took, with why, as JSON."""
    from python_nodes.steps import webhook_admin

    with cli_services.opened() as (services, tenant_id):
        typer.echo(json.dumps(webhook_admin.letters(services, tenant_id, number), indent=2, default=str))


@group.command("replay")
def replay(
    number: Id,
    letter: Annotated[list[int] | None, typer.Option(help="Which letter; all without. May be repeated.")] = None,
) -> None:
    """Have given-up messages sent anew, within a minute."""
    from python_nodes.steps import webhook_admin

    with cli_services.opened() as (services, tenant_id):
        told = webhook_admin.replay(services, tenant_id, number, letter or None)
        typer.echo(f"{told['replayed']} messages are sent anew")
