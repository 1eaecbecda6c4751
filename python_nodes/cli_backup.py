"""`nightporter backup …`: write, verify, restore; of what the settings name, or of what `up` runs on this machine."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress as Bars
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from python_nodes import clock, config, wiring
from python_nodes.backup import wal
from python_nodes.backup.manifest import Manifest, Progress
from python_nodes.errors import ConfigError, NightporterError
from python_nodes.steps import backup
from python_nodes.steps.backup import System

group = typer.Typer(no_args_is_help=True, help="Backups of everything, and the way back.")
REFUSED = 2
NOBODY = "nobody receives the log of changes: start `nightporter backup stream` first"
Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]
Beside = Annotated[
    list[Path] | None,
    typer.Option(help="A file with postgresql://role:password@host/name: another program's database, n8n's say."),
]
FlowsKey = Annotated[Path | None, typer.Option(help="The file with n8n's encryption key, to know it again by.")]
StateDirOption = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Of what `nightporter up` keeps there, instead of what settings name."),
]
AdminUrlFile = Annotated[
    Path | None, typer.Option(help="A file with the administrator's address; no other setting is then needed.")
]
Prepare = Callable[[], str]


@group.command("write")
def write(folder: Folder, beside: Beside = None, flows_key: FlowsKey = None, state_dir: StateDirOption = None) -> None:
    """Back up databases, raw archive and metrics into a new folder; keys are left out, and only known again by it."""
    with _plain_errors(), _system(beside, flows_key, state_dir) as (system, _), _progress() as progress:
        made = backup.write(system, folder, clock.now(), progress)
    _tell(f"wrote {folder}", made)


@group.command("verify")
def verify(folder: Folder) -> None:
    """Read all of a backup and hold it against its checksums; needs no running system."""
    with _plain_errors(), _progress() as progress:
        told = backup.verify(folder, progress)
    _tell(f"{folder} is whole", told)


@group.command("restore")
def restore(
    folder: Folder,
    beside: Beside = None,
    flows_key: FlowsKey = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring an older schema to this release's afterwards.")
    ] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Put a backup into an empty system, and compare every table and every file with what was written."""
    with _plain_errors(), _system(beside, flows_key, state_dir) as (system, prepare), _progress() as progress:
        done = backup.restore(system, folder, prepare, progress, may_migrate=migrate)
    _tell(f"restored {folder}, schema {done.schema}", done.manifest)
    if done.roles:
        typer.echo(f"without a password until you give them one: {', '.join(done.roles)}")


@group.command("base")
def base(folder: Folder, admin_url_file: AdminUrlFile = None, state_dir: StateDirOption = None) -> None:
    """Copy PostgreSQL whole, as what the received log of changes goes on from; `backup stream` must run by then."""
    with _plain_errors(), _administrator(admin_url_file, state_dir) as admin_url:
        if not wal.is_received(admin_url):
            raise ConfigError(NOBODY)
        wal.base(admin_url, folder)
    typer.echo(f"wrote {folder}: with the log that is received from now on it can be restored to the last change")


@group.command("stream")
def stream(folder: Folder, admin_url_file: AdminUrlFile = None, state_dir: StateDirOption = None) -> None:
    """Receive PostgreSQL's log of changes on another disk until stopped; meanwhile no change is accepted without it."""
    # A plain `kill` ends the receiver too, just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _plain_errors(), _administrator(admin_url_file, state_dir) as admin_url:
        wal.stream(admin_url, folder, typer.echo)


@group.command("received")
def received(admin_url_file: AdminUrlFile = None, state_dir: StateDirOption = None) -> None:
    """Say whether each change is received before it counts as accepted; 1 where it is not."""
    with _plain_errors(), _administrator(admin_url_file, state_dir) as admin_url:
        is_received = wal.is_received(admin_url)
    typer.echo("every change is received before it counts as accepted" if is_received else NOBODY)
    raise typer.Exit(0 if is_received else 1)


@group.command("release")
def release(admin_url_file: AdminUrlFile = None, state_dir: StateDirOption = None) -> None:
    """Let PostgreSQL accept changes that nobody receives, and keep no log for who does not come."""
    with _plain_errors(), _administrator(admin_url_file, state_dir) as admin_url:
        wal.release(admin_url)
    typer.echo("changes are accepted without being received: what is lost now is all since the last backup")


