"""Celery's part in access: a job that ends the renewals which somebody died over."""

from __future__ import annotations

import structlog
from kombu.exceptions import OperationalError

from python_nodes import log
from python_nodes.jobs import app, queue, services
from python_nodes.steps import access_settle

ASKED_EACH_S = 60
"""By then the next one is sent, and this one is not worth carrying out."""


@app.task(name="access_settle")
def settle_task(tenant_id: int, run_id: str) -> None:
    """Renew what was left unsettled."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        access_settle.run(services(), tenant_id)


def ring(tenant_id: int, *, region: str, run_id: str) -> None:
    """Have it settled; with no queue at hand the next minute does."""
    try:
        settle_task.apply_async(
            args=(tenant_id, run_id), queue=queue(region, "critical"), expires=ASKED_EACH_S, retry=False
        )
    except OperationalError:
        log.get("jobs").warning("queue_unreachable")
