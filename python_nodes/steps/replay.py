"""Map quarantined records again, after the cause was mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from python_nodes import log, vendors
from python_nodes.domain.imports import PREFIX
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps import import_file, import_observe, poll
from python_nodes.steps.recording import RECORDERS, Payload, Recorded
from python_nodes.steps.services import Services
from python_nodes.store import portfolio, rejected
from python_nodes.store.rejected import StoredRejected


def run(
    services: Services, tenant_id: int, as_of: datetime, rejected_ids: Sequence[int] | None = None
) -> dict[str, int]:
    """Replay some or all; each record is its own transaction, so one that still fails holds up no other."""
    with log.stage("replay", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            waiting = rejected.list_open(conn, services.archive.keys.of(conn, tenant_id), rejected_ids)
        missing = set(rejected_ids or ()) - {one.rejected_id for one in waiting}
        if missing:
            raise NotFoundError(f"rejected record {min(missing)} does not exist or was replayed")
        replayed = sum(_one(services, tenant_id, as_of, one) for one in waiting)
        facts.update(replayed=replayed, still_rejected=len(waiting) - replayed)
    return {"replayed": replayed, "still_rejected": len(waiting) - replayed}


def _one(services: Services, tenant_id: int, as_of: datetime, waiting: StoredRejected) -> bool:
    item = waiting.item
    if item.source.startswith(PREFIX):
        return _of_a_file(services, tenant_id, as_of, waiting)
    mapping = vendors.load(item.source).mapping
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        on_channel = [listing for listing in listings if listing.channel == item.source] or listings
        payload = Payload(
            content=item.raw, source=item.source, raw_id=item.raw_id, observed_at=as_of,
            keeps_guests=services.life.keeps_guests,
        )  # fmt: skip
        done: Recorded = RECORDERS[item.operation](conn, mapping, [payload], on_channel)
        if done.rejected:
            conn.rollback()
            return False
        rejected.mark_replayed(conn, [waiting.rejected_id], as_of)
    poll.write_points(services, tenant_id, done)
    return True


def _of_a_file(services: Services, tenant_id: int, as_of: datetime, waiting: StoredRejected) -> bool:
    try:
        news = import_file.replay(services, tenant_id, waiting.item, as_of)
    except PermanentError:
        # The row's own document has no header that the mapping knows, or the source is gone: it goes on waiting.
        return False
    if news is None:
        return False
    with services.database.tenant(tenant_id) as conn:
        rejected.mark_replayed(conn, [waiting.rejected_id], as_of)
        import_observe.note(conn, f"replay:{waiting.rejected_id}", news)
    return True
