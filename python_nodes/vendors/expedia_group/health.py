"""Maps the status of a property and its units to what a listing is: bookable, closed or suspended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from python_nodes.domain.records import HealthRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group.answers import flag, moment, part_each, read_data, rejected, rows, table, text

STOP_SELL = "BEXHasStopSellDisabled"
"""The documented checkpoint that fails where the partner has stopped selling."""


class _Standing(NamedTuple):
    status: str
    changed_at: datetime
    detail: str


def map_health(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[HealthRecord], list[Rejected]]:
    """One record a unit; a property that is not live overrides its units."""
    try:
        told = table(read_data(content), "property")
        units = rows(told, "units")
        overall = _standing(table(told, "activeStatus"))
    except RejectedRecord as error:
        return [], [rejected(error, content, source, "health", raw_id)]

    def read(unit: Any) -> list[HealthRecord]:
        own = overall if overall.status != "bookable" else _unit(unit, overall)
        return [
            HealthRecord(
                source=source,
                listing_external_id=text(unit, "id"),
                status=own.status,
                changed_at=own.changed_at,
                observed_at=observed_at,
                detail=own.detail,
                raw_id=raw_id,
            )
        ]

    def wrap(unit: Any) -> object:
        return {"property": {"activeStatus": told["activeStatus"], "units": [unit]}}

    return part_each(units, read, wrap, source=source, operation="health", raw_id=raw_id)


def _unit(unit: Any, overall: _Standing) -> _Standing:
    state = text(table(unit, "status"), "state")
    if state not in ("ACTIVE", "INACTIVE"):
        raise RejectedRecord(f"state: {state[:20]!r} is neither ACTIVE nor INACTIVE", field="state")
    # A unit need not have checkpoints of its own; then the property's stand for it.
    own = overall if unit.get("activeStatus") is None else _standing(table(unit, "activeStatus"))
    return own._replace(status="closed", detail="The unit is inactive.") if state == "INACTIVE" else own


def _standing(told: Any) -> _Standing:
    checkpoint = table(told, "statusCheckpoint")
    if flag(told, "active"):
        return _Standing("bookable", moment(checkpoint, "lastEvaluated"), "")
    failed = [] if checkpoint.get("checkpoints") is None else rows(checkpoint, "checkpoints")
    names = [text(one, "name") for one in failed]
    # No moment of change is told: the earliest failed evaluation is the nearest to it.
    since = min((moment(one, "lastEvaluated") for one in failed), default=moment(checkpoint, "lastEvaluated"))
    status = "closed" if names and set(names) == {STOP_SELL} else "suspended"
    return _Standing(status, since, f"Failed: {', '.join(names)}" if names else "Not live.")
