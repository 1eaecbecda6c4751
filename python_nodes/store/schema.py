"""Which schema the code needs and which one the database has; asked without the migration tool, which is heavy."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from python_nodes.errors import ConfigError
from python_nodes.store.session import Database

_NUMBERED = re.compile(r"(\d{4})_\w+\.py")
_HOW = "run `nightporter database setup` (compose: `make up` does), which changes nothing that is up to date"


@lru_cache(maxsize=1)
def needed() -> str:
    """The newest migration that comes with this code."""
    folder = Path(__file__).parent / "migrations" / "versions"
    return max(found[1] for file in folder.iterdir() if (found := _NUMBERED.fullmatch(file.name)))


def of(conn: Connection) -> str | None:
    """The migration that a database stands at; None where there is none, or none that we may read."""
    try:
        with conn.begin_nested():
            return conn.execute(text("SELECT version_num FROM public.alembic_version")).scalar_one_or_none()
    except ProgrammingError:
        return None


def check(database: Database) -> str:
    """Return the database's schema, or refuse one that is older than the code; a newer one is an upgrade going on."""
    with database.anonymous() as conn:
        found = of(conn)
    if found is None:
        raise ConfigError(f"the database has no schema that we may read, and {needed()} is needed: {_HOW}")
    if found < needed():
        raise ConfigError(f"the database's schema is {found} and this release needs {needed()}: {_HOW}")
    return found
