"""The one place from which the wall clock is read; everything below endpoints, jobs and cli is given ``as_of``."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


def resolve(as_of: datetime | None) -> datetime:
    """What the caller asked for in UTC, or the present moment."""
    return now() if as_of is None else as_of.astimezone(UTC)
