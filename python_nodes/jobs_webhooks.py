"""Celery's part in webhooks: a job for each subscriber to whom something is to be sent, one for what vendors told."""

from __future__ import annotations

import structlog
from kombu.exceptions import OperationalError

from python_nodes import clock, config, log
from python_nodes.jobs import app, queue, services
from python_nodes.steps import webhook_send, webhook_work
from python_nodes.steps.services import Services


@app.task(name="webhook_send")
def webhook_task(tenant_id: int, webhook_id: int, run_id: str) -> None:
    """Send one subscriber what is due; where much is, the next job goes on, so that others have their turn."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        if webhook_send.run(services(), tenant_id, webhook_id)["sent"] == webhook_send.MOST_AT_ONCE:
            ring(services(), tenant_id, region=config.settings().region, run_id=run_id)


def ring(own: Services, tenant_id: int, *, region: str, run_id: str) -> None:
    """Have sent what is due; with no queue at hand the next minute does.

    Who fails waits behind what is long: nobody who answers is held up by one who does not.
    """
    try:
        for webhook_id, fails in webhook_send.waiting(own, tenant_id):
            name = queue(region, "bulk" if fails else "critical")
            webhook_task.apply_async(args=(tenant_id, webhook_id, run_id), queue=name, retry=False)
    except OperationalError:
        log.get("jobs").warning("queue_unreachable")


@app.task(name="webhook_work")
def work_task(tenant_id: int, run_id: str) -> None:
    """Look into what vendors told."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        webhook_work.run(services(), tenant_id, clock.now())


def ring_work(tenant_id: int, *, region: str, run_id: str) -> None:
    """Have looked into what vendors told; with no queue at hand the next minute does."""
    try:
        work_task.apply_async(args=(tenant_id, run_id), queue=queue(region, "critical"), retry=False)
    except OperationalError:
        log.get("jobs").warning("queue_unreachable")
