"""The tables of what is personal: a tenant's own key, and the secret on which each guest's key rests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY

from python_nodes.store.table_parts import at, sealed, tenant_table

tenant_keys = tenant_table("tenant_keys", sealed("sealed"), at("made_at"))
# A guest is known by a reservation; without its salt nothing of theirs in the raw archive can be read again.
guest_keys = tenant_table(
    "guest_keys", *(Column(name, Text(collation="C"), nullable=False) for name in ("source", "external_id")),
    *(Column(name, LargeBinary) for name in ("salt", "email_ref", "phone_ref")),
    Column("raw_ids", ARRAY(BigInteger)), Column("last_date", Date, nullable=False), at("made_at"),
    at("erased_at", nullable=True), at("expired_at", nullable=True),
    Index("guest_keys_email", "tenant_id", "email_ref"), Index("guest_keys_phone", "tenant_id", "phone_ref"),
    key=("source", "external_id"),
)  # fmt: skip
