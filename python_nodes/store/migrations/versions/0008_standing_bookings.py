"""An index of the bookings that stand, so that a look at the nights to come does not read every past stay."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the index."""
    op.create_index(
        "bookings_standing", "bookings", ["tenant_id", "listing_id", "check_out_date"],
        postgresql_where=text("status NOT IN ('cancelled', 'no_show')"),
    )  # fmt: skip


def downgrade() -> None:
    """Drop it."""
    op.drop_index("bookings_standing")
