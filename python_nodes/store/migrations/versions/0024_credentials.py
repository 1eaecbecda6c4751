"""When a connection's access ends or was refused, and the consents that customers have been asked for."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, LargeBinary, PrimaryKeyConstraint, text
from sqlalchemy import UniqueConstraint as Unique

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0024"
down_revision = "0023"
ACCESS = ("access_ends_at", "access_refused_at")


def upgrade() -> None:
    """Add the columns, and the table under forced row-level security."""
    for name in ACCESS:
        op.add_column("connections", Column(name, DateTime(timezone=True)))
    op.create_table(
        "consents",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("state_hash", LargeBinary, nullable=False),
        Column("asked", LargeBinary, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Unique("tenant_id", "state_hash", name="consents_tenant_id_state_hash_key"),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    fence("consents")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("consents")
    for name in ACCESS:
        op.drop_column("connections", name)
