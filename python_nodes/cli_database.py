"""`nightporter database …` and `nightporter start`: the schema, and processes that wait for it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from python_nodes import config
from python_nodes.errors import ConfigError, NightporterError
from python_nodes.store import schema
from python_nodes.store.session import Database

group = typer.Typer(no_args_is_help=True, help="The database: roles, schema, tenant.")
REFUSED = 2
ASK_EVERY_S = 1.0


@group.command("setup")
def setup(
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="A file with postgresql://role:password@host/name: a database of another program's own."),
    ] = None,
) -> None:
    """Make roles, database, schema and tenant where they are missing; run again, it changes nothing that is there."""
    # The migration tool takes longest of all to import.
    from python_nodes.store import migrate

    with _plain_errors():
        told = config.settings()
        admin, owner, app = (_url(told, name) for name in ("admin_url", "owner_url", "database_url"))
        name = _same_database(owner, app)
        migrate.provision(admin, name, _password(app, "database_url"), _password(owner, "owner_url"))
        migrate.upgrade(owner)
        tenant_id = migrate.create_tenant(owner, told.tenant, told.currency)
        if tenant_id != told.tenant_id:
            raise ConfigError(f"the tenant {told.tenant} has the id {tenant_id}: set NIGHTPORTER_TENANT_ID to it")
        for file in beside or ():
            migrate.own_database(admin, file.read_text(encoding="utf-8").strip())
        typer.echo(f"database {name}: schema {schema.needed()}, tenant {told.tenant} ({tenant_id})")


@group.command("check")
def check() -> None:
    """Say which schema the database has; exit status 2 if it is older than this release needs."""
    with _plain_errors():
        typer.echo(f"schema {schema.check(_database())}")


def start(
    command: Annotated[list[str], typer.Argument(help="What to become, after `--`.")],
    within_s: Annotated[float, typer.Option("--within", min=0, help="How long to wait for the database.")] = 60.0,
) -> None:
    """Become COMMAND once the database answers with the schema that this release needs; an older one is refused."""
    with _plain_errors():
        _wait(_database(), within_s)
        program = shutil.which(command[0])
        if program is None:
            raise ConfigError(f"{command[0]} is not installed here")
        os.execv(program, command)


def _wait(database: Database, within_s: float) -> None:
    """Nothing is refused before the time is up: whoever migrates may be at it."""
    deadline = time.monotonic() + within_s
    try:
        while True:
            try:
                schema.check(database)
                return
            except (OperationalError, ConfigError):
                if time.monotonic() >= deadline:
                    raise
            time.sleep(ASK_EVERY_S)
    finally:
        database.dispose()


def _database() -> Database:
    return Database(config.settings().database_url.get_secret_value(), pool_size=1)


def _url(told: config.Settings, name: str) -> str:
    value: SecretStr | None = getattr(told, name)
    if value is None:
        raise ConfigError(
            f"{config.PREFIX}{name.upper()} is not set: `database setup` works as the server's administrator"
        )
    return value.get_secret_value()


def _same_database(owner: str, app: str) -> str:
    names = {str(make_url(url).database or "") for url in (owner, app)}
    if len(names) != 1 or "" in names:
        raise ConfigError("NIGHTPORTER_OWNER_URL and NIGHTPORTER_DATABASE_URL must name the same database")
    return names.pop()


def _password(url: str, name: str) -> str:
    found = make_url(url).password
    if not found:
        raise ConfigError(f"{config.PREFIX}{name.upper()} has no password")
    return str(found)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one line for what the caller can mend; the database's own words may hold an address, not a password."""
    try:
        yield
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except OperationalError as error:
        why = str(error.orig).strip().splitlines()[0] if error.orig else "it does not answer"
        typer.echo(f"nightporter: the database: {why}", err=True)
        raise typer.Exit(REFUSED) from None
