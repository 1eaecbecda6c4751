"""Score every series against its baseline and store what is out of the ordinary."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import swept_part
from python_nodes.steps.services import Services
from python_nodes.store import anomalies

SOURCE_KIND = "watches"


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Derive what is not reported, then run the watches; the same ``as_of`` again replaces its findings.

    Several shards are looked at one after the other, which finds what `sweep_job` finds by many processes.
    """
    parts, given = swept_part.survey(services, tenant_id, as_of)
    for part in parts:
        swept_part.derive(services, tenant_id, part, given)
    with log.stage("metrics_score", tenant_id=tenant_id) as facts:
        looked = [swept_part.look(services, tenant_id, part, given) for part in parts]
        with services.database.tenant(tenant_id) as conn:
            result = keep(conn, as_of, looked)
        facts.update(result, failed=sum(len(one.failed) for one in looked))
    return result


def keep(conn: Connection, as_of: datetime, looked: Sequence[swept_part.Looked]) -> dict[str, Any]:
    """Store what the parts of a sweep found, and count it."""
    found = [anomaly for one in looked for anomaly in one.found]
    _store(conn, SOURCE_KIND, as_of, found, {listing_id for one in looked for listing_id in one.failed})
    return {
        "series": sum(one.series for one in looked), "scored": sum(one.scored for one in looked), "found": len(found),
    }  # fmt: skip


def store(
    services: Services, tenant_id: int, source_kind: str, as_of: datetime, found: Sequence[Anomaly],
    failed: Sequence[ListingInfo],
) -> None:  # fmt: skip
    """Store a run's findings; of listings that could not be looked at, what was found last holds on."""
    with services.database.tenant(tenant_id) as conn:
        _store(conn, source_kind, as_of, found, {listing.listing_id for listing in failed})


def _store(
    conn: Connection, source_kind: str, as_of: datetime, found: Sequence[Anomaly], unseen: Collection[int]
) -> None:
    kept = [one for one in anomalies.before(conn, as_of, source_kind) if one.listing_id in unseen] if unseen else []
    anomalies.replace(conn, as_of, source_kind, [*found, *kept])
