"""What becomes of guests' data each night: payloads are parted, keys and payloads expire, the erased stay erased."""

from __future__ import annotations

from datetime import datetime, timedelta

from python_nodes.steps import erased_list, guest_erase, guest_part
from python_nodes.steps.guest_erase import By
from python_nodes.steps.services import Services
from python_nodes.store import guest_register, guest_traces, raw_rest


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, int]:
    """Do all of it; the same moment again finds nothing to do."""
    again = _again(services, tenant_id, as_of)
    parted = guest_part.run(services, tenant_id, as_of)
    life, made_at = services.life.retention, services.clock()
    with services.database.tenant(tenant_id) as conn:
        until = as_of.date() - timedelta(days=life.guest_days)
        expired = guest_register.expire(conn, until, made_at) if life.guest_days else 0
        masked = 0 if services.life.keeps_guests else guest_traces.mask_all(conn)
        days = {kind: as_of.date() - timedelta(days=number) for kind, number in life.raw_days.items() if number}
        gone, places = raw_rest.expire(conn, days, guest_part.PERSONAL)
        guest_register.forget(conn, until)
    with services.database.tenant(tenant_id) as conn:
        # What was deleted stands as deleted before a file goes.
        files = raw_rest.unlink(conn, services.archive, places) + raw_rest.sweep(conn, services.archive, made_at)
    return {
        "payloads_parted": parted["payloads"], "payloads_unparted": parted["unparted"], "keys_expired": expired,
        "bookings_masked": masked, "raw_expired": gone, "raw_files_deleted": files, "erased_again": again,
    }  # fmt: skip


def _again(services: Services, tenant_id: int, as_of: datetime) -> int:
    """Erase anew who came back with an older backup; nobody, in every other night."""
    erased = erased_list.read(services.life.erased_root, tenant_id)
    with services.database.tenant(tenant_id) as conn:
        if len(erased) <= guest_register.count_erased(conn):
            return 0
    told = guest_erase.again(services, tenant_id, as_of, By(via="job", actor="archive"))
    return int(told["reservations"])
