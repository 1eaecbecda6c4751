"""What `up` connects: each channel that the simulated portfolio is sold on, and the operator's own calendar."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from python_nodes.local import consent
from python_nodes.local.worker_client import WorkerClient

# The simulated days pass in seconds, so limits by the real clock would hold every poll back.
SIMULATED_RATE_LIMITS = {"*": "500/second"}
EXPEDIA_SIGNS_WITH = "sandbox-webhook-secret"
AIRBNB_CLIENT = ("sandbox-airbnb-client", "sandbox-airbnb-secret")
# Expedia's history comes by GraphQL, page by page, and takes longest: what starts first does not end last.
LONGEST_FIRST = ("expedia", "booking_com", "airbnb", "vrbo")
Connection = dict[str, Any]


def channels_of(portfolio: Mapping[str, Any]) -> list[str]:
    """The channels of a portfolio file, in the order in which they first stand there."""
    return list(dict.fromkeys(str(listing["channel"]) for listing in portfolio["listings"]))


def connect(worker: WorkerClient, sandbox_url: str, sandbox_dir: Path, channels: Sequence[str]) -> dict[str, int]:
    """Connect every channel and the operator's calendar; returns the channels' connections by channel."""
    calendar = {"path": str(sandbox_dir / "operator_calendar.csv")}
    _add(worker, {"vendor": "operator_file", "name": "Operator's calendar", "settings": calendar})
    return {channel: _add(worker, _CHANNELS[channel](worker, sandbox_url)) for channel in channels}


def _add(worker: WorkerClient, connection: Connection) -> int:
    return int(worker.post("/v1/connections", connection, key=f"connection:{connection['name']}")["id"])


def _booking_com(_: WorkerClient, sandbox_url: str) -> Connection:
    return {
        "vendor": "booking_com", "name": "Booking.com (simulated)", "base_url": f"{sandbox_url}/booking_com",
        "settings": {"rate_limits": SIMULATED_RATE_LIMITS},
        "credentials": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    }  # fmt: skip


def _expedia_group(channel: str, name: str) -> Callable[[WorkerClient, str], Connection]:
    def made(_: WorkerClient, sandbox_url: str) -> Connection:
        return {
            "vendor": "expedia_group", "name": f"{name} (simulated)", "base_url": f"{sandbox_url}/expedia_group",
            "settings": {
                "channel": channel, "rate_limits": SIMULATED_RATE_LIMITS, "page_size": 500, "properties_per_call": 25,
            },
            "credentials": {
                "client_id": "sandbox-client", "client_secret": "sandbox-secret",
                "eqc_username": "EQCsandbox", "eqc_password": "Sandbox-password-1",
                "webhook_secret": EXPEDIA_SIGNS_WITH,
            },
        }  # fmt: skip

    return made


def _airbnb(worker: WorkerClient, sandbox_url: str) -> Connection:
    base_url, (client_id, client_secret) = f"{sandbox_url}/airbnb", AIRBNB_CLIENT
    ask = {"vendor": "airbnb", "base_url": base_url, "client_id": client_id, "redirect_uri": consent.REDIRECT_URI}
    # A state that an earlier start asked for may have expired, so each asks for its own.
    page = worker.post("/v1/connections/consent", ask, key=f"consent:airbnb:{secrets.token_hex(8)}")
    return {
        "vendor": "airbnb", "name": "Airbnb (simulated)", "base_url": base_url,
        "settings": {"rate_limits": SIMULATED_RATE_LIMITS},
        "credentials": consent.allow(page, client_id, client_secret),
    }  # fmt: skip


_CHANNELS: dict[str, Callable[[WorkerClient, str], Connection]] = {
    "booking_com": _booking_com,
    "expedia": _expedia_group("expedia", "Expedia"),
    "vrbo": _expedia_group("vrbo", "Vrbo"),
    "airbnb": _airbnb,
}
CHANNELS = tuple(_CHANNELS)
"""What `up` can connect."""
