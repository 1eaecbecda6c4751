"""Where guests' own words are in payloads: each of the right reservation, and None where it cannot be told."""

from __future__ import annotations

import json

import pytest

from python_nodes.vendors import load
from python_nodes.vendors.guest_spans import in_csv

XML = (
    b'<?xml version="1.0"?><q:RQ xmlns:q="u"><q:HotelReservation a="1"><q:HotelReservationID X="1" ResID_Value="7"/>'
    b"<q:GivenName>Ada</q:GivenName><q:Surname>L\xc3\xb6w &amp; Co</q:Surname><q:Email> a@b.c </q:Email>"
    b"<q:Telephone PhoneTechType='1' PhoneNumber='+1 2'/></q:HotelReservation><q:HotelResModify>"
    b'<q:HotelReservationID ResID_Value="8"/><q:Surname>Bo</q:Surname></q:HotelResModify></q:RQ>'
)


def told(vendor: str, content: bytes, operation: str = "reservations") -> list[tuple[str, str, str]] | None:
    spans = load(vendor).mapping.guest_spans(content, operation)
    return None if spans is None else sorted((s.guest, s.kind, content[s.start : s.end].decode()) for s in spans)


def test_xml_names_each_reservation_s_guest() -> None:
    assert told("booking_com", XML) == [
        ("7", "email", " a@b.c "), ("7", "name", "Ada"), ("7", "name", "Löw &amp; Co"), ("7", "phone", "+1 2"),
        ("8", "name", "Bo"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        XML.replace(b"<q:GivenName>", b"<!-- x --><q:GivenName>"),
        XML.replace(b"Ada", b"<![CDATA[Ada]]>"),
        XML.replace(b'ResID_Value="8"', b""),
        XML.replace(b"</q:RQ>", b"<q:Surname>Cy</q:Surname></q:RQ>"),
        XML[:-9],
        b"",
    ],
    ids=["comment", "cdata", "no number", "outside of any", "cut off", "empty"],
)
def test_xml_that_cannot_be_parted_is_said_so(content: bytes) -> None:
    assert told("booking_com", content) is None


def test_json_of_both_vendors() -> None:
    airbnb = {"reservations": [{"guest_name": 'A "da"', "confirmation_code": "H1", "note": {"guest_name": "x"}}]}
    assert told("airbnb", json.dumps(airbnb).encode()) == [("H1", "name", 'A \\"da\\"'), ("H1", "name", "x")]
    node = {"id": "5", "primaryGuest": {"firstName": "Ada", "lastName": "Löw"}, "unitIds": [{"id": "u"}], "status": "x"}
    expedia = {"data": {"property": {"reservations": {"edges": [{"node": node}]}}}}
    assert told("expedia_group", json.dumps(expedia, ensure_ascii=False).encode()) == [
        ("5", "name", "Ada"), ("5", "name", "Löw"),
    ]  # fmt: skip
    assert told("airbnb", b'{"guest_name": "Ada"}') is None, "of no reservation"
    assert told("airbnb", b'{"guest_name": "Ada"') is None, "cut off"
    assert told("airbnb", b'{"said": "\\"guest_name\\":\\"Ada\\""}') == []
    assert told("airbnb", b"{}", "webhook") is None


def test_csv_cells_with_and_without_quotes() -> None:
    content = b'id,guest_name,x\n1,Ada,2\r\n2,"L\xc3\xb6w, ""B""",3\n3,,4'
    spans = in_csv(content, "id", {"guest_name": "name"}) or []
    assert [(s.guest, content[s.start : s.end].decode()) for s in spans] == [("1", "Ada"), ("2", 'Löw, ""B""')]
    assert in_csv(content.replace(b"1,Ada,2", b"1,Ada"), "id", {"guest_name": "name"}) is None, "ragged"
    assert in_csv(content, "number", {"guest_name": "name"}) is None
