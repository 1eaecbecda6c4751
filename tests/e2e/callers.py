"""Who calls the flows from outside: Slack, Twilio and a vendor, each signing as it would; and a fault on the way."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

import httpx2

from python_nodes.local.demo import EXPEDIA_SIGNS_WITH
from python_nodes.local.servers import hooks
from python_nodes.local.start import control
from sandbox import receivers_twilio
from sandbox.receivers_clicks import SIGNING_SECRET
from tests.e2e.conftest import Live

PHONE = "+351910000001"


def click(live: Live, value: int, action_id: str = "acknowledge", *, secret: str = SIGNING_SECRET) -> httpx2.Response:
    """Press a button as Slack would: Acknowledge on an alert, if no other is named."""
    payload = {
        "type": "block_actions", "user": {"id": "U1", "username": "ada"}, "channel": {"id": "C1"},
        "actions": [{"action_id": action_id, "value": str(value), "type": "button"}],
    }  # fmt: skip
    raw, sent_at = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
    signed = hmac.new(secret.encode(), f"v0:{sent_at}:{raw}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Signature": f"v0={signed}",
        "X-Slack-Request-Timestamp": sent_at,
    }  # fmt: skip
    return httpx2.post(f"{live.n8n_url}/webhook/slack-actions", content=raw, headers=headers, timeout=30)


def text_back(live: Live, alert_id: int, *, token: str = receivers_twilio.AUTH_TOKEN) -> httpx2.Response:
    """Answer a text as Twilio would hand it on."""
    url = f"{hooks(live.saved)}/sms-replies"
    form = {"MessageSid": f"SM{secrets.token_hex(16)}", "From": PHONE, "Body": f"ACK {alert_id}"}
    headers = {"X-Twilio-Signature": receivers_twilio.sign(url, form, token)}
    return httpx2.post(url, data=form, headers=headers, timeout=30)


def vendor_event(live: Live, *, secret: str = EXPEDIA_SIGNS_WITH) -> httpx2.Response:
    """Tell of a property whose status changed, as Expedia Group would."""
    ((connection_id, property_id),) = live.rows(
        "SELECT min(c.id), min(l.channel_property_id) FROM connections c, listings l"
        " WHERE c.vendor = 'expedia_group' AND c.name LIKE 'Expedia%' AND l.channel = 'expedia'"
    )
    event = {
        "eventId": secrets.token_hex(8), "eventType": "PropertyStatusChanged", "payload": {"propertyId": property_id},
    }  # fmt: skip
    raw, sent_at = json.dumps(event, indent=3).encode() + b"\r\n", str(int(time.time()))
    headers = {
        "Content-Type": "application/json", "X-EG-Notification-Timestamp": sent_at,
        "X-EG-Notification-Signature": hmac.new(
            secret.encode(), sent_at.encode() + b"." + raw, hashlib.sha256
        ).hexdigest(),
    }  # fmt: skip
    url = f"{hooks(live.saved)}/vendor-webhook?connection_id={connection_id}"
    return httpx2.post(url, content=raw, headers=headers, timeout=120)


def broken_poll(live: Live) -> httpx2.Response:
    """Poll while one of the channels' answers fails."""
    control(live.saved, "POST", "/control/faults", {"name": "server_error", "operation": "health", "times": 1000})
    try:
        return live.call("poll-listings")
    finally:
        control(live.saved, "POST", "/control/faults", {"name": "none"})


def open_alert(live: Live) -> int:
    """Return the id of an alert that is open and on which nobody has acted."""
    (found,) = live.rows(
        "SELECT min(id) FROM alerts a WHERE resolved_at IS NULL"
        " AND NOT EXISTS (SELECT FROM actions WHERE alert_id = a.id)"
    )
    return int(found[0])
