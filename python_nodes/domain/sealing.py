"""The keys that secrets rest under: the first one seals, all of them open, so that one can take another's place."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from python_nodes.errors import ConfigError

SETTING = "NIGHTPORTER_SECRET_KEY"


@dataclass(frozen=True, slots=True)
class Sealer:
    """Encrypts and decrypts under some keys, the first of which is in use; keys do not show in its repr."""

    keys: tuple[str, ...] = field(repr=False)
    _fernets: tuple[Fernet, ...] = field(repr=False)

    def seal(self, plain: bytes) -> bytes:
        """Encrypt under the key in use."""
        return self._fernets[0].encrypt(plain)

    def open(self, sealed: bytes, what: str) -> bytes:
        """Decrypt; ``what`` names it to whoever has taken its key away."""
        try:
            return MultiFernet(self._fernets).decrypt(sealed)
        except InvalidToken:
            raise _unknown(what) from None

    def under(self, sealed: bytes) -> int | None:
        """Which key it is under: 0 is the one in use, None is none of them."""
        for number, fernet in enumerate(self._fernets):
            try:
                fernet.decrypt(sealed)
            except InvalidToken:
                continue
            return number
        return None

    def resealed(self, sealed: bytes, what: str) -> bytes | None:
        """The same under the key in use; None where it is so already."""
        number = self.under(sealed)
        if number is None:
            raise _unknown(what)
        return None if number == 0 else MultiFernet(self._fernets).rotate(sealed)


@lru_cache(maxsize=16)
def sealer(told: str) -> Sealer:
    """Read the keys as the setting tells them: by commas, or one a line; raises ValueError where one is no key."""
    keys = split(told)
    if not keys:
        raise ValueError("there is no key")
    if len(set(keys)) != len(keys):
        raise ValueError("the same key is there twice")
    return Sealer(keys, tuple(Fernet(key) for key in keys))


def split(told: str) -> tuple[str, ...]:
    """Return the keys one by one, the one in use first."""
    return tuple(key for key in re.split(r"[,\s]+", told) if key)


def signing_keys(told: str) -> list[str]:
    """Return the keys as itsdangerous wants them: what any of them signed is good, the last one signs."""
    return list(reversed(split(told)))


def name_of(key: str) -> str:
    """Tell a key from another without telling it."""
    return hashlib.sha256(b"nightporter key " + key.encode()).hexdigest()[:16]


def _unknown(what: str) -> ConfigError:
    return ConfigError(
        f"{SETTING}: {what} is encrypted with a key that is not among those set; add the key of that time after the"
        " first, `nightporter keys check` tells what is under which"
    )
