"""Read how the system stands from its stores: what waits, what fails, whose breaker is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from python_nodes import log
from python_nodes.domain.gauges import Reading
from python_nodes.errors import NightporterError
from python_nodes.steps.services import Services
from python_nodes.store import system_state
from python_nodes.store.redis import RedisStore
from python_nodes.vendors.resilience import breaker_states

BREAKER_STATES = {"closed": 0, "open": 1, "half-open": 2}
UNACKNOWLEDGED = "unacked"
"""The hash in which Celery's transport keeps what workers have taken."""


def readings(services: Services, tenant_id: int, queues: Iterable[str], version: str) -> list[Reading]:
    """Read all gauges; a store that does not answer is told as down, and the rest is told without it."""
    found = [Reading(name="nightporter_build_info", value=1, labels={"version": version})]
    asked: dict[str, Callable[[], Iterator[Reading]]] = {
        "postgresql": lambda: _rows(services, tenant_id),
        "valkey": lambda: _queues(services, tenant_id, queues),
    }
    for store, ask in asked.items():
        up = 1
        try:
            found.extend(ask())
        except (NightporterError, SQLAlchemyError, RedisError, OSError) as error:
            log.get("system_state").warning("store_unavailable", store=store, reason=type(error).__name__)
            up = 0
        found.append(Reading(name="nightporter_store_up", value=up, labels={"store": store}))
    return found


def _rows(services: Services, tenant_id: int) -> Iterator[Reading]:
    with services.database.tenant(tenant_id) as conn:
        yield from system_state.read(conn, tenant_id)


def _queues(services: Services, tenant_id: int, queues: Iterable[str]) -> Iterator[Reading]:
    with RedisStore(services.redis_url).client as client:
        for queue in queues:
            yield Reading(name="nightporter_queue_length", value=client.llen(queue), labels={"queue": queue})
        yield Reading(name="nightporter_queue_unacknowledged", value=client.hlen(UNACKNOWLEDGED))
    with services.database.tenant(tenant_id) as conn:
        active = system_state.active_connections(conn)
    states = breaker_states(services.redis_url, [(vendor, f"{tenant_id}-{one}") for one, vendor in active])
    for (connection_id, vendor), state in zip(active, states, strict=True):
        labels = {"channel_type": vendor, "tenant_id": tenant_id, "connection_id": connection_id}
        yield Reading(
            name="circuit_breaker_state", value=BREAKER_STATES.get(state or "closed", 0), labels=labels
        )  # fmt: skip
