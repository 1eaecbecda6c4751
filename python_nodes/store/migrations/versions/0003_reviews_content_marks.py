"""Review scores, snapshots of what listings' pages show, and what was odd about a feed's records."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Date, DateTime, Double, Integer, PrimaryKeyConstraint, Text, text
from sqlalchemy.types import TypeEngine

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0003"
down_revision = "0002"

_AT, _TEXT, _COUNT = DateTime(timezone=True), Text(), BigInteger()
_LISTING = ("listing_id", _COUNT)
TABLES: dict[str, tuple[tuple[tuple[str, TypeEngine[Any]], ...], tuple[str, ...]]] = {
    "listing_reviews": (
        (_LISTING, ("source", _TEXT), ("score_10", Double()), ("review_count", _COUNT), ("observed_at", _AT)),
        ("listing_id",),
    ),
    "listing_content": (
        (_LISTING, ("part", _TEXT), ("name", _TEXT), ("first_seen_at", _AT), ("last_seen_at", _AT)),
        ("listing_id", "part", "name"),
    ),
    "content_polls": ((_LISTING, ("source", _TEXT), ("observed_at", _AT)), ("listing_id",)),
    "feed_marks": (
        (_LISTING, ("operation", _TEXT), ("mark", _TEXT), ("day_date", Date()), ("value", _TEXT), ("observed_at", _AT)),
        ("listing_id", "operation", "mark", "day_date"),
    ),
}


def upgrade() -> None:
    """Create the tables, each under forced row-level security."""
    for name, (columns, key) in TABLES.items():
        op.create_table(
            name,
            Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
            *(Column(column, kind, nullable=False) for column, kind in columns),
            PrimaryKeyConstraint("tenant_id", *key),
        )
        fence(name)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
