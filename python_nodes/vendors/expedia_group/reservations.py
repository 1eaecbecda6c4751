"""Maps pages of reservations to bookings: a bad one costs only itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from python_nodes.domain.columns import BookingColumns
from python_nodes.domain.guests import GuestSpan
from python_nodes.domain.records import BookingRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.booking_columns import Sale, booking_columns, booking_records
from python_nodes.vendors.expedia_group import batches
from python_nodes.vendors.expedia_group.answers import data_of, document, read_answer, rejected, rows, table
from python_nodes.vendors.expedia_group.plain_sales import plain_columns
from python_nodes.vendors.expedia_group.sale import sale
from python_nodes.vendors.guest_spans import JsonGuests
from python_nodes.vendors.json_text import write_json

Where = tuple[str, str, int | None]
"""Source, operation and the payload's id."""
_GUESTS = JsonGuests(
    id_key="id", beside="primaryGuest",
    texts={"firstName": "name", "lastName": "name", "emailAddress": "email", "fullPhoneNumber": "phone",
           "number": "phone"},
)  # fmt: skip


def guest_spans(content: bytes, operation: str) -> list[GuestSpan] | None:
    """Where guests' own words are; None where they cannot be told apart."""
    return _GUESTS.spans(content) if operation in ("reservations", "reservation_history") else None


def map_reservations(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """One record a reservation of one answer's pages; a reservation is one unit."""
    return _records(content, (source, "reservations", raw_id))


def map_reservation_history(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """The same of a backfill's pages, which name no guest."""
    return _records(content, (source, "reservation_history", raw_id))


def map_reservation_history_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[BookingColumns, list[Rejected]]:
    """The same as columns."""
    where = (source, "reservation_history", raw_id)
    edges, bad = _edges(content, where)
    numbers: Sequence[int] = range(len(edges))

    # Rows are rarely asked for, so what was read is not kept: it is many times as large as the answer.
    @cache
    def again() -> list[Any]:
        return _edges(content, where)[0]

    def raw_row(row: int) -> bytes:
        return document(_wrapped(again()[numbers[row]]))

    columns = plain_columns(edges, source=source, raw_id=raw_id, raw_row=raw_row)
    if columns is None:
        sales, numbers, refused = _sales(edges, where)
        bad += refused
        columns = booking_columns(sales, source=source, raw_id=raw_id, raw_row=raw_row)
    return columns, bad


def raw_reservation(content: bytes, record: BookingRecord) -> bytes:
    """The part of ``content`` that told ``record``, as a document that maps again by itself."""
    for edge in reversed(_edges(content, (record.origin.source, "reservations", None))[0]):
        node = edge.get("node") if isinstance(edge, dict) else None
        if isinstance(node, dict) and node.get("id") == record.origin.external_id:
            return document(_wrapped(edge))
    return content


def _records(content: bytes, where: Where) -> tuple[list[BookingRecord], list[Rejected]]:
    edges, bad = _edges(content, where)
    sales, _, refused = _sales(edges, where)
    return booking_records(sales, source=where[0], raw_id=where[2]), [*bad, *refused]


def _edges(content: bytes, where: Where) -> tuple[list[Any], list[Rejected]]:
    """The reservations of every property that the answer is about, and which of the properties cannot be read."""
    edges: list[Any] = []
    bad: list[Rejected] = []
    try:
        answer = read_answer(content)
    except RejectedRecord as error:
        return [], [rejected(error, content, *where)]
    for part in batches.split(answer):
        try:
            edges += rows(table(table(data_of(part), "property"), "reservations"), "edges")
        except RejectedRecord as error:
            bad.append(rejected(error, content if part is answer else write_json(part), *where))
    return edges, bad


def _sales(edges: list[Any], where: Where) -> tuple[list[Sale], list[int], list[Rejected]]:
    """Sales, the number of the edge that told each, and what cannot be read: a bad edge costs only itself."""
    sales: list[Sale] = []
    numbers: list[int] = []
    bad: list[Rejected] = []
    for number, edge in enumerate(edges):
        try:
            found = sale(table(edge, "node"))
        except RejectedRecord as error:
            bad.append(rejected(error, document(_wrapped(edge)), *where))
            continue
        if found is not None:
            sales.append(found)
            numbers.append(number)
    return sales, numbers, bad


def _wrapped(edge: Any) -> object:
    return {"property": {"reservations": {"edges": [edge]}}}
