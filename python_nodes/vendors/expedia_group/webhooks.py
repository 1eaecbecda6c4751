"""Expedia Group's notifications: a property became active or inactive, and other events that we do not follow.

Documentation: developers.expediagroup.com, supply/lodging, property_mgmt_apis/notifications: one JSON payload an event
over HTTPS; a callback configuration has a secret (schema: ``createNotificationCallbackConfig``); an event that was not
taken is sent again, those of property status each hour for seven days.

OUR ASSUMPTION, since no public page tells it: the secret signs ``<timestamp>.<body>`` by HMAC-SHA256, in hex in the
header ``X-EG-Notification-Signature``, with the time in seconds in ``X-EG-Notification-Timestamp``; the payload has
``eventId``, ``eventType`` and ``payload.propertyId``. Whatever else the event claims is not believed: it names what to
read again by the API.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from python_nodes.errors import PermanentError
from python_nodes.vendors.base import Notice

SIGNATURE, TIMESTAMP = "x-eg-notification-signature", "x-eg-notification-timestamp"
TOLERANCE_S = 300
READ_AGAIN = {"PropertyStatusChanged": "health"}
"""What each event makes us read; the others are accepted and say nothing that we watch."""


def verify(raw: bytes, headers: Mapping[str, str], credentials: Mapping[str, str], now: datetime) -> None:
    """Refuse with 401 what the secret did not sign, or signed long ago."""
    secret = credentials.get("webhook_secret", "")
    if not secret:
        raise PermanentError(
            "expedia_group: credentials.webhook_secret is not set, so no event is believed", status=503
        )
    told, sent_at = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    is_number = sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12
    expected = hmac.new(secret.encode(), sent_at.encode() + b"." + raw, hashlib.sha256).hexdigest()
    is_theirs = is_number and hmac.compare_digest(expected.encode(), told.encode())
    if not is_theirs or abs(now.timestamp() - int(sent_at)) > TOLERANCE_S:
        raise PermanentError("expedia_group: the signature is wrong, or older than five minutes", status=401)


def read(raw: bytes) -> Notice:
    """Read what the event is about."""
    try:
        told: dict[str, Any] = json.loads(raw)
        event, event_id, about = str(told["eventType"]), str(told["eventId"]), told["payload"]["propertyId"]
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError(
            f"expedia_group: an event needs eventId, eventType and payload.propertyId: {type(error).__name__}",
            status=422, field="payload",
        ) from None  # fmt: skip
    return Notice(event_id=event_id[:120], event=event[:80], property_id=str(about), operation=READ_AGAIN.get(event))
