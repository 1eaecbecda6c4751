"""What commands work on: the services of the tenant that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from sqlalchemy.exc import OperationalError

from python_nodes import config
from python_nodes.errors import NightporterError

if TYPE_CHECKING:
    from python_nodes.steps.services import Services


@contextmanager
def opened() -> Iterator[tuple[Services, int]]:
    """Build them, and end with one line instead of a traceback for what is the caller's to mend."""
    from python_nodes import wiring

    try:
        settings = config.settings()
        yield wiring.build_services(settings), settings.tenant_id
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_DATABASE_URL: the database does not answer", err=True)
        raise typer.Exit(2) from None
