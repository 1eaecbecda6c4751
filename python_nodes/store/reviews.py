"""Guests' review scores, the latest word of each listing; their history is the metric ``review_score``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, or_, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.inputs import ReviewState
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.records import ReviewRecord
from python_nodes.store.counts import Counts
from python_nodes.store.tables import listing_reviews


def upsert(conn: Connection, records: Sequence[ReviewRecord], listing_ids: Mapping[str, int]) -> Counts:
    """Keep the latest word of each listing; counts those whose score or number of reviews is new."""
    newest: dict[int, ReviewRecord] = {}
    for record in sorted(records, key=lambda one: one.observed_at):
        newest[listing_ids[record.listing_external_id]] = record
    rows = [
        {
            "listing_id": listing_id, "source": one.source, "score_10": one.score_10,
            "review_count": one.review_count, "observed_at": one.observed_at,
        }
        for listing_id, one in newest.items()
    ]  # fmt: skip
    if not rows:
        return Counts(stored=0, unchanged=0)
    statement = insert(listing_reviews).values(rows)
    own, new = listing_reviews.c, statement.excluded
    differs = or_(own.source != new.source, own.score_10 != new.score_10, own.review_count != new.review_count)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "listing_id"],
        set_={name: new[name] for name in ("source", "score_10", "review_count", "observed_at")},
        where=differs & (own.observed_at <= new.observed_at),
    )
    stored = len(conn.execute(statement.returning(own.listing_id)).all())
    return Counts(stored=stored, unchanged=len(records) - stored)


def current(conn: Connection, listing_ids: Sequence[int] | IntArray) -> ReviewState:
    """Return each listing's score and number of reviews; row ``i`` is ``listing_ids[i]``."""
    r = listing_reviews.c
    ids = [int(one) for one in listing_ids]
    query = select(r.listing_id, r.score_10, r.review_count).where(r.listing_id.in_(ids))
    known = {int(listing_id): (float(score), int(count)) for listing_id, score, count in conn.execute(query)}
    rows = [known.get(one, (np.nan, 0)) for one in ids]
    return ReviewState(
        score_10=np.array([score for score, _ in rows], dtype=np.float64),
        count=np.array([count for _, count in rows], dtype=np.int64),
    )
