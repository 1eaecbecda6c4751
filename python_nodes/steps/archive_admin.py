"""Accept a run of the archive as a job, and tell what lies in it; what reads and writes files is loaded by the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from python_nodes.errors import PermanentError
from python_nodes.steps import dated_job, job_admin
from python_nodes.steps.services import Services
from python_nodes.store import archives
from python_nodes.store.old_entities import ARCHIVED


def _run(services: Services, tenant_id: int, as_of: datetime, tell: job_admin.Tell) -> dict[str, Any]:
    # Imported where it is used: what reads and writes files takes long to import, and every process has this module.
    from python_nodes.steps import archive

    return archive.run(services, tenant_id, as_of, tell)


JOB = dated_job.DatedJob("archive", _run)


def listed(services: Services, tenant_id: int, entity: str | None = None) -> list[dict[str, Any]]:
    """Return every file, oldest month first."""
    with services.database.tenant(tenant_id) as conn:
        found = archives.listed(conn, known(entity))
    return [
        {name: value for name, value in asdict(one).items() if name != "sha256"} | {"sha256": one.sha256.hex()}
        for one in found
    ]


def months(
    services: Services, tenant_id: int, entity: str, listing_ids: Sequence[int] | None, start: date, end: date
) -> list[dict[str, Any]]:
    """Return what is known by month of rows that have left."""
    with services.database.tenant(tenant_id) as conn:
        return archives.months(conn, known(entity) or entity, listing_ids, start, end)


def known(entity: str | None) -> str | None:
    """Return an entity's name, refused where nothing of that name goes to the archive."""
    if entity is not None and entity not in ARCHIVED:
        raise PermanentError(f"archive: {entity}: there are {', '.join(ARCHIVED)}", status=422, field="entity")
    return entity
