"""What listings' pages show: each amenity and rate plan with the snapshots it was first and last seen in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.inputs import MissingContent
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.records import ContentRecord
from python_nodes.store import copying
from python_nodes.store.counts import Counts

_POLLED = """
INSERT INTO content_polls AS p (listing_id, source, observed_at)
SELECT DISTINCT ON (listing_id) listing_id, source, observed_at FROM pg_temp.staged_pages
ORDER BY listing_id, observed_at DESC
ON CONFLICT (tenant_id, listing_id) DO UPDATE SET source = EXCLUDED.source, observed_at = EXCLUDED.observed_at
WHERE p.observed_at < EXCLUDED.observed_at
"""
_SEEN = """
INSERT INTO listing_content AS c (listing_id, part, name, first_seen_at, last_seen_at)
SELECT listing_id, part, name, min(seen_at), max(seen_at) FROM pg_temp.staged_content GROUP BY 1, 2, 3
ON CONFLICT (tenant_id, listing_id, part, name) DO UPDATE
SET first_seen_at = least(c.first_seen_at, EXCLUDED.first_seen_at),
  last_seen_at = greatest(c.last_seen_at, EXCLUDED.last_seen_at)
RETURNING (xmax = 0)
"""
_MISSING = """
SELECT c.listing_id, c.part, c.name, c.last_seen_at,
  (SELECT count(*) FROM listing_content x WHERE x.listing_id = c.listing_id AND x.part = c.part
   AND x.last_seen_at >= p.observed_at) AS left_count
FROM listing_content c JOIN content_polls p ON p.tenant_id = c.tenant_id AND p.listing_id = c.listing_id
WHERE c.listing_id = ANY(:ids) AND c.last_seen_at < p.observed_at AND c.last_seen_at >= :since
ORDER BY 1, 2, 3
"""


def upsert(conn: Connection, records: Sequence[ContentRecord], listing_ids: Mapping[str, int]) -> Counts:
    """Note what each snapshot shows; counts snapshots that show something new."""
    if not records:
        return Counts(stored=0, unchanged=0)
    parts = [
        (at, part, name)
        for at, record in enumerate(records)
        for part, names in (("amenity", record.amenities), ("rate_plan", record.rate_plans))
        for name in sorted(names)
    ]
    ids = np.array([listing_ids[one.listing_external_id] for one in records], dtype=np.int64)
    moments = np.array(
        [one.observed_at.astimezone(UTC).replace(tzinfo=None) for one in records], dtype="datetime64[us]"
    )
    copying.stage(conn, "staged_pages", {
        "listing_id": ids, "source": np.array([one.source for one in records], dtype=object), "observed_at": moments,
    })  # fmt: skip
    conn.execute(text(_POLLED))
    if not parts:
        return Counts(stored=0, unchanged=len(records))
    page = np.array([at for at, _, _ in parts], dtype=np.int64)
    copying.stage(conn, "staged_content", {
        "listing_id": ids[page], "seen_at": moments[page],
        "part": np.array([part for _, part, _ in parts], dtype=object),
        "name": np.array([name for _, _, name in parts], dtype=object),
    })  # fmt: skip
    new = sum(conn.execute(text(_SEEN)).scalars().all())
    stored = min(new, len(records))
    return Counts(stored=stored, unchanged=len(records) - stored)


def missing(conn: Connection, listing_ids: Sequence[int] | IntArray, since: datetime) -> MissingContent:
    """Return what snapshots since ``since`` showed and the latest of the same listing does not."""
    row_of = {int(one): row for row, one in enumerate(listing_ids)}
    found = conn.execute(text(_MISSING), {"ids": list(row_of), "since": since}).all()
    moments = [one.last_seen_at.astimezone(UTC).replace(tzinfo=None) for one in found]
    return MissingContent(
        row=np.array([row_of[int(one.listing_id)] for one in found], dtype=np.int64),
        part=np.array([one.part for one in found], dtype=np.str_),
        name=np.array([one.name for one in found], dtype=np.str_),
        left_count=np.array([one.left_count for one in found], dtype=np.int64),
        last_seen_at=np.array(moments, dtype="datetime64[s]"),
    )
