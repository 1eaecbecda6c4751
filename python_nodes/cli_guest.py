"""`nightporter guest …`: erase a guest, and tell all that is held of one person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_nodes import cli_noted, cli_services, clock

if TYPE_CHECKING:
    from python_nodes.steps.guest_erase import By, Wish

group = typer.Typer(no_args_is_help=True, help="Guests' personal data.")
Email = Annotated[str | None, typer.Option(help="The guest's e-mail address.")]
Phone = Annotated[str | None, typer.Option(help="The guest's telephone number.")]
Reservation = Annotated[str | None, typer.Option(help="The reservation's number at the channel.")]


@group.command("erase")
def erase(email: Email = None, phone: Phone = None, reservation: Reservation = None) -> None:
    """Erase a guest everywhere and print the receipt; repeated, it finds nothing left."""
    from python_nodes.steps import guest_erase

    with cli_services.opened() as (services, tenant_id):
        _print(guest_erase.run(services, tenant_id, _wish(email, phone, reservation), clock.now(), _by()))


@group.command("export")
def export(
    email: Email = None,
    phone: Phone = None,
    reservation: Reservation = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Write it there as a table too.")] = None,
) -> None:
    """Print all that is held of one person as JSON; that it was read stands in the audit log."""
    from python_nodes.steps import guest_export

    with cli_services.opened() as (services, tenant_id):
        told = guest_export.run(services, tenant_id, _wish(email, phone, reservation), clock.now(), _by())
        if table is not None:
            table.write_text(guest_export.as_csv(told), encoding="utf-8")
        _print(told)


@group.command("erase-again")
def erase_again() -> None:
    """Erase anew whoever was erased before: after a restore from a backup that is older than the erasure."""
    from python_nodes.steps import guest_erase

    with cli_services.opened() as (services, tenant_id):
        _print(guest_erase.again(services, tenant_id, clock.now(), _by()))


@group.command("part")
def part() -> None:
    """Part raw payloads by guest now rather than at night."""
    from python_nodes.steps import guest_part

    with cli_services.opened() as (services, tenant_id):
        _print(guest_part.run(services, tenant_id, clock.now()))


def _wish(email: str | None, phone: str | None, reservation: str | None) -> Wish:
    from python_nodes.steps.guest_erase import Wish

    return Wish(email=email, phone=phone, reservation=reservation).checked()


def _by() -> By:
    from python_nodes.steps.guest_erase import By

    return By(via="cli", actor=f"user {cli_noted.who()}")


def _print(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False, default=str))
