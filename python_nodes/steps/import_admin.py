"""Save and show import sources."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from python_nodes.domain.imports import ImportSource
from python_nodes.domain.money import known_currencies
from python_nodes.errors import PermanentError
from python_nodes.imports import kinds, parse
from python_nodes.steps.services import Services
from python_nodes.store import imports


def check(source: ImportSource) -> None:
    """Refuse what no file could be read by, naming the field."""
    kind = kinds.get(source.kind)
    parse.strptime(source.date_format)
    for name in source.columns:
        if kind.field(name) is None:
            known = ", ".join(one.name for one in kind.fields)
            raise _wrong("columns", f"a file of {kind.name} has no {name[:40]!r}; it has {known}")
    lacking = [one.name for one in kind.fields if one.required and one.name not in source.columns]
    if lacking:
        raise _wrong("columns", f"no column is named for {', '.join(lacking)}")
    if source.channel is None and "channel" not in source.columns:
        raise _wrong("channel", "name a channel, or the column that does")
    if source.currency is not None and source.currency not in known_currencies():
        raise _wrong("currency", f"{source.currency!r} is not a known ISO 4217 code")


def save(services: Services, tenant_id: int, source: ImportSource, at: datetime) -> dict[str, Any]:
    """Insert a source or, by name, replace it."""
    check(source)
    with services.database.tenant(tenant_id) as conn:
        imports.save(conn, source, at=at)
    return view(source)


def get(services: Services, tenant_id: int, name: str) -> ImportSource:
    """Return a saved source."""
    with services.database.tenant(tenant_id) as conn:
        return imports.get(conn, name)


def every(services: Services, tenant_id: int) -> list[dict[str, Any]]:
    """Return every saved source."""
    with services.database.tenant(tenant_id) as conn:
        return [view(one) for one in imports.every(conn)]


def view(source: ImportSource) -> dict[str, Any]:
    """A source as JSON."""
    return {**asdict(source), "columns": dict(source.columns)}


def _wrong(field: str, reason: str) -> PermanentError:
    return PermanentError(f"{field}: {reason}", status=422, field=field)
