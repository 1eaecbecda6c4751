"""`nightporter …`: what operators do by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from python_nodes import (
    cli_alerts,
    cli_backtest,
    cli_detect,
    cli_forecast,
    cli_imports,
    cli_messages,
    cli_proposals,
    cli_route,
    clock,
    config,
    log,
)
from python_nodes.errors import ConfigError, NightporterError
from python_nodes.login import login_token
from python_nodes.scopes import SCOPES

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
apikey = typer.Typer(no_args_is_help=True, help="API keys.")
portfolio = typer.Typer(no_args_is_help=True, help="What the operator runs.")
connection = typer.Typer(no_args_is_help=True, help="Accounts at vendors.")
app.add_typer(apikey, name="apikey")
app.add_typer(portfolio, name="portfolio")
app.add_typer(connection, name="connection")
fx = typer.Typer(no_args_is_help=True, help="Exchange rates.")
app.add_typer(fx, name="fx")
influx = typer.Typer(no_args_is_help=True, help="InfluxDB as the store of metrics.")
app.add_typer(influx, name="influx")
app.add_typer(cli_imports.group, name="import")
app.add_typer(cli_proposals.group, name="proposals")
app.add_typer(cli_messages.group, name="messages")
app.add_typer(cli_alerts.alerts, name="alerts")
app.add_typer(cli_alerts.mutes, name="mutes")
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


@apikey.command("create")
def apikey_create(
    name: Annotated[str, typer.Option(help="Who will use it.")],
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated.")],
    only: Annotated[
        list[str] | None, typer.Option("--property", help="Sees this property only; may be repeated. Else all.")
    ] = None,
) -> None:
    """Create a key and print it, for the only time."""
    from python_nodes import jobs
    from python_nodes.steps import key_admin

    with _plain_errors():
        settings = config.settings()
        services = jobs.build_services(settings)
        typer.echo(key_admin.create(services, settings.tenant_id, name, scope, clock.now(), only or None))


@portfolio.command("import")
def portfolio_import(file: Annotated[Path, typer.Argument(help="The portfolio as JSON.")]) -> None:
    """Import a portfolio file, all or nothing."""
    from python_nodes import jobs
    from python_nodes.endpoints.portfolio import PortfolioBody
    from python_nodes.steps import portfolio_import

    with _plain_errors():
        settings = config.settings()
        told = PortfolioBody.model_validate_json(file.read_bytes()).model_dump()
        _print(portfolio_import.run(jobs.build_services(settings), settings.tenant_id, told))


@connection.command("add")
def connection_add(file: Annotated[Path, typer.Argument(help="As the body of POST /v1/connections.")]) -> None:
    """Add or, by name, replace a connection; a file keeps its credentials out of the shell's history."""
    from python_nodes import jobs
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
        _print({"id": connection_admin.add(jobs.build_services(settings), settings.tenant_id, wanted)})


@fx.command("refresh")
def fx_refresh() -> None:
    """Read the reference rates anew from the address in the setting NIGHTPORTER_FX_URL."""
    from python_nodes import jobs
    from python_nodes.steps import rates

    with _plain_errors():
        settings = config.settings()
        _print(rates.refresh(jobs.build_services(settings), settings.tenant_id, clock.now(), settings.fx_url))


@influx.command("setup")
def influx_setup() -> None:
    """Create the database that the settings name, unless it is there; on 1.x this needs an administrator."""
    from python_nodes import jobs
    from python_nodes.store.metrics.influx import InfluxMetricStore

    with _plain_errors():
        metrics = jobs.build_services(config.settings()).metrics
        if not isinstance(metrics, InfluxMetricStore):
            raise ConfigError("NIGHTPORTER_METRIC_STORE is not influx")
        metrics.http.create_database()
        metrics.ping()
        typer.echo(f"InfluxDB at {metrics.http.address.url} has the database {metrics.http.address.database}")


@app.command("replay-raw")
def replay_raw(
    rejected_id: Annotated[list[int] | None, typer.Option(help="Which record; all that wait by default.")] = None,
) -> None:
    """Map quarantined records again, after the cause was mended."""
    from python_nodes import jobs
    from python_nodes.steps import replay

    with _plain_errors():
        settings = config.settings()
        _print(replay.run(jobs.build_services(settings), settings.tenant_id, clock.now(), rejected_id or None))


@app.command("login-link")
def login_link() -> None:
    """Print a link that opens the pages; it expires."""
    with _plain_errors():
        settings = config.settings()
        token = login_token(settings.secret_key.get_secret_value(), settings.tenant_id)
        typer.echo(f"{settings.base_url.rstrip('/')}/login?token={token}")


@app.command("openapi")
def openapi() -> None:
    """Print the worker's OpenAPI description; needs no running worker."""
    from python_nodes.app import create_app

    with _plain_errors():
        _print(create_app(config.documentation()).api_doc)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
