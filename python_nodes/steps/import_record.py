"""Records what a file told, by the same functions that record what a vendor told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection

from python_nodes import normalize, vendors
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import ChangeRecord, Rejected
from python_nodes.imports.check import Checked
from python_nodes.normalize.fx import RateTable
from python_nodes.steps import rates
from python_nodes.steps.recording import RECORDERS, Payload, Recorded, Recorder
from python_nodes.store import changes


@dataclass(frozen=True, slots=True)
class Part:
    """One channel's rows of a file, in the place of a vendor's mapping: they were read before."""

    built: Any

    def map_performance_columns(self, content: bytes, **_: object) -> tuple[Any, list[Rejected]]:
        """Give what was read."""
        return self.built, []

    map_reservation_history_columns = map_performance_columns
    map_reviews = map_performance_columns
    map_market_watch_columns = map_performance_columns
    map_change_log = map_performance_columns


def record(
    conn: Connection, checked: Checked, listings: Sequence[ListingInfo], as_of: datetime, raw_id: int | None, *,
    keeps_guests: bool = False,
) -> Iterator[Recorded]:  # fmt: skip
    """Record the good rows, channel by channel."""
    known = cache(lambda: rates.table(conn))
    recorders: dict[str, Recorder] = {**_RECORDERS, "market_watch": partial(_market_watch, known)}
    for channel in sorted(checked.good["channel!"].unique().to_list()):
        own = [one for one in listings if one.channel == channel]
        teller = _teller(checked, channel)
        payload = Payload(
            content=b"", source=teller, raw_id=raw_id, observed_at=as_of, keeps_guests=keeps_guests
        )  # fmt: skip
        yield _channel(conn, checked, own, channel, payload, recorders[checked.kind.operation])


def _channel(
    conn: Connection, checked: Checked, listings: Sequence[ListingInfo], channel: str, payload: Payload,
    recorder: Recorder,
) -> Recorded:  # fmt: skip
    rows = checked.rows(channel, payload.source, payload.raw_id, payload.observed_at)
    done: list[Recorded] = []
    for moment, built in _by_moment(checked.kind.operation, checked.kind.build(rows), payload.observed_at):
        done.append(recorder(conn, Part(built), [replace(payload, observed_at=moment)], listings))
    return Recorded(
        fetched=sum(one.fetched for one in done),
        stored=sum(one.stored for one in done),
        unchanged=sum(one.unchanged for one in done),
        rejected=tuple(_placed(checked, item, payload.raw_id) for one in done for item in one.rejected),
        points=tuple(points for one in done for points in one.points),
    )


def _by_moment(operation: str, built: Any, as_of: datetime) -> list[tuple[datetime, Any]]:
    """A score is a point of the day on which it was seen, so each moment of a file is recorded for itself."""
    if operation != "reviews":
        return [(as_of, built)]
    moments = sorted({one.observed_at for one in built})
    return [(moment, [one for one in built if one.observed_at == moment]) for moment in moments]


def _teller(checked: Checked, channel: str) -> str:
    """Whose word it is: a booking is the channel's, whether it came by its interface or in its file."""
    if checked.kind.name == "reservations":
        for name in vendors.discover():
            if channel in vendors.load(name).capabilities.channels:
                return name
    return checked.source.source


def _placed(checked: Checked, item: Rejected, raw_id: int | None) -> Rejected:
    """Say in which row it stands, and keep it under the file's own name so that it is read again as this file was."""
    where = checked.named.place(checked.numbers.get(item.raw))
    return replace(item, source=checked.source.source, reason=f"{where}: {item.reason}", raw_id=raw_id)


def _market_watch(
    known: Callable[[], RateTable], conn: Connection, mapping: Part, payloads: Sequence[Payload],
    listings: Sequence[ListingInfo],
) -> Recorded:  # fmt: skip
    index = normalize.PortfolioIndex.build(listings)
    columns, _ = mapping.map_market_watch_columns(b"")
    as_of = payloads[0].observed_at
    good, bad = normalize.normalize_market_columns(columns, index, as_of)
    points = normalize.market_points(good, index, known(), as_of)
    return Recorded(fetched=len(good) + len(bad), stored=0, unchanged=0, rejected=tuple(bad), points=(points,))


def _change_log(
    conn: Connection, mapping: Part, payloads: Sequence[Payload], listings: Sequence[ListingInfo]
) -> Recorded:
    records: Sequence[ChangeRecord] = mapping.map_change_log(b"")[0]
    ids = {one.external_id: one.listing_id for one in listings}
    counts = changes.add(conn, records, ids, {one.channel_property_id: one.property_id for one in listings})
    return Recorded(fetched=len(records), stored=counts.stored, unchanged=counts.unchanged, rejected=())


_RECORDERS: dict[str, Recorder] = {**RECORDERS, "change_log": _change_log}