@group.command("recover")
def recover(
    folder: Folder,
    log: Annotated[Path, typer.Argument(help="Where `backup stream` received the log.")],
    data_dir: Annotated[Path, typer.Argument(help="The server's data directory, which must not be there yet.")],
) -> None:
    """Lay out a server that restores a base backup to the last received change when PostgreSQL is started on it."""
    with _plain_errors():
        wal.lay_out(folder, log, data_dir)
    typer.echo(f"{data_dir} is ready: let PostgreSQL's user own it and {log}, and start it")


@contextmanager
def _administrator(file: Path | None, state_dir: Path | None) -> Iterator[str]:
    """The server's administrator's address, from a file of its own or with all that a backup needs."""
    if file is not None:
        yield file.read_text(encoding="utf-8").strip()
        return
    with _system(None, None, state_dir) as (system, _):
        yield system.admin_url


@contextmanager
def _system(
    beside: list[Path] | None, flows_key: Path | None, state_dir: Path | None
) -> Iterator[tuple[System, Prepare]]:
    if state_dir is not None:
        with _embedded(state_dir) as found:
            yield found
        return
    told = config.settings()
    admin, owner = _told(told.admin_url, "admin_url"), _told(told.owner_url, "owner_url")
    app, urls = told.database_url.get_secret_value(), [file.read_text().strip() for file in beside or ()]
    services = wiring.build_services(told)
    keys = {"secret_key": told.secret_key.get_secret_value()}
    if flows_key is not None:
        keys["n8n encryption key"] = flows_key.read_text().strip()
    system = System(
        admin_url=admin, database=str(make_url(app).database),
        beside=tuple(str(make_url(url).database) for url in urls), raw_root=told.raw_root,
        archive_root=services.life.root, keys=keys,
        series=services.metrics if told.metric_store == "influx" else None, release=version("nightporter"),
    )  # fmt: skip

    def prepare() -> str:
        from python_nodes.store import migrate

        words = (str(make_url(url).password or "") for url in (app, owner))
        owner_url, _ = migrate.provision(admin, system.database, *words)
        for url in urls:
            migrate.own_database(admin, url)
        return owner_url

    try:
        yield system, prepare
    finally:
        services.database.dispose()


@contextmanager
def _embedded(state_dir: Path) -> Iterator[tuple[System, Prepare]]:
    """What `up` keeps in a folder; its PostgreSQL is joined where it runs, and else started meanwhile."""
    try:
        from python_nodes.local import n8n, postgres, prepare
        from python_nodes.local import state as states
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed: --state-dir is for where `nightporter up` runs") from None
    from python_nodes.store import migrate

    folder = states.state_dir(state_dir)
    saved = folder.load()
    with postgres.run(folder.root / "postgres") as server:
        system = System(
            admin_url=server.admin_url, database=prepare.DATABASE, beside=(n8n.DATABASE,),
            raw_root=folder.root / "raw", archive_root=folder.root / "raw" / "archive", release=version("nightporter"),
            keys={"secret_key": saved.secret_key, "n8n encryption key": saved.encryption_key},
        )  # fmt: skip

        def make() -> str:
            words = (saved.app_password, saved.owner_password)
            return migrate.provision(server.admin_url, prepare.DATABASE, *words)[0]

        yield system, make


def _told(value: SecretStr | None, name: str) -> str:
    if value is None:
        raise ConfigError(f"{config.PREFIX}{name.upper()} is not set: a backup is made as the server's administrator")
    return value.get_secret_value()


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on a terminal, nothing in a log."""
    with Bars(console=Console(stderr=True), transient=True) as bars:
        known = {}

        def told(name: str, done: int, total: int) -> None:
            if name not in known:
                known[name] = bars.add_task(name, total=total)
            bars.update(known[name], completed=done, total=total)

        yield told


def _tell(what: str, made: Manifest) -> None:
    rows = sum(table.rows for one in made.databases.values() for table in one.tables.values())
    apart, size = sum(one.rows for one in made.series.values()), sum(one.size_bytes for one in made.parts())
    typer.echo(
        f"{what}: {made.made_at}, schema {made.schema}; {', '.join(made.databases)} with {rows:,} rows;"
        f" {made.raw.files:,} raw files, {made.archive.files:,} of old data;"
        f" {apart:,} rows of metrics apart; {size / 1e6:,.1f} MB"
    )


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one line for what the caller can mend."""
    try:
        yield
    except OSError as error:
        hint = ": make room, or write to another disk" if error.errno == errno.ENOSPC else ""
        typer.echo(f"nightporter: {error}{hint}", err=True)
        raise typer.Exit(REFUSED) from None
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    except OperationalError as error:
        typer.echo(f"nightporter: the database: {str(error.orig).strip().splitlines()[0]}", err=True)
        raise typer.Exit(REFUSED) from None
