"""Personal data: a tenant's own key, a secret for each guest, and how each raw payload rests."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    text,
)

from python_nodes.store.migrations.fence import TENANT, fence

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create both tables under forced row-level security; what is in the archive by now rests as it came."""
    op.create_table(
        "tenant_keys",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        Column("id", BigInteger, Identity(), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("tenant_id", "id"),
    )
    fence("tenant_keys")
    op.create_table(
        "guest_keys",
        Column("tenant_id", Integer, server_default=text(TENANT), nullable=False),
        *(Column(name, Text(collation="C"), nullable=False) for name in ("source", "external_id")),
        *(Column(name, LargeBinary) for name in ("salt", "email_ref", "phone_ref")),
        Column("raw_ids", ARRAY(BigInteger)),
        Column("last_date", Date, nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        *(Column(name, DateTime(timezone=True)) for name in ("erased_at", "expired_at")),
        PrimaryKeyConstraint("tenant_id", "source", "external_id"),
        Index("guest_keys_email", "tenant_id", "email_ref"),
        Index("guest_keys_phone", "tenant_id", "phone_ref"),
    )
    fence("guest_keys")
    op.add_column("raw_index", Column("sealed_by", Text))
    op.add_column("raw_index", Column("stored_bytes", BigInteger))
    op.create_index("raw_index_fetched", "raw_index", ["tenant_id", "fetched_at"])


def downgrade() -> None:
    """Forget the keys, and with them what rests under them: refuse while anything does."""
    bind = op.get_bind()
    for table in ("raw_index", "rejected"):
        # The fence holds for the owner too, who is no tenant.
        bind.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
    sealed = "SELECT EXISTS (SELECT FROM raw_index WHERE sealed_by IS NOT NULL)"
    if bind.execute(text(sealed)).scalar_one():
        raise RuntimeError("raw payloads are encrypted, which the older schema cannot read: restore a backup of it")
    for table in ("raw_index", "rejected"):
        bind.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
    op.drop_index("raw_index_fetched", "raw_index")
    op.drop_column("raw_index", "stored_bytes")
    op.drop_column("raw_index", "sealed_by")
    op.drop_table("guest_keys")
    op.drop_table("tenant_keys")
