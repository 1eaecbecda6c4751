"""What an archive of old data holds and where it lies, and what is known by month of what it took away."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create both tables under forced row-level security."""
    op.create_table(
        "archives",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("entity", "path", "schema_version", "state")),
        Column("month_date", Date, nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("part", "row_count", "size_bytes")),
        Column("sha256", LargeBinary, nullable=False),
        Column("written_at", DateTime(timezone=True), nullable=False),
        *(Column(name, DateTime(timezone=True)) for name in ("exported_at", "loaded_at", "hold_until_at")),
        PrimaryKeyConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "entity", "month_date", "part"),
    )
    fence("archives")
    op.create_table(
        "monthly_summaries",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("archive_id", "listing_id")),
        Column("currency", Text, nullable=False),
        Column("row_count", BigInteger, nullable=False),
        Column("figures", JSONB, nullable=False),
        PrimaryKeyConstraint("tenant_id", "archive_id", "listing_id", "currency"),
        ForeignKeyConstraint(["tenant_id", "archive_id"], ["archives.tenant_id", "archives.id"]),
    )
    fence("monthly_summaries")


def downgrade() -> None:
    """Drop both, unless rows are only in the archive: then its files could no longer be found."""
    bind = op.get_bind()
    # The fence holds for the owner too, who is no tenant.
    bind.execute(text("ALTER TABLE archives NO FORCE ROW LEVEL SECURITY"))
    if bind.execute(text("SELECT EXISTS (SELECT FROM archives WHERE state = 'archived')")).scalar_one():
        raise RuntimeError("rows are in the archive that are nowhere else: put them back (`nightporter archive load`)")
    op.drop_table("monthly_summaries")
    op.drop_table("archives")
