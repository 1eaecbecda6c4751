"""What makes a problem the same problem from one run to the next."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

AlertScope = Literal["listing", "unit", "property", "market"]


def fingerprint(
    scope: AlertScope, listing_id: int | None, property_id: int | None, market: str | None, kind: str,
    unit_id: int | None = None,
) -> str:  # fmt: skip
    """Identify a problem by where it is and what it is; never by when, so that it stays itself while it lasts."""
    where: dict[AlertScope, int | str | None] = {
        "listing": listing_id,
        "unit": unit_id,
        "property": property_id,
        "market": market,
    }
    identity = json.dumps([scope, where[scope], kind], separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()
