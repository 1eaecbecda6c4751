"""Erase a guest everywhere: the key is destroyed, and with it what the raw archive holds; the tables are blanked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.guests import mail_of, phone_of
from python_nodes.errors import PermanentError
from python_nodes.steps import erased_list, guest_part, guest_payloads
from python_nodes.steps.guest_payloads import Person
from python_nodes.steps.services import Services
from python_nodes.store import audit, guest_register, guest_traces, raw_rest
from python_nodes.store.guest_register import Guest, Wanted
from python_nodes.store.tenant_keys import TenantKeys

STATUS_UNSAID = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whom, by what is known of them; none of it shows in a repr."""

    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    reservation: str | None = field(default=None, repr=False)

    def checked(self) -> Wish:
        """Refuse what names nobody."""
        if self.email is not None and mail_of(self.email) is None:
            raise PermanentError("email: is no e-mail address", status=STATUS_UNSAID, field="email")
        if self.phone is not None and phone_of(self.phone) is None:
            raise PermanentError("phone: is no telephone number", status=STATUS_UNSAID, field="phone")
        if not any((self.email, self.phone, self.reservation)):
            raise PermanentError("name an e-mail, a phone or a reservation", status=STATUS_UNSAID, field="email")
        return self

    def wanted(self, keys: TenantKeys) -> Wanted:
        """What finds them in the register."""
        email, phone = mail_of(self.email or ""), phone_of(self.phone or "")
        return Wanted(
            email=keys.reference("email", email) if email else None,
            phone=keys.reference("phone", phone) if phone else None, reservation=self.reservation,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who asked, by which way."""

    via: str
    actor: str
    run_id: str = ""


def run(services: Services, tenant_id: int, wish: Wish, as_of: datetime, by: By) -> dict[str, Any]:
    """Erase, and return the receipt: how many of what, and nothing personal; repeated, it finds nothing left."""
    wish = wish.checked()
    with log.stage("guest_erase", tenant_id=tenant_id) as facts, guest_part.alone(services, tenant_id):
        guest_part.part_waiting(services, tenant_id, as_of)
        with services.database.tenant(tenant_id) as conn:
            keys = services.archive.keys.of(conn)
            wanted = wish.wanted(keys)
            known = guest_register.find(conn, wanted)
            booked = guest_traces.reservations(conn, wish.reservation, mail_of(wish.email or ""))
            guests = sorted({*((one.source, one.external_id) for one in known), *booked})
            told = {"email": wish.email, "phone": wish.phone, "reservation": wish.reservation}
            person = guest_payloads.person(conn, services.archive, known, told)
            receipt, left = _erase(services, conn, tenant_id, guests, known, person, wanted, as_of)
            objects = {"by": sorted(name for name, value in told.items() if value), **receipt}
            audit.record(
                conn, audit.Entry(at=services.clock(), via=by.via, actor=by.actor, action="erase guest",
                                  objects=objects, run_id=by.run_id),
            )  # fmt: skip
        with services.database.tenant(tenant_id) as conn:
            raw_rest.unlink(conn, services.archive, left)
        facts.update(receipt)
    return receipt


def again(services: Services, tenant_id: int, as_of: datetime, by: By) -> dict[str, Any]:
    """Erase anew whoever stands in the list beside the database: after a restore from an older backup."""
    erased = erased_list.read(services.life.erased_root, tenant_id)
    with log.stage("guest_erase_again", tenant_id=tenant_id) as facts, guest_part.alone(services, tenant_id):
        if erased:
            guest_part.part_waiting(services, tenant_id, as_of)
        with services.database.tenant(tenant_id) as conn:
            keys = services.archive.keys.of(conn)
            there = guest_register.everybody(conn) if erased else []
            guests = [one for one in there if erased_list.name(keys, *one) in erased]
            known = guest_register.named(conn, guests)
            person = guest_payloads.person(conn, services.archive, known, {})
            receipt, left = _erase(services, conn, tenant_id, guests, known, person, Wanted(), as_of)
            if guests:
                entry = audit.Entry(
                    at=services.clock(), via=by.via, actor=by.actor, action="erase guests again", objects=receipt,
                    run_id=by.run_id,
                )  # fmt: skip
                audit.record(conn, entry)
        with services.database.tenant(tenant_id) as conn:
            raw_rest.unlink(conn, services.archive, left)
        facts.update(receipt)
    return receipt


def _erase(
    services: Services, conn: Connection, tenant_id: int, guests: Sequence[tuple[str, str]], known: Sequence[Guest],
    person: Person, wanted: Wanted, as_of: datetime,
) -> tuple[dict[str, Any], set[str]]:  # fmt: skip
    """In one transaction, but for the list: it is written first, and what stands there is erased by the next night."""
    keys = services.archive.keys.of(conn)
    erased_list.add(services.life.erased_root, tenant_id, keys, guests, as_of)
    guest_register.destroy(conn, guests, wanted, as_of.date(), as_of)
    rejected = [number for number, _ in guest_traces.quarantined(conn, keys, person.is_in)]
    guest_traces.blank_quarantined(conn, keys, rejected, as_of)
    scrubbed, left = guest_payloads.scrub(conn, services.archive, person)
    values = person.written()
    receipt = {
        "reservations": len(guests),
        "keys_destroyed": sum(one.salt is not None for one in known),
        "payloads": len({number for one in known if one.salt is not None for number in one.raw_ids}),
        "payloads_rewritten": scrubbed,
        "bookings": guest_traces.blank(conn, guests) if guests else 0,
        "rejected": len(rejected),
        "texts": guest_traces.blank_written(conn, values) if values else 0,
        "erased_before": sum(one.erased_at is not None for one in known),
    }
    return receipt, left
