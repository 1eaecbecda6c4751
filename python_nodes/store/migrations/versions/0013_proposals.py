"""Proposals, what was learnt from verdicts, and each decision on one; a proposal's row never changes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create both tables under forced row-level security."""
    op.create_table(
        "proposals",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("name", "kind", "title")),
        Column("alert_id", BigInteger, nullable=False),
        Column("verdict_id", BigInteger, nullable=False),
        *(
            Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))
            for name in ("change", "reasons", "preview")
        ),
        Column("as_of_at", DateTime(timezone=True), nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id", "alert_id"], ["alerts.tenant_id", "alerts.id"]),
        ForeignKeyConstraint(["tenant_id", "verdict_id"], ["verdicts.tenant_id", "verdicts.id"]),
    )
    fence("proposals")
    op.create_table(
        "proposal_decisions",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("proposal_id", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("decision", "actor", "note")),
        Column("decided_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "proposal_id"], ["proposals.tenant_id", "proposals.id"]),
    )
    op.create_index("proposal_decisions_of", "proposal_decisions", ["tenant_id", "proposal_id", "id"])
    fence("proposal_decisions")


def downgrade() -> None:
    """Drop them."""
    op.drop_table("proposal_decisions")
    op.drop_table("proposals")
