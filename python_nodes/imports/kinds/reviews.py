"""Guests' review scores by listing, on whatever scale the source has."""

from __future__ import annotations

from datetime import UTC

from python_nodes.domain.records import ReviewRecord
from python_nodes.imports.columns import floats, stamps, texts
from python_nodes.imports.fields import CHANNEL, LISTING, Field, Kind, Rows


def build(rows: Rows) -> list[ReviewRecord]:
    """Build records on the scale of 0 to 10."""
    frame, scale = rows.frame, rows.settings.scale
    ids, scores, counts = texts(frame, "listing_id"), floats(frame, "score"), floats(frame, "review_count")
    moments = stamps(frame, "date").tolist()
    return [
        ReviewRecord(
            source=rows.source,
            listing_external_id=ids[row],
            observed_at=moments[row].replace(tzinfo=UTC) if moments[row] else rows.observed_at,
            score_10=float(scores[row]) * 10.0 / scale,
            review_count=int(counts[row]),
        )
        for row in range(frame.height)
    ]


KIND = Kind(
    name="reviews",
    operation="reviews",
    fields=(
        LISTING,
        Field(name="date", type="moment", aliases=("date", "asof", "observedat", "day")),
        Field(
            name="score", type="number", required=True,
            aliases=("score", "rating", "averagerating", "reviewscore", "overallrating"),
        ),
        Field(
            name="review_count", type="count", required=True, aliases=("reviewcount", "reviews", "numberofreviews"),
        ),
        CHANNEL,
    ),
    key=("listing_id", "date"),
    dated="date",
    build=build,
)  # fmt: skip
