"""`nightporter influx …`: set a server up as planned, see what waits for it, and write that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.exc import OperationalError

from python_nodes import clock, config
from python_nodes.errors import ConfigError, NightporterError

if TYPE_CHECKING:
    from python_nodes.store.metrics.influx import InfluxMetricStore
    from python_nodes.store.metrics.influx_http import InfluxHttp

group = typer.Typer(no_args_is_help=True, help="InfluxDB as the store of metrics.")
NOT_AS_PLANNED = 1
REFUSED = 2


@group.command("setup")
def setup(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if it is not as planned.")] = False,
    plan: Annotated[Path | None, typer.Option(help="Another plan than the one of influx/setup.toml.")] = None,
    admin_token_file: Annotated[
        Path | None, typer.Option(help="Whose token sets it up, user:password on 1.x; else the settings' own.")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="A folder for influx_worker_token and influx_viewer_token, of least right.")
    ] = None,
    renew_tokens: Annotated[bool, typer.Option("--renew-tokens", help="New tokens; the old ones end.")] = False,
    shorten: Annotated[bool, typer.Option("--shorten", help="Also keep less than now, which deletes.")] = False,
) -> None:
    """Make buckets, retention, mappings and tokens as planned; again, it changes nothing."""
    from python_nodes.store.influx_setup import plan as plans
    from python_nodes.store.influx_setup import server

    with _plain_errors():
        http = _as_administrator(_store().http, admin_token_file)
        wanted = plans.read(plan or plans.DEFAULT_PATH)
        wishes = plans.Wishes(tokens_folder=tokens, renew_tokens=renew_tokens, may_shorten=shorten)
        if check:
            found = [gap.words for gap in server.gaps(http, wanted, wishes)] + _skewed(http)
            for words in found:
                typer.echo(words)
            if found:
                raise typer.Exit(NOT_AS_PLANNED)
            typer.echo(f"InfluxDB at {http.address.url} is as planned")
            return
        done, left = server.apply(http, wanted, wishes)
        for words in done:
            typer.echo(f"mended: {words}")
        for words in [*left, *_skewed(http)]:
            typer.echo(f"left as it is: {words}", err=True)
        http.ping()
        typer.echo(f"InfluxDB at {http.address.url} has the database {http.address.database}")


@group.command("drain")
def drain() -> None:
    """Write now what waits for the server, the oldest first."""
    with _plain_errors():
        store, tenant_id = _store(), config.settings().tenant_id
        typer.echo(f"{store.drain(tenant_id, at_once=True)} reports written, none waits")


@group.command("queue")
def queue() -> None:
    """Say how much waits for the server, since when, and why."""
    with _plain_errors():
        told = _store().waiting(config.settings().tenant_id)
    if not told.entries:
        typer.echo("nothing waits")
        return
    since = f"{told.oldest_at:%Y-%m-%d %H:%M:%S} UTC" if told.oldest_at else ""
    typer.echo(f"{told.entries} reports ({told.rows} rows, {told.bytes >> 10} kB) wait since {since}: {told.reason}")


@group.command("downsample")
def downsample(hours: Annotated[int, typer.Option(min=1, help="How far back, in hours.")] = 48) -> None:
    """Make the hourly readings of the raw ones, as POST /v1/series/settle does each night."""
    from python_nodes.store.metrics import influx_hourly

    with _plain_errors():
        now = clock.now()
        since = now - timedelta(hours=hours)
        made = influx_hourly.make(_store().http, config.settings().tenant_id, since, now)
        typer.echo(f"{made} hourly readings written")


def _store() -> InfluxMetricStore:
    from python_nodes import wiring
    from python_nodes.store.metrics.influx import InfluxMetricStore

    metrics = wiring.build_services(config.settings()).metrics
    if not isinstance(metrics, InfluxMetricStore):
        raise ConfigError("NIGHTPORTER_METRIC_STORE is not influx")
    return metrics


def _as_administrator(http: InfluxHttp, token_file: Path | None) -> InfluxHttp:
    if token_file is None:
        return http
    from python_nodes.store.metrics.influx_http import InfluxHttp

    try:
        secret = token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{token_file}: {error.strerror}") from None
    user, parted, password = secret.partition(":")
    if parted:
        return InfluxHttp(replace(http.address, user=user, password=password, token=""))
    return InfluxHttp(replace(http.address, token=secret, user="", password=""))


def _skewed(http: InfluxHttp) -> list[str]:
    from python_nodes.store.influx_setup import server

    ahead_s = server.skew_s(http, clock.now())
    if abs(ahead_s) <= server.MOST_SKEW_S:
        return []
    where = "ahead of" if ahead_s > 0 else "behind"
    hint = "retention deletes by it; have both machines' clocks set by NTP"
    return [f"the server's clock is {abs(ahead_s):.0f} s {where} ours: {hint}"]


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one line instead of a traceback for what is the caller's to mend."""
    try:
        yield
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_DATABASE_URL: the database does not answer", err=True)
        raise typer.Exit(REFUSED) from None
