"""Maps the average review scores of a property to each of its listings: the API tells none per unit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.domain.records import Rejected, ReviewRecord
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group.answers import read_data, rejected, rows, table, text

OVERALL = "OVERALL"


def map_reviews(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ReviewRecord], list[Rejected]]:
    """One record a unit, with the brands' overall scores weighted by their reviews; none without a review."""
    try:
        told = table(read_data(content), "property")
        unit_ids = [text(unit, "id") for unit in rows(told, "units")]
        aggregated = told.get("aggregatedReviews")
        brands = [] if aggregated is None else rows(aggregated, "brandsWithScores")
        scores = [score for brand in brands for score in _overall(brand)]
    except RejectedRecord as error:
        return [], [rejected(error, content, source, "reviews", raw_id)]
    count = sum(reviews for _, reviews in scores)
    if not count:
        return [], []
    mean = sum(score * reviews for score, reviews in scores) / count
    return [
        ReviewRecord(
            source=source,
            listing_external_id=unit_id,
            observed_at=observed_at,
            score_10=round(mean, 4),
            review_count=count,
        )
        for unit_id in unit_ids
    ], []


def _overall(brand: Any) -> list[tuple[float, int]]:
    found = []
    for category in rows(brand, "categoriesWithScore"):
        if text(category, "category").upper() == OVERALL:
            value = table(category, "value")
            found.append((_score(value.get("score")), _count(value.get("reviewsCount"))))
    return found


def _score(told: Any) -> float:
    try:
        score = float(told) if isinstance(told, str | float | int) and not isinstance(told, bool) else -1.0
    except (ValueError, OverflowError):
        score = -1.0
    if not 0 <= score <= 10:
        raise RejectedRecord(f"score: {str(told)[:40]!r} is not from 0 to 10", field="score")
    return score


def _count(told: Any) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < 1_000_000_000:
        raise RejectedRecord(f"reviewsCount: {str(told)[:40]!r} is not a count", field="reviewsCount")
    return told
