"""What an API key may do."""

from __future__ import annotations

from typing import Literal

Scope = Literal["read", "ingest", "score", "notify", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "ingest", "score", "notify", "admin")
