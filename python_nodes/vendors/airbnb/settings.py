"""What a connection to Airbnb may say: settings and credentials, refused by name where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_nodes.errors import ConfigError
from python_nodes.vendors.capabilities import read_capabilities

VENDOR = "airbnb"
CAPABILITIES = read_capabilities(Path(__file__).with_name("capabilities.toml"))
LINK_PREFIX = "ical."
FEED = "ical_calendar"
COUNTS = {
    "ari_nights": 90, "ical_nights": 365, "listings_per_call": 50, "page_size": 100, "reservation_days": 7,
    "advance_notice_nights": 0, "booking_window_nights": 0,
}  # fmt: skip
OTHERS = frozenset({"rate_limits", "every_hours", "ical_base_url", "channel"})
CLIENT = ("client_id", "client_secret")
CONSENT = ("authorization_code", "code_verifier", "redirect_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A connection's settings with their defaults; a window of 0 nights is none."""

    rates: Mapping[str, str]
    ical_base_url: str
    ari_nights: int
    ical_nights: int
    listings_per_call: int
    page_size: int
    reservation_days: int
    advance_notice_nights: int
    booking_window_nights: int


def read_settings(told: Mapping[str, Any], base_url: str) -> Settings:
    """Validate a connection's settings; raises ConfigError naming the one that is wrong."""
    unknown = told.keys() - COUNTS.keys() - OTHERS
    if unknown:
        raise ConfigError(f"{VENDOR}: unknown setting {sorted(unknown)[0]!r}")
    counts = {name: _count(name, told.get(name, default)) for name, default in COUNTS.items()}
    ical_base_url = str(told.get("ical_base_url", base_url)).rstrip("/")
    CAPABILITIES.every_hours(VENDOR, told.get("every_hours", {}))
    rates = CAPABILITIES.rates(VENDOR, told.get("rate_limits", {}))
    return Settings(rates=rates, ical_base_url=ical_base_url, **counts)


def read_links(credentials: Mapping[str, str], ical_base_url: str) -> dict[str, str]:
    """Path and query of each listing's feed, by listing; a link to another place than ``ical_base_url`` is refused.

    A link may be given whole, as the host copies it, or from its path on.
    """
    links = {}
    for name, link in credentials.items():
        if not name.startswith(LINK_PREFIX):
            continue
        path = link.removeprefix(ical_base_url)
        # Two slashes would name another host.
        if not path.startswith("/") or path.startswith("//"):
            # The link itself is a secret.
            raise ConfigError(f"{VENDOR}: credentials.{name} is no link under {ical_base_url}")
        links[name.removeprefix(LINK_PREFIX)] = path
    return links


def has_account(credentials: Mapping[str, str]) -> bool:
    """Tell whether the credentials hold a host's consent; half of one is refused, naming what is missing."""
    told = [name for name in (*CLIENT, *CONSENT, "refresh_token") if credentials.get(name)]
    if not told:
        return False
    needed = CLIENT if credentials.get("refresh_token") else (*CLIENT, *CONSENT)
    missing = [name for name in needed if not credentials.get(name)]
    if missing:
        raise ConfigError(f"{VENDOR}: credentials.{missing[0]} is missing")
    return True


def _count(name: str, told: Any) -> int:
    least = 0 if COUNTS[name] == 0 else 1
    if not isinstance(told, int) or isinstance(told, bool) or not least <= told <= 10_000:
        raise ConfigError(f"{VENDOR}: {name} must be a whole number from {least} to 10000")
    return told
