"""Reads the operator's calendar file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.base import RawPayload, Runtime

VENDOR = "operator_file"
SETTINGS = frozenset({"path"})


class Client:
    """One calendar file; ``base_url`` and ``credentials`` are not used."""

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], settings: Mapping[str, Any], runtime: Runtime
    ) -> None:
        unknown = settings.keys() - SETTINGS
        if unknown:
            raise ConfigError(f"{VENDOR}: unknown setting {sorted(unknown)[0]!r}")
        if not isinstance(settings.get("path"), str) or not settings["path"]:
            raise ConfigError(f"{VENDOR}: settings.path is missing")
        self._path = Path(settings["path"])
        self._max_bytes = runtime.http.max_body_bytes

    def close(self) -> None:
        """Nothing stays open between reads."""

    def fetch_operator_calendar(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read the whole file as it stands; a missing file is a passing failure, since it is replaced while we read."""
        try:
            with self._path.open("rb") as file:
                content = file.read(self._max_bytes + 1)
        except OSError as error:
            raise RetryableError(f"{VENDOR}: cannot read {self._path} ({error.strerror})") from error
        if len(content) > self._max_bytes:
            raise PermanentError(f"{VENDOR}: {self._path} exceeds {self._max_bytes} bytes", status=413)
        yield RawPayload(
            operation="operator_calendar",
            content=content,
            content_type="text/csv",
            fetched_at=as_of,
            key=self._path.name,
        )
