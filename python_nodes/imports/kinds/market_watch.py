"""What a rank tracker and a rate shopper saw: each listing's place in search, and what comparable listings ask."""

from __future__ import annotations

from python_nodes.domain.columns import MarketColumns
from python_nodes.imports.columns import days, floats, texts
from python_nodes.imports.fields import CHANNEL, CURRENCY, LISTING, Field, Kind, Rows


def build(rows: Rows) -> MarketColumns:
    """Build columns; prices are still in the file's currency."""
    frame = rows.frame
    return MarketColumns(
        source=rows.source,
        raw_id=rows.raw_id,
        listing_external_id=texts(frame, "listing_id"),
        day_date=days(frame, "date"),
        search_rank=floats(frame, "search_rank"),
        competitor_price_minor=floats(frame, "competitor_price"),
        currency=texts(frame, "currency"),
        observed_at=rows.observed_at,
        raw_row=rows.raw_row,
    )


KIND = Kind(
    name="market_watch",
    operation="market_watch",
    fields=(
        LISTING,
        Field(name="date", type="day", required=True, aliases=("date", "ds", "day", "checkedon")),
        Field(name="search_rank", type="number", aliases=("searchrank", "rank", "position", "searchposition")),
        Field(
            name="competitor_price", type="money",
            aliases=("competitorprice", "compsetprice", "marketprice", "compsetadr", "competitorrate"),
        ),
        CURRENCY,
        CHANNEL,
    ),
    key=("listing_id", "date"),
    dated="date",
    measures=("search_rank", "competitor_price"),
    build=build,
)  # fmt: skip
