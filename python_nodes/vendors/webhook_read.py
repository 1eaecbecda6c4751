"""What an event is about, by a connection's own setting: for vendors whose events no file of ours reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from python_nodes.errors import ConfigError, PermanentError
from python_nodes.vendors.base import Notice
from python_nodes.vendors.webhook_proof import SETTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Where in the JSON things stand, as ``payload.propertyId``, and what each event makes us read again.

    Where events carry no id of their own, the very bytes are their id.
    """

    event: str
    property: str
    id: str = ""
    operations: Mapping[str, str] = field(default_factory=dict)

    def read(self, raw: bytes) -> Notice:
        """Read what the event is about."""
        try:
            told = json.loads(raw)
            event, about = _at(told, self.event), _at(told, self.property)
            event_id = _at(told, self.id) if self.id else hashlib.sha256(raw).hexdigest()
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise PermanentError(
                f"webhook: the event does not have what settings.{SETTING}.reads names: {type(error).__name__}",
                status=422, field="payload",
            ) from None  # fmt: skip
        return Notice(
            event_id=event_id[:120], event=event[:80], property_id=about[:120], operation=self.operations.get(event)
        )


def _at(told: Any, path: str) -> str:
    for name in path.split("."):
        told = told[int(name)] if isinstance(told, list) else told[name]
    if not isinstance(told, str | int) or isinstance(told, bool):
        raise TypeError(path)
    return str(told)


def of_settings(told: Mapping[str, Any], operations: Mapping[str, Any]) -> Reads | None:
    """Make it from the setting ``webhook.reads``; None where it says nothing, ConfigError names what is wrong."""
    wanted = told.get("reads")
    if wanted is None:
        return None
    where = f"settings.{SETTING}.reads"
    if not isinstance(wanted, Mapping) or not {"event", "property"} <= wanted.keys():
        raise ConfigError(f"{where} must name event and property")
    unknown = sorted(wanted.keys() - Reads.__dataclass_fields__.keys())
    if unknown:
        raise ConfigError(f"{where}.{unknown[0][:40]} is unknown")
    follows = wanted.get("operations", {})
    if not isinstance(follows, Mapping) or not set(follows.values()) <= operations.keys():
        raise ConfigError(f"{where}.operations must map events to operations: {', '.join(operations)}")
    return Reads(
        event=str(wanted["event"]),
        property=str(wanted["property"]),
        id=str(wanted.get("id", "")),
        operations=dict(follows),
    )
