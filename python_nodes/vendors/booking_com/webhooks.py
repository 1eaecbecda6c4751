"""Booking.com's Connectivity Notification Service: payouts, cards, onboarding and messages, none of which we watch.

Documentation: developers.booking.com/connectivity/docs/notification-service. We are the authorization server: their
client asks our token endpoint (``grant_type=client_credentials``, ``client_id``, ``client_secret`` in a form, answered
with ``jwt``), and sends that token as bearer with each notification. Every notification has ``metadata`` with ``uuid``,
``type`` and ``payloadVersion``, and a ``payload`` that is different for each type, mostly with ``propertyId``. No type
tells of a new reservation, of availability or of prices: they are taken, kept, and nothing is read again for them.
"""

from __future__ import annotations

import json

from python_nodes.errors import PermanentError
from python_nodes.vendors.base import Notice
from python_nodes.vendors.webhook_proof import Issued

PROOF = Issued()


def read(raw: bytes) -> Notice:
    """Read what the notification is about."""
    try:
        told = json.loads(raw)
        event_id, event = str(told["metadata"]["uuid"]), str(told["metadata"]["type"])
        payload = told.get("payload")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PermanentError(
            f"booking_com: a notification needs metadata.uuid and metadata.type: {type(error).__name__}",
            status=422, field="metadata",
        ) from None  # fmt: skip
    about = payload.get("propertyId", "") if isinstance(payload, dict) else ""
    return Notice(event_id=event_id[:120], event=event[:80], property_id=str(about)[:120], operation=None)
