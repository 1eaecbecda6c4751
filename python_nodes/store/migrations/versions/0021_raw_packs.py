"""Where a payload lies that is kept in one file with what came beside it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Text, text

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Name the file and the first byte; without a file's name a payload is a file of its own."""
    op.add_column("raw_index", Column("pack", Text))
    op.add_column("raw_index", Column("offset_bytes", BigInteger, nullable=False, server_default=text("0")))


def downgrade() -> None:
    """Forget both, which leaves packed payloads without a place: refuse while there are any."""
    if op.get_bind().execute(text("SELECT EXISTS (SELECT FROM raw_index WHERE pack IS NOT NULL)")).scalar_one():
        raise RuntimeError("raw payloads are kept in packs, which the older schema cannot read: restore a backup of it")
    op.drop_column("raw_index", "offset_bytes")
    op.drop_column("raw_index", "pack")
