"""How much is stored of a tenant's series: counted listing by listing, and again only where something was written.

As ``change_notes`` tells it; rows that are changed by hand in SQL are not seen before the process starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from python_nodes.domain.metrics import METRICS
from python_nodes.store.metrics import change_notes

_POINTS = " + ".join(f"count({name})" for name in METRICS)
_SERIES = " + ".join(f"(count({name}) > 0)::int" for name in METRICS)
_COUNT = f"SELECT listing_id, {_POINTS} AS points, {_SERIES} AS series FROM metrics_daily {{}} GROUP BY listing_id"
_ALL, _SOME = text(_COUNT.format("")), text(_COUNT.format("WHERE listing_id = ANY(:ids)"))


@dataclass(frozen=True, slots=True)
class Counted:
    """Values and series told by listing, as of a mark of ``change_notes``."""

    mark: str
    of: dict[int, tuple[int, int]]

    def total(self) -> tuple[int, int]:
        """Return (values, series) of all listings."""
        return sum(points for points, _ in self.of.values()), sum(series for _, series in self.of.values())


def count(conn: Connection, before: Counted | None) -> Counted:
    """Count what there is, from what was counted before where there is any."""
    changes = change_notes.changes(conn, before.mark if before else None)
    written = changes.rewritten
    if before is None or written is None or any(one.listing_ids is None for one in written):
        return Counted(changes.mark, _told(conn, None))
    ids = {int(listing_id) for one in written if one.listing_ids is not None for listing_id in one.listing_ids}
    if not ids:
        return Counted(changes.mark, before.of)
    kept = {listing_id: told for listing_id, told in before.of.items() if listing_id not in ids}
    return Counted(changes.mark, kept | _told(conn, sorted(ids)))


def _told(conn: Connection, ids: list[int] | None) -> dict[int, tuple[int, int]]:
    rows = conn.execute(_ALL) if ids is None else conn.execute(_SOME, {"ids": ids})
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows.all()}
