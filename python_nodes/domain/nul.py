"""The one character that no text may have."""

from __future__ import annotations

from typing import Any


def holds_nul(told: Any) -> bool:
    """Tell whether a text in it has a NUL: no text that people write has one, and PostgreSQL keeps none."""
    left = [told]
    while left:
        one = left.pop()
        if isinstance(one, str) and "\0" in one:
            return True
        left += [*one, *one.values()] if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False
