"""What `make run` has stored, for commands that look at it, whether it runs now or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_nodes import config
from python_nodes.config import Settings
from python_nodes.errors import ConfigError
from python_nodes.local import postgres, prepare, servers
from python_nodes.local.state import state_dir
from python_nodes.store import migrate

NOWHERE = "redis://127.0.0.1:1"
"""Who only reads needs no limits and no queue."""


@contextmanager
def settings(given: Path | None = None) -> Iterator[Settings]:
    """Give the worker's settings on the database of a state folder, which is started for as long if it rests.

    Raises
    ------
    ConfigError
        Where nothing was stored yet.
    """
    folder = state_dir(given)
    saved = folder.load()
    if not saved.tenant_id or not (folder.root / "postgres").is_dir():
        raise ConfigError(f"{folder.root} holds no history yet: run `make run` first")
    with postgres.run(folder.root / "postgres") as server:
        url = server.url(migrate.APP_ROLE, saved.app_password, prepare.DATABASE)
        addresses = servers.WorkerAddresses(database_url=url, owner_url=url, redis_url=NOWHERE)
        yield config.load(servers.worker_settings(folder, saved, addresses, prepare.CURRENCY))
