"""`nightporter dashboards`: Grafana's dashboards, and the role that may read them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from python_nodes import config
from python_nodes.errors import ConfigError, NightporterError
from python_nodes.panels import grafana

group = typer.Typer(no_args_is_help=True, help="Grafana's dashboards.")
Folder = Annotated[Path, typer.Option("--dir", help="Where they are.")]


@group.command("build")
def build(folder: Folder = grafana.FOLDER) -> None:
    """Make every dashboard of the panels' files; what is up to date stays untouched."""
    changed = grafana.write(folder)
    for name in changed:
        typer.echo(f"{folder / name}")
    typer.echo(f"{len(changed)} of {len(grafana.files())} dashboards changed")


@group.command("check")
def check(folder: Folder = grafana.FOLDER) -> None:
    """Say which dashboards are not what the panels' files make; status 1 if there are any."""
    changed = grafana.differing(folder)
    for name in changed:
        typer.echo(f"{folder / name}: not what the panels make; run `nightporter dashboards build`", err=True)
    raise typer.Exit(1 if changed else 0)


@group.command("role")
def role(
    password_file: Annotated[Path, typer.Option(help="The role's password; nothing else stands in the file.")],
    tenant: Annotated[str, typer.Option(help="Whose rows it may see; by default the settings' tenant.")] = "",
) -> None:
    """Make the role by which Grafana reads one tenant's rows; run again after an upgrade, it gets what is new."""
    from python_nodes.store import viewers

    try:
        settings = config.settings()
        if settings.admin_url is None:
            raise ConfigError("NIGHTPORTER_ADMIN_URL is missing: only an administrator of the server makes roles")
        password = password_file.read_text(encoding="utf-8").strip()
        if not password:
            raise ConfigError(f"{password_file} is empty")
        name = viewers.create(
            settings.admin_url.get_secret_value(), settings.database_url.get_secret_value(),
            tenant or settings.tenant, password, settings.base_url,
        )  # fmt: skip
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_ADMIN_URL: the database does not answer", err=True)
        raise typer.Exit(2) from None
    typer.echo(name)
