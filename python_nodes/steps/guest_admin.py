"""Erasing a guest as a job: what is asked travels to the workers encrypted, so that no queue names anybody."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from python_nodes.steps import dated_job, job_admin
from python_nodes.steps.guest_erase import By, Wish
from python_nodes.steps.services import Services


def _run(
    services: Services, tenant_id: int, as_of: datetime, tell: job_admin.Tell, sealed: str, via: str, actor: str
) -> dict[str, Any]:
    # Imported where it is used: every process has this module, and few erase anybody.
    from python_nodes.steps import guest_erase

    tell(0, 1)
    with services.database.tenant(tenant_id) as conn:
        told = json.loads(services.archive.keys.of(conn).open(b64decode(sealed)))
    return guest_erase.run(services, tenant_id, Wish(**told), as_of, By(via=via, actor=actor))


JOB = dated_job.DatedJob("guest_erase", _run)


def asked(services: Services, tenant_id: int, wish: Wish, by: By) -> tuple[str, str, str]:
    """What the job is given besides the moment."""
    told = {"email": wish.email, "phone": wish.phone, "reservation": wish.reservation}
    with services.database.tenant(tenant_id) as conn:
        sealed = services.archive.keys.of(conn).seal(json.dumps(told).encode())
    return b64encode(sealed).decode(), by.via, by.actor
