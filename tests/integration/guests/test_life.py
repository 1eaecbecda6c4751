"""Guests' data over time: exported, expired, erased again after a restore, told by nobody's log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from python_nodes.steps import archive, guest_admin, guest_erase, guest_export
from python_nodes.steps.guest_erase import Wish
from python_nodes.store import audit
from tests.integration.guests.conftest import ADA, AS_OF, BO, BY, House, queue


def test_an_export_holds_all_of_one_person_and_nothing_of_another(house: House) -> None:
    house.told(queue(ADA, BO))
    house.told(queue(ADA).replace(b"24690", b"many"))
    told = guest_export.run(house.services, house.tenant_id, Wish(phone="0151 23456789"), AS_OF, BY)
    assert [one["reservation"] for one in told["guests"]] == [ADA.number]
    assert {one["value"] for one in told["words"]} == set(ADA.own)
    assert told["bookings"][0]["guest_name"] == "A. L."
    assert [one["held_in"].split()[0] for one in told["documents"]] == ["rejected"]
    assert not [own for own in BO.own if own in str(told)]
    table = guest_export.as_csv(told)
    assert table.splitlines()[0] == "source,reservation,held_in,what,value"
    assert f"'{ADA.phone}" in table, "a number that begins with a plus is no formula"
    with house.services.database.tenant(house.tenant_id) as conn:
        (entry,) = [one for one in audit.newest(conn, since=None, who=None, most=9) if "personal" in one["action"]]
    assert not [own for own in ADA.own if own in str(entry)]


def test_after_a_restore_who_was_erased_is_erased_again(house: House) -> None:
    house.told(queue(ADA, BO))
    guest_erase.run(house.services, house.tenant_id, Wish(reservation=BO.number), AS_OF, BY)
    with house.services.database.tenant(house.tenant_id) as conn:
        kept = conn.execute(text("SELECT salt FROM guest_keys WHERE external_id = :id"), {"id": ADA.number}).scalar()
    guest_erase.run(house.services, house.tenant_id, Wish(email=ADA.email), AS_OF, BY)
    # The database as a backup from between the two has it; the list beside it is as it was.
    with house.services.database.tenant(house.tenant_id) as conn:
        conn.execute(text("UPDATE guest_keys SET salt = :salt, erased_at = NULL WHERE external_id = :id"),
                     {"id": ADA.number, "salt": bytes(kept or b"")})  # fmt: skip
        conn.execute(text("UPDATE bookings SET guest_name = 'A. L.' WHERE external_id = :id"), {"id": ADA.number})
    assert ADA.surname.encode() in house.payloads()[0]
    done = archive.run(house.services, house.tenant_id, AS_OF)
    assert done["erased_again"] == 1
    assert ADA.surname.encode() not in house.payloads()[0]
    assert house.rows("SELECT guest_name FROM bookings") == [(None,), (None,)]
    assert archive.run(house.services, house.tenant_id, AS_OF)["erased_again"] == 0


def test_keys_and_payloads_expire(house: House) -> None:
    house.told(queue(ADA, BO))
    house.told(b"{}", "health")
    house.told(b"<!-- not ours -->" + queue(ADA)[len(b'<?xml version="1.0" encoding="UTF-8"?>') :])
    days = house.services.life.retention
    assert archive.run(house.services, house.tenant_id, AS_OF)["payloads_unparted"] == 1
    later = archive.run(house.services, house.tenant_id, AS_OF + timedelta(days=days.raw_days["unparted"] + 1))
    assert (later["raw_expired"], later["keys_expired"]) == (1, 0)
    life = replace(house.services.life, retention=replace(days, guest_days=10))
    after_stay = replace(house.services, life=life)
    assert archive.run(after_stay, house.tenant_id, AS_OF + timedelta(days=45))["keys_expired"] == 2
    assert not [own for own in (*ADA.own, *BO.own) if own.encode() in b"".join(house.payloads())]
    assert archive.run(after_stay, house.tenant_id, AS_OF + timedelta(days=91))["raw_expired"] == 1
    assert archive.run(after_stay, house.tenant_id, AS_OF + timedelta(days=401))["raw_expired"] == 1
    assert not [path for path in house.root.rglob("*") if path.is_file()]


def test_what_stood_in_full_is_masked_by_night(house: House) -> None:
    keeping = replace(house.services, life=replace(house.services.life, keeps_guests=True))
    replace(house, services=keeping).told(queue(ADA))
    assert house.rows("SELECT guest_name FROM bookings") == [(f"{ADA.given} {ADA.surname}",)]
    archive.run(house.services, house.tenant_id, AS_OF)
    shown = house.rows("SELECT guest_name, guest_email, guest_phone FROM bookings")
    assert shown == [("A. L.", "a***@***", "***89")]
    assert archive.run(house.services, house.tenant_id, AS_OF)["bookings_masked"] == 0


def test_a_job_to_erase_names_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.told(queue(ADA))
    more = guest_admin.asked(house.services, house.tenant_id, Wish(email=ADA.email), BY)
    guest_admin.JOB.accept(house.services, house.tenant_id, "job-1", AS_OF, "run", *more)
    assert ADA.email not in house.dump()
    guest_admin.JOB.carry_out(house.services, house.tenant_id, "job-1", AS_OF, *more)
    ((state, receipt),) = house.rows("SELECT state, result FROM jobs")
    assert (state, receipt["keys_destroyed"], receipt["bookings"]) == ("done", 1, 1)
    assert ADA.email not in house.dump() + caplog.text
