"""What people need besides the finding: likely cause, what to do, what came of it before, where to go on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from python_nodes.alerts.enrich import channel_label
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "data" / "actions.toml"
MAX_LINKED_CHANNELS = 4
SHOWN_BEFORE, SHOWN_AFTER = timedelta(days=60), timedelta(days=8)
"""What a dashboard shows around an alert."""
Text = Annotated[str, Field(min_length=1)]


class Advice(BaseModel):
    """What is likely behind a cause, and what to do about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    likely: Text
    action: Text


class Channel(BaseModel):
    """Where a channel's extranet is; ``{property}`` and ``{listing}`` become the channel's own ids."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    extranet: Annotated[str, Field(pattern=r"^https?://")]


class Guide(BaseModel):
    """The file as a whole; ``causes.unknown`` is there for every cause that it does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    causes: dict[str, Advice]
    channels: dict[str, Channel] = Field(default_factory=dict)

    def of(self, cause: str) -> Advice:
        """Return the advice on a cause."""
        return self.causes.get(cause) or self.causes["unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier alert of the same kind at the same place, and how it ended; ``is_real`` is people's verdict."""

    alert_id: int
    raised_at: datetime
    resolved_at: datetime | None
    lost_minor: int
    ended: str
    is_real: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All of it for one alert."""

    likely_cause: str
    suggested_action: str
    history: tuple[Past, ...]
    links: tuple[tuple[str, str], ...]


def load(path: Path = DEFAULT_PATH) -> Guide:
    """Read the file; what is wrong is refused by its name."""
    try:
        guide = Guide.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ConfigError(f"{path.name}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.name}: {error}") from None
    if "unknown" not in guide.causes:
        raise ConfigError(f"{path.name}: causes.unknown: is missing")
    for name, channel in guide.channels.items():
        try:
            channel.extranet.format(property="", listing="")
        except (KeyError, IndexError, ValueError):
            raise ConfigError(
                f"{path.name}: channels.{name}.extranet: may hold {{property}} and {{listing}} only"
            ) from None
    return guide


def context(
    alert: Alert, listings: Sequence[ListingInfo], history: Sequence[Past], guide: Guide, base_url: str,
    grafana_url: str = "",
) -> Context:  # fmt: skip
    """Put together what goes with an alert about ``listings``."""
    advice = guide.of(alert.cause)
    return Context(
        likely_cause=advice.likely,
        suggested_action=advice.action,
        history=tuple(history),
        links=(
            ("This alert", f"{base_url.rstrip('/')}/console/alerts#alert-{alert.alert_id}"),
            *dashboards(alert, listings, grafana_url),
            *extranets(listings, guide),
        ),
    )


def dashboards(alert: Alert, listings: Sequence[ListingInfo], grafana_url: str) -> list[tuple[str, str]]:
    """Return the link to the dashboard that shows the alert's metric in its time, if there are dashboards."""
    if not grafana_url or not listings:
        return []
    first = datetime.combine(alert.onset_date, time(), UTC) - SHOWN_BEFORE
    last = datetime.combine((alert.resolved_at or alert.updated_at).date(), time(), UTC) + SHOWN_AFTER
    span = {"from": round(first.timestamp() * 1000), "to": round(last.timestamp() * 1000)}
    one = listings[0]
    about = {"var-listing": one.listing_id} if len(listings) == 1 else {"var-market": one.market}
    name = "listing" if len(listings) == 1 else "portfolio"
    return [("Dashboard", f"{grafana_url.rstrip('/')}/d/nightporter-{name}/{name}?{urlencode(about | span)}")]


def extranets(listings: Sequence[ListingInfo], guide: Guide) -> list[tuple[str, str]]:
    """Return one link a channel, where its extranet is known."""
    first: Mapping[str, ListingInfo] = {one.channel: one for one in reversed(listings)}
    found = []
    for name in sorted(first)[:MAX_LINKED_CHANNELS]:
        if name in guide.channels:
            one = first[name]
            url = guide.channels[name].extranet.format(property=one.channel_property_id, listing=one.external_id)
            found.append((f"{channel_label(name)} extranet", url))
    return found
