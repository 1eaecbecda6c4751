"""`nightporter keys …`: the keys that secrets rest under."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from python_nodes import cli_services, config

if TYPE_CHECKING:
    from python_nodes.steps.key_rotation import Found

group = typer.Typer(no_args_is_help=True, help="Keys that secrets rest under (NIGHTPORTER_SECRET_KEY).")
LEFT = 2
Tenants = Annotated[
    list[int] | None,
    typer.Option("--tenant", min=1, help="Of this tenant; may be repeated. Else of all, where NIGHTPORTER_OWNER_URL"
                 " tells them, or of the one that is set."),
]  # fmt: skip


@group.command("new")
def new() -> None:
    """Print a new key; it is kept nowhere."""
    typer.echo(Fernet.generate_key().decode())


@group.command("check")
def check(tenants: Tenants = None) -> None:
    """Say which key each secret is under; exit status 2 if one is under none of those set."""
    from python_nodes.steps import key_rotation

    with cli_services.opened() as (services, tenant_id), _bar() as told:
        found = key_rotation.check(services, _tenants(tenants, tenant_id), told)
        names = key_rotation.key_names(services)
    _tell(names, found)


@group.command("rotate")
def rotate(tenants: Tenants = None) -> None:
    """Encrypt everything under the first key again, while all goes on; stopped and begun again it loses nothing."""
    from python_nodes.steps import key_rotation

    with cli_services.opened() as (services, tenant_id), _bar() as told:
        found = key_rotation.rotate(services, _tenants(tenants, tenant_id), told)
        names = key_rotation.key_names(services)
    _tell(names, found)
    typer.echo(f"{sum(one.changed for one in found)} encrypted again")


def _tenants(told: Sequence[int] | None, own: int) -> Sequence[int]:
    from python_nodes.store import sealed

    if told:
        return told
    owner = config.settings().owner_url
    if owner is None:
        typer.echo(f"nightporter: tenant {own} only; set NIGHTPORTER_OWNER_URL for all of them", err=True)
        return [own]
    return sealed.tenants(owner.get_secret_value())


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    with Progress(console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def told(place: str, done: int, total: int) -> None:
            if place not in tasks:
                tasks[place] = shown.add_task(place)
            shown.update(tasks[place], completed=done, total=total)

        yield told


def _tell(names: Sequence[str], found: Sequence[Found]) -> None:
    table = Table("where", *(f"{name}{' (in use)' if row == 0 else ''}" for row, name in enumerate(names)), "no key")
    for one in found:
        table.add_row(one.place, *(str(number) for number in one.by_key), str(len(one.unknown)))
    # Wide enough for every column: what is piped must not be cut.
    Console(width=60 + 30 * len(names)).print(table)
    for row, name in enumerate(names[1:], start=1):
        if not any(one.by_key[row] for one in found) and not any(one.unknown for one in found):
            typer.echo(f"nothing is under {name} any more: it may be taken away")
    for name in (name for one in found for name in one.unknown):
        typer.echo(f"nightporter: NIGHTPORTER_SECRET_KEY: {name} is under a key that is not set", err=True)
    if any(one.unknown for one in found):
        raise typer.Exit(LEFT)
