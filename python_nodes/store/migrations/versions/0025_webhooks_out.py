"""Who subscribed to what happens here, and the messages that they never took."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
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
from sqlalchemy.schema import SchemaItem

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0025"
down_revision = "0024"


def _moment(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _begin(table: str, *rest: SchemaItem) -> None:
    op.create_table(
        table,
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        *rest,
        PrimaryKeyConstraint("tenant_id", "id"),
    )


def upgrade() -> None:
    """Create both under forced row-level security."""
    _begin(
        "webhooks", Column("name", Text, nullable=False), Column("url", Text, nullable=False),
        Column("events", ARRAY(Text), nullable=False), Column("secrets", LargeBinary, nullable=False),
        _moment("created_at", nullable=False), _moment("failing_since_at"), _moment("taken_at"),
        _moment("disabled_at"), Column("disabled_because", Text),
    )  # fmt: skip
    fence("webhooks")
    _begin(
        "webhook_letters", Column("webhook_id", BigInteger, nullable=False),
        Column("message_id", BigInteger, nullable=False), Column("event", Text, nullable=False),
        Column("payload", JSONB, server_default=text("'{}'::jsonb"), nullable=False),
        Column("reason", Text, nullable=False), Column("attempts", BigInteger, nullable=False),
        _moment("died_at", nullable=False), _moment("replayed_at"), UniqueConstraint("tenant_id", "message_id"),
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"]),
    )  # fmt: skip
    op.create_index("webhook_letters_of", "webhook_letters", ["tenant_id", "webhook_id", "id"])
    fence("webhook_letters")


def downgrade() -> None:
    """Drop them, and what was still to be sent to subscribers."""
    op.drop_table("webhook_letters")
    op.drop_table("webhooks")
    op.execute("DELETE FROM outbox WHERE type = 'webhook.send'")
