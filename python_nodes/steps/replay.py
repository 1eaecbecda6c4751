"""Map quarantined records again, after the cause was mended: a page of them at a time, or page by page to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from python_nodes import log, vendors
from python_nodes.domain.imports import PREFIX
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import Rejected
from python_nodes.errors import ConfigError, NotFoundError, PermanentError
from python_nodes.steps import import_file, import_observe, poll
from python_nodes.steps.recording import RECORDERS, Payload, Recorded
from python_nodes.steps.services import Services
from python_nodes.store import portfolio, rejected

MOST = 500
"""Records of one page, at most."""
WITHIN_S = 2.0
"""After so much work a page begins no further record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a page; ``left`` were not looked at, and ``next_after`` goes on with them: None where none is."""

    replayed: int
    still_rejected: int
    left: int
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What all records of a page are mapped with."""

    services: Services
    tenant_id: int
    as_of: datetime
    listings: Sequence[ListingInfo]


def run(
    services: Services, tenant_id: int, as_of: datetime, rejected_ids: Sequence[int] | None = None, *,
    after: int = 0, most: int = MOST, within_s: float = WITHIN_S,
) -> Replayed:  # fmt: skip
    """Replay a page of some or of all, in order of id; each record is its own transaction and holds up no other.

    At least one is looked at however short the time, so that whoever goes on comes to the end.
    """
    with log.stage("replay", tenant_id=tenant_id) as facts:
        # monotonic is a stopwatch, not a clock: how far a page comes depends on it, no record's result does.
        ends_s = time.monotonic() + within_s
        with services.database.tenant(tenant_id) as conn:
            if rejected_ids is not None:
                asked = {one for one in rejected_ids if one > after}
                if missing := asked.difference(rejected.open_ids(conn, rejected_ids, after=after)):
                    raise NotFoundError(f"rejected record {min(missing)} does not exist or was replayed")
            page = rejected.open_ids(conn, rejected_ids, after=after, most=most)
            desk = _Desk(services=services, tenant_id=tenant_id, as_of=as_of, listings=portfolio.load_listings(conn))
        replayed = looked_at = 0
        for rejected_id in page:
            if looked_at and time.monotonic() >= ends_s:
                break
            replayed, looked_at, after = replayed + _one(desk, rejected_id), looked_at + 1, rejected_id
        with services.database.tenant(tenant_id) as conn:
            left = rejected.count_open(conn, rejected_ids, after=after)
        done = Replayed(
            replayed=replayed, still_rejected=looked_at - replayed, left=left, next_after=after if left else None
        )
        facts.update(asdict(done))
    return done


def to_the_end(
    services: Services, tenant_id: int, as_of: datetime, rejected_ids: Sequence[int] | None,
    tell: Callable[[int, int], None], *, most: int = MOST,
) -> dict[str, int]:  # fmt: skip
    """Replay page by page until none is left; ``tell`` hears how many were looked at, and of how many."""
    replayed = still_rejected = 0
    after: int | None = 0
    while after is not None:
        page = run(services, tenant_id, as_of, rejected_ids, after=after, most=most)
        replayed, still_rejected = replayed + page.replayed, still_rejected + page.still_rejected
        after = page.next_after
        tell(replayed + still_rejected, replayed + still_rejected + page.left)
    return {"replayed": replayed, "still_rejected": still_rejected}


def _one(desk: _Desk, rejected_id: int) -> bool:
    try:
        with desk.services.database.tenant(desk.tenant_id) as conn:
            # Read one by one: a raw payload may be a whole document.
            keys = desk.services.archive.keys.of(conn, desk.tenant_id)
            found = rejected.list_open(conn, keys, [rejected_id])
        if not found:
            # Somebody else replayed it meanwhile.
            return True
        take = _of_a_file if found[0].item.source.startswith(PREFIX) else _polled
        return take(desk, rejected_id, found[0].item)
    except (PermanentError, ConfigError):
        # A row's own document has no header that the mapping knows, or the source is gone: it goes on waiting.
        return False


def _polled(desk: _Desk, rejected_id: int, item: Rejected) -> bool:
    services, mapping = desk.services, vendors.load(item.source).mapping
    on_channel = [listing for listing in desk.listings if listing.channel == item.source] or desk.listings
    payload = Payload(
        content=item.raw, source=item.source, raw_id=item.raw_id, observed_at=desk.as_of,
        keeps_guests=services.life.keeps_guests,
    )  # fmt: skip
    with services.database.tenant(desk.tenant_id) as conn:
        done: Recorded = RECORDERS[item.operation](conn, mapping, [payload], on_channel)
        if done.rejected:
            conn.rollback()
            return False
        rejected.mark_replayed(conn, [rejected_id], desk.as_of)
    poll.write_points(services, desk.tenant_id, done)
    return True


def _of_a_file(desk: _Desk, rejected_id: int, item: Rejected) -> bool:
    news = import_file.replay(desk.services, desk.tenant_id, item, desk.listings, desk.as_of)
    if news is None:
        return False
    with desk.services.database.tenant(desk.tenant_id) as conn:
        rejected.mark_replayed(conn, [rejected_id], desk.as_of)
        import_observe.note(conn, f"replay:{rejected_id}", news)
    return True
