"""`nightporter …`: what operators do by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import OperationalError

from python_nodes import (
    cli_alerts,
    cli_apikeys,
    cli_archive,
    cli_audit,
    cli_backtest,
    cli_backup,
    cli_dashboards,
    cli_database,
    cli_deploy,
    cli_detect,
    cli_forecast,
    cli_guest,
    cli_imports,
    cli_influx,
    cli_keys,
    cli_messages,
    cli_noted,
    cli_proposals,
    cli_route,
    cli_webhooks,
    clock,
    config,
    log,
)
from python_nodes.errors import NightporterError
from python_nodes.login import login_token
from python_nodes.scopes import ROLES, role_named

app = typer.Typer(cls=cli_noted.NotedGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
portfolio = typer.Typer(no_args_is_help=True, help="What the operator runs.")
connection = typer.Typer(no_args_is_help=True, help="Accounts at vendors.")
app.add_typer(cli_apikeys.group, name="apikeys")
# Its name until release 0.1; scripts know it.
app.add_typer(cli_apikeys.group, name="apikey", hidden=True)
app.add_typer(cli_audit.group, name="audit")
app.add_typer(portfolio, name="portfolio")
app.add_typer(connection, name="connection")
fx = typer.Typer(no_args_is_help=True, help="Exchange rates.")
app.add_typer(fx, name="fx")
app.add_typer(cli_influx.group, name="influx")
app.add_typer(cli_keys.group, name="keys")
app.add_typer(cli_imports.group, name="import")
app.add_typer(cli_archive.group, name="archive")
app.add_typer(cli_database.group, name="database")
app.add_typer(cli_backup.group, name="backup")
app.add_typer(cli_guest.group, name="guest")
app.add_typer(cli_dashboards.group, name="dashboards")
app.add_typer(cli_proposals.group, name="proposals")
app.add_typer(cli_messages.group, name="messages")
app.add_typer(cli_webhooks.group, name="webhooks")
app.add_typer(cli_alerts.alerts, name="alerts")
app.add_typer(cli_alerts.mutes, name="mutes")
app.command("start")(cli_database.start)
app.command("deploy")(cli_deploy.deploy)
app.command("flow-token")(cli_deploy.flow_token)
app.command("detect")(cli_detect.detect)
app.command("backtest")(cli_backtest.backtest)
app.command("forecast")(cli_forecast.forecast)
app.command("route")(cli_route.route_alert)


def _register_local() -> None:
    """Add `up`, `doctor`, `match` and `flows` where the embedded servers are installed."""
    try:
        from python_nodes.local.commands import register
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("python_nodes"):
            raise
        # A worker's image has no embedded servers, and needs none of these commands.
        return
    register(app)


_register_local()


@app.callback()
def start() -> None:
    """Watches listings on the OTAs, finds what is wrong, says why and what it costs."""
    log.configure("WARNING")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one line instead of a traceback for what is the caller's to mend."""
    try:
        yield
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        typer.echo(f"nightporter: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}", err=True)
        raise typer.Exit(2) from None
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_DATABASE_URL: the database does not answer", err=True)
        raise typer.Exit(2) from None
    except (OSError, json.JSONDecodeError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None


@portfolio.command("import")
def portfolio_import(file: Annotated[Path, typer.Argument(help="The portfolio as JSON.")]) -> None:
    """Import a portfolio file, all or nothing."""
    from python_nodes import wiring
    from python_nodes.endpoints.portfolio import PortfolioBody
    from python_nodes.steps import portfolio_import

    with _plain_errors():
        settings = config.settings()
        told = PortfolioBody.model_validate_json(file.read_bytes()).model_dump()
        _print(portfolio_import.run(wiring.build_services(settings), settings.tenant_id, told))


@connection.command("add")
def connection_add(file: Annotated[Path, typer.Argument(help="As the body of POST /v1/connections.")]) -> None:
    """Add or, by name, replace a connection; a file keeps its credentials out of the shell's history."""
    from python_nodes import wiring
    from python_nodes.endpoints.connections import ConnectionBody
    from python_nodes.steps import connection_admin

    with _plain_errors():
        settings = config.settings()
        body = ConnectionBody.model_validate_json(file.read_bytes())
        wanted = connection_admin.NewConnection(
            vendor=body.vendor,
            name=body.name,
            base_url=body.base_url,
            settings=body.settings,
            credentials={name: value.get_secret_value() for name, value in body.credentials.items()},
        )
        _print({"id": connection_admin.add(wiring.build_services(settings), settings.tenant_id, wanted)})


@fx.command("refresh")
def fx_refresh() -> None:
    """Read the reference rates anew from the address in the setting NIGHTPORTER_FX_URL."""
    from python_nodes import wiring
    from python_nodes.steps import rates

    with _plain_errors():
        settings = config.settings()
        _print(rates.refresh(wiring.build_services(settings), settings.tenant_id, clock.now(), settings.fx_url))


@app.command("replay-raw")
def replay_raw(
    rejected_id: Annotated[list[int] | None, typer.Option(help="Which record; all that wait by default.")] = None,
) -> None:
    """Map quarantined records again, after the cause was mended."""
    from python_nodes import wiring
    from python_nodes.steps import replay

    with _plain_errors():
        settings = config.settings()
        services = wiring.build_services(settings)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task("Replaying", total=None)

            def tell(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            done = replay.to_the_end(services, settings.tenant_id, clock.now(), rejected_id or None, tell)
        _print(done)


@app.command("login-link")
def login_link(
    role: Annotated[str, typer.Option(help=f"What it opens: one of {', '.join(ROLES)}.")] = "operator",
) -> None:
    """Print a link that opens the pages; it expires."""
    with _plain_errors():
        settings = config.settings()
        secret, max_age_s = settings.secret_key.get_secret_value(), settings.login_max_age_s
        token = login_token(secret, settings.tenant_id, role=role_named(role), max_age_s=max_age_s)
        typer.echo(f"{settings.base_url.rstrip('/')}/login?token={token}")


@app.command("openapi")
def openapi() -> None:
    """Print the worker's OpenAPI description; needs no running worker."""
    from python_nodes.app import create_app

    with _plain_errors():
        _print(create_app(config.documentation()).api_doc)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
