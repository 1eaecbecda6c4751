"""What vendors' events were about is read again from their APIs and scored at once; people are told what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from python_nodes import log
from python_nodes.errors import NightporterError, RetryableError
from python_nodes.steps import alert_tell, connect, observe, poll
from python_nodes.steps.services import Services
from python_nodes.steps.webhook_receive import RECEIVED
from python_nodes.store import outbox
from python_nodes.store.outbox import OutboxRow

OF_GUARDS_ONLY = frozenset({"health", "content"})
"""Operations that bring no point of a series: what they tell is what guards look at."""
MOST_AT_ONCE = 500
GIVES_UP_AFTER = timedelta(hours=6)
"""What could not be read again for so long has been polled since, or fails as a poll does and is told as one."""


def is_left(services: Services, tenant_id: int) -> bool:
    """Return whether something was told that nobody has looked at."""
    with services.database.tenant(tenant_id) as conn:
        return bool(outbox.pending(conn, RECEIVED, limit=1))


def run(services: Services, tenant_id: int, now: datetime) -> dict[str, Any]:
    """Look at all that was told: each property once, however many events named it."""
    nothing = {"observed": 0, "found": 0, "as_of": now.isoformat(), "raised": 0, "updated": 0, "resolved": 0}
    # What a process held when it died is free for the next.
    with log.stage("webhook_work", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as held:
        rows = outbox.take(held, RECEIVED, limit=MOST_AT_ONCE)
        about: dict[tuple[int, str], list[OutboxRow]] = {}
        for row in rows:
            about.setdefault((int(row.payload["connection_id"]), str(row.payload["operation"])), []).append(row)
        listing_ids: set[int] = set()
        looks: set[observe.Look] = set()
        for (connection_id, operation), told in about.items():
            found = _read_again(services, tenant_id, connection_id, operation, told, now)
            if found is not None:
                outbox.mark_done(held, [one.outbox_id for one in told], services.clock())
            if found:
                listing_ids |= found
                looks |= {"guards"} if operation in OF_GUARDS_ONLY else set(observe.LOOKS)
        facts.update(events=len(rows), listings=len(listing_ids))
        if not listing_ids:
            return nothing | {"events": len(rows), "told": 0}
        before = alert_tell.waiting(services, tenant_id)
        looked = observe.run(services, tenant_id, listing_ids, now, [one for one in observe.LOOKS if one in looks])
    return looked | {"events": len(rows), "told": alert_tell.fresh(services, tenant_id, before, now)}


def _read_again(
    services: Services, tenant_id: int, connection_id: int, operation: str, told: Sequence[OutboxRow], now: datetime
) -> set[int] | None:  # fmt: skip
    """Return the listings that were read again, none where nobody knows the place; None: another time."""
    places = {str(one.payload["property_id"]) for one in told}
    try:
        with connect.opened(services, tenant_id, connection_id, operation) as link:
            about = [one for one in link.listings if one.channel_property_id in places]
            if about:
                poll.record(services, tenant_id, replace(link, listings=about), operation, now, None)
        return {one.listing_id for one in about}
    except NightporterError as error:
        first_at = min(datetime.fromisoformat(one.payload["at"]) for one in told)
        waits = isinstance(error, RetryableError) and now - first_at < GIVES_UP_AFTER
        log.get("webhook_work").warning("not_read_again", connection_id=connection_id, waits=waits, reason=str(error))
        return None if waits else set()
