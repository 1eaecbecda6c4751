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

import json
from typing import Any

from python_nodes.errors import PermanentError
from python_nodes.vendors.base import Notice
from python_nodes.vendors.webhook_proof import Hmac

PROOF = Hmac(header="x-eg-notification-signature", timestamp_header="x-eg-notification-timestamp")
READ_AGAIN = {"PropertyStatusChanged": "health"}
"""What each event makes us read; the others are accepted and say nothing that we watch."""


def read(raw: bytes) -> Notice:
    """Read what the event is about."""
    try:
        told: dict[str, Any] = json.loads(raw)
        event, event_id, about = str(told["eventType"]), str(told["eventId"]), told["payload"]["propertyId"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PermanentError(
            f"expedia_group: an event needs eventId, eventType and payload.propertyId: {type(error).__name__}",
            status=422, field="payload",
        ) from None  # fmt: skip
    return Notice(event_id=event_id[:120], event=event[:80], property_id=str(about), operation=READ_AGAIN.get(event))
