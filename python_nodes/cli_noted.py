"""Notes in the audit log what was changed from the command line, whoever's command it was."""

from __future__ import annotations

import getpass
import os
import uuid
from typing import Any

import typer
from typer.core import TyperGroup

ASKED = "nightporter.asked"
CHANGES = frozenset(
    {
        "replay-raw", "login-link", "apikeys create", "apikeys rotate", "apikeys revoke", "apikey create",
        "apikey rotate", "apikey revoke", "portfolio import", "connection add", "fx refresh", "influx drain",
        "influx downsample", "keys rotate", "import file", "import source", "import scan", "archive write",
        "archive load", "proposals learn", "proposals approve", "proposals reject", "proposals undo", "mutes add",
        "mutes end", "deploy", "webhooks replay",
    }
)  # fmt: skip
"""Commands that change what a tenant has."""
NOTED_BY_THEMSELVES = frozenset({"guest erase", "guest export", "guest erase-again", "guest part"})
"""Commands whose steps write entries of their own, with the counts of what they touched."""
OF_THE_MACHINE = frozenset(
    {
        "start", "up", "database setup", "database check", "backup write", "backup verify", "backup restore",
        "backup base", "backup stream", "backup received", "backup release", "backup recover",
        "dashboards build", "dashboards check", "dashboards role", "influx setup", "flows export", "flows import",
        "flows token", "flow-token", "keys new", "messages catalogue", "openapi", "match", "doctor",
    }
)  # fmt: skip
"""Commands that work on servers, files or flows: there may be no database yet, or none of ours."""


class NotedGroup(TyperGroup):
    """Runs commands, and afterwards notes those that change something: who, what, and how it went."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what was asked for: by the time it has run it is gone."""
        ctx.meta[ASKED] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, then note it, whether it went well or not."""
        command = path(self, ctx, ctx.meta[ASKED])
        if command not in CHANGES:
            return super().invoke(ctx)
        outcome = "failed"
        try:
            result = super().invoke(ctx)
            outcome = "done"
        except typer.Exit as left:
            outcome = "refused" if left.exit_code else "done"
            raise
        finally:
            _note(command, outcome)
        return result


def path(group: Any, ctx: Any, told: list[str]) -> str:
    """Return the names of the command that the arguments mean."""
    names: list[str] = []
    at = group
    for one in told:
        found = at.get_command(ctx, one) if hasattr(at, "get_command") else None
        if found is None:
            break
        names.append(one)
        at = found
    return " ".join(names)


def who() -> str:
    """Return the user of this machine, as its own records have it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _note(command: str, outcome: str) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from python_nodes import clock, config
    from python_nodes.errors import NightporterError
    from python_nodes.store import audit
    from python_nodes.store.session import Database

    person, objects = audit.about()
    audit.forget()
    actor = f"user {who()}: {person}" if person else f"user {who()}"
    entry = audit.Entry(
        at=clock.now(), via="cli", actor=actor, action=command, objects=objects, outcome=outcome,
        run_id=uuid.uuid4().hex,
    )  # fmt: skip
    try:
        settings = config.settings()
        database = Database(settings.database_url.get_secret_value(), pool_size=1)
        try:
            with database.tenant(settings.tenant_id) as conn:
                audit.record(conn, entry)
        finally:
            database.dispose()
    except (NightporterError, SQLAlchemyError) as error:
        if outcome != "done":
            return  # What was wrong is told already, and changed nothing.
        typer.echo(f"nightporter: this could not be noted in the audit log ({type(error).__name__})", err=True)
