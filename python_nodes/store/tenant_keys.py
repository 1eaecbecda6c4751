"""A tenant's own key: what rests encrypted is under it, and it rests under the installation's secret key."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, func, insert, select, text

from python_nodes.domain import sealing
from python_nodes.errors import PermanentError
from python_nodes.store.guest_tables import tenant_keys
from python_nodes.store.session import current_tenant

KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
_MARK, _NUMBER_BYTES = b"NPs1", 8
OVERHEAD_BYTES = len(_MARK) + _NUMBER_BYTES + NONCE_BYTES + TAG_BYTES
"""By how much what is sealed is longer."""
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('nightporter.tenant_keys.' || :tenant, 0))")


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """All keys of a tenant by number: the newest seals, the oldest makes references, so that these stay the same."""

    by_number: Mapping[int, bytes] = field(repr=False)

    def seal(self, content: bytes) -> bytes:
        """Encrypt under the newest key."""
        number = max(self.by_number)
        head = _MARK + number.to_bytes(_NUMBER_BYTES, "big")
        return head + _encrypted(self._part(number, b"raw"), content, head)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; PermanentError for what is damaged, or sealed under a key that is not there."""
        head, number = sealed[: len(_MARK) + _NUMBER_BYTES], int.from_bytes(sealed[4 : 4 + _NUMBER_BYTES], "big")
        if not head.startswith(_MARK) or number not in self.by_number:
            raise PermanentError("what rests encrypted here is under no key of this tenant")
        return decrypted(self._part(number, b"raw"), sealed[len(head) :], head)

    def opened(self, kept: bytes) -> bytes:
        """Decrypt what is sealed; what came before there were keys is as it was."""
        return self.open(kept) if kept.startswith(_MARK) else kept

    def reference(self, kind: str, value: str) -> bytes:
        """What stands for a value that must be found again and not be told."""
        return hmac.digest(self._part(min(self.by_number), b"reference"), f"{kind}:{value}".encode(), "sha256")

    def fingerprint(self, content: bytes) -> bytes:
        """A checksum that nobody without the key can hold against a guess."""
        return hmac.digest(self._part(min(self.by_number), b"fingerprint"), content, "sha256")

    def of_guest(self, salt: bytes) -> bytes:
        """The guest's own key; gone for ever with the salt."""
        return hmac.digest(self._part(min(self.by_number), b"guest"), salt, "sha256")

    def _part(self, number: int, purpose: bytes) -> bytes:
        return hmac.digest(self.by_number[number], b"nightporter " + purpose, "sha256")


def sealed_by(key: bytes, content: bytes) -> bytes:
    """Encrypt under one key of 32 bytes."""
    return _encrypted(key, content, b"")


def decrypted(key: bytes, sealed: bytes, head: bytes = b"") -> bytes:
    """Decrypt what one key sealed."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], head)
    except InvalidTag:
        raise PermanentError("what rests encrypted here is damaged, or not under this key") from None


def _encrypted(key: bytes, content: bytes, head: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, head)


class KeyRings:
    """The keys of every tenant that this process has worked for, opened with the installation's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = sealing.sealer(secret)
        self._known: dict[int, TenantKeys] = {}

    def of(self, conn: Connection, tenant_id: int | None = None) -> TenantKeys:
        """The transaction's tenant's keys; the first use makes one, which stands if the transaction does."""
        tenant_id = current_tenant(conn) if tenant_id is None else tenant_id
        if tenant_id not in self._known:
            keys = self._read(conn)
            if keys is None:
                conn.execute(_ALONE, {"tenant": str(tenant_id)})
                # Kept in mind only by whoever reads it again: this transaction may yet come to nothing.
                return self._read(conn) or self._make(conn)
            self._known[tenant_id] = keys
        return self._known[tenant_id]

    def _read(self, conn: Connection) -> TenantKeys | None:
        rows = conn.execute(select(tenant_keys.c.id, tenant_keys.c.sealed)).all()
        found = {int(row.id): self._secret.open(bytes(row.sealed), "the tenant's key") for row in rows}
        return TenantKeys(found) if found else None

    def _make(self, conn: Connection) -> TenantKeys:
        key = os.urandom(KEY_BYTES)
        row = {"sealed": self._secret.seal(key), "made_at": func.now()}
        number = conn.execute(insert(tenant_keys).values(row).returning(tenant_keys.c.id)).scalar_one()
        return TenantKeys({int(number): key})
