"""All that is held of one person, each thing with where it is held; that it was read stands in the audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.guests import mail_of
from python_nodes.steps import guest_part, guest_payloads
from python_nodes.steps.guest_erase import By, Wish
from python_nodes.steps.guest_payloads import Person
from python_nodes.steps.services import Services
from python_nodes.store import audit, guest_register, guest_traces
from python_nodes.store.guest_register import Guest
from python_nodes.store.raw import RawArchive

LONGEST = 2_000
"""Characters that are shown of a document that is not parted by guest: it is others' too."""
COLUMNS = ("source", "reservation", "held_in", "what", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def run(services: Services, tenant_id: int, wish: Wish, as_of: datetime, by: By) -> dict[str, Any]:
    """Gather it; who was erased is told as such, and nothing else of them."""
    wish = wish.checked()
    with log.stage("guest_export", tenant_id=tenant_id) as facts, guest_part.alone(services, tenant_id):
        guest_part.part_waiting(services, tenant_id, as_of)
        with services.database.tenant(tenant_id) as conn:
            known = guest_register.find(conn, wish.wanted(services.archive.keys.of(conn)))
            booked = guest_traces.reservations(conn, wish.reservation, mail_of(wish.email or ""))
            guests = sorted({*((one.source, one.external_id) for one in known), *booked})
            told = {"email": wish.email, "phone": wish.phone, "reservation": wish.reservation}
            person = guest_payloads.person(conn, services.archive, known, told)
            found = _held(conn, services.archive, known, guests, person)
            counts = {name: len(rows) for name, rows in found.items()}
            entry = audit.Entry(
                at=services.clock(), via=by.via, actor=by.actor, action="read personal data", objects=counts,
                run_id=by.run_id,
            )  # fmt: skip
            audit.record(conn, entry)
        facts.update(counts)
    return {"as_of": as_of.isoformat(), **found}


def _held(
    conn: Connection, archive: RawArchive, known: Sequence[Guest], guests: Sequence[tuple[str, str]], person: Person
) -> dict[str, list[dict[str, Any]]]:
    keys = archive.keys.of(conn)
    quarantined = guest_traces.quarantined(conn, keys, person.is_in)
    return {
        "guests": [
            {"source": one.source, "reservation": one.external_id, "payloads": len(one.raw_ids),
             "erased_at": one.erased_at, "expired_at": one.expired_at}
            for one in known
        ],
        "bookings": guest_traces.booked(conn, guests) if guests else [],
        "words": [
            {"source": one.source, "reservation": one.external_id, "held_in": f"raw payload {raw_id}", "what": kind,
             "value": value}
            for one in known
            for raw_id, said in guest_payloads.said_by(conn, archive, one).items()
            for kind, value in said
        ],
        "documents": [
            *({"held_in": f"raw payload {row.raw_id}", "source": row.source, "text": _shown(content, person)}
              for row, content in guest_payloads.about(conn, archive, person)),
            *({"held_in": f"rejected record {number}", "text": _shown(raw, person)} for number, raw in quarantined),
        ],
        "texts": guest_traces.written(conn, person.written()) if person.written() else [],
    }  # fmt: skip


def _shown(content: bytes, person: Person) -> str:
    """The lines that name the person: a file of many guests is not all theirs to read."""
    lines = content.decode("utf-8", "replace").splitlines()
    return "\n".join(one for one in lines if person.is_in(one.encode()))[:LONGEST]


def as_csv(told: dict[str, Any]) -> str:
    """The same as one table; nothing in it is taken for a formula."""
    rows: list[tuple[Any, ...]] = [
        *((one["source"], one["external_id"], one["kept_in"], name, value)
          for one in told["bookings"] for name, value in one.items()
          if name not in ("source", "external_id", "kept_in") and value is not None),
        *((one["source"], one["reservation"], one["held_in"], one["what"], one["value"]) for one in told["words"]),
        *((one.get("source", ""), "", one["held_in"], "document", one["text"]) for one in told["documents"]),
        *(("", "", f"{one['table']}.{one['column']}", "text", one["text"]) for one in told["texts"]),
    ]  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return out.getvalue()


def _plain(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
