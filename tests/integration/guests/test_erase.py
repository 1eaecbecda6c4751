"""Guests in the tables and in the archive: masked, encrypted, and gone when they are erased."""

from __future__ import annotations

from python_nodes.steps import guest_erase, guest_part
from python_nodes.steps.guest_erase import Wish
from python_nodes.store import outbox
from tests.integration.guests.conftest import ADA, AS_OF, BO, BY, House, Told, queue


def test_tables_show_initials_and_the_disk_nothing(house: House) -> None:
    house.told(queue(ADA, BO))
    shown = house.rows("SELECT guest_name, guest_email, guest_phone FROM bookings ORDER BY external_id")
    assert shown == [("A. L.", "a***@***", "***89"), ("B. P.", "b***@***", "***67")]
    for one in (*ADA.own, *BO.own):
        assert one.encode() not in house.on_disk()
    assert house.payloads() == [queue(ADA, BO)]


def test_parted_by_guest_a_payload_comes_back_byte_for_byte(house: House) -> None:
    house.told(queue(ADA, BO))
    before = {path.name for path in house.root.rglob("*") if path.is_file()}
    done = guest_part.run(house.services, house.tenant_id, AS_OF)
    assert done == {"payloads": 1, "unparted": 0, "reservations": 2}
    assert house.payloads() == [queue(ADA, BO)]
    assert not before & {path.name for path in house.root.rglob("*") if path.is_file()}, "where it lay, nothing is left"
    assert guest_part.run(house.services, house.tenant_id, AS_OF)["payloads"] == 0


def test_who_is_erased_is_gone_everywhere_and_the_others_stay(house: House) -> None:
    house.told(queue(ADA, BO))
    house.told(queue(ADA).replace(b"24690", b"many"))
    receipt = guest_erase.run(house.services, house.tenant_id, Wish(email=ADA.email.upper()), AS_OF, BY)
    assert receipt == {
        "reservations": 1, "keys_destroyed": 1, "payloads": 2, "payloads_rewritten": 0, "bookings": 1, "rejected": 1,
        "texts": 0, "erased_before": 0,
    }  # fmt: skip
    first, second = house.payloads()
    for one in ADA.own:
        assert one.encode() not in first + second
        assert one not in house.dump()
    assert first == queue(BO.__class__(ADA.number, *["erased"] * 5), BO)
    assert house.rows("SELECT guest_name FROM bookings ORDER BY external_id") == [(None,), ("B. P.",)]
    again = guest_erase.run(house.services, house.tenant_id, Wish(email=ADA.email), AS_OF, BY)
    assert (again["keys_destroyed"], again["erased_before"], again["bookings"]) == (0, 1, 0)


def test_what_a_channel_tells_anew_of_an_erased_guest_is_not_kept(house: House) -> None:
    house.told(queue(ADA))
    guest_erase.run(house.services, house.tenant_id, Wish(reservation=ADA.number), AS_OF, BY)
    house.told(queue(ADA, BO))
    guest_part.run(house.services, house.tenant_id, AS_OF)
    assert house.rows("SELECT guest_name FROM bookings ORDER BY external_id") == [(None,), ("B. P.",)]
    for one in ADA.own:
        assert one.encode() not in b"".join(house.payloads())


def test_a_guest_whose_words_are_figures_or_signs_of_json_is_erased_and_no_document_breaks(house: House) -> None:
    odd = Told("900003", "Zoë", "Quill", "zoe@quill.example", "0000000", 'Called "the blue one", with C:\\own towels')
    house.told(queue(odd))
    told = {"share": 0.00000000012, "nights": 10_000_000, "said": [f"by {odd.phone}", odd.words, "and others"]}
    with house.services.database.tenant(house.tenant_id) as conn:
        outbox.add(conn, "test", "said", 1, told)
    guest_erase.run(house.services, house.tenant_id, Wish(reservation=odd.number), AS_OF, BY)
    ((left,),) = house.rows("SELECT payload FROM outbox WHERE type = 'test'")
    assert left == told | {"said": ["by erased", "erased", "and others"]}
