"""Presses a message's button, or sends a form, as Slack's interactivity does it.

Documented (docs.slack.dev, "Handling user interaction" and "Verifying requests from Slack"): a form with one field
``payload``, JSON of type ``block_actions`` or ``view_submission``; ``X-Slack-Request-Timestamp`` and
``X-Slack-Signature``, ``v0=`` and the HMAC-SHA256 of ``v0:timestamp:body`` under the signing secret; an answer within
three seconds, or the person sees an error; ``response_action`` ``errors`` keeps a form open. Simulated: who presses;
``action_ts`` follows the sandbox's clock, since the alert belongs to its day, while the request's time stamp is the
real one, which is what is checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from sandbox.inbox import SlackMessage
from sandbox.receivers_forms import OpenForm

SIGNING_SECRET = "sandbox-signing-secret"
PERSON = {"id": "U0ADA0001", "username": "ada", "name": "ada", "team_id": "T0SANDBOX"}
ANSWER_WITHIN_S = 3.0
NO_TRIGGER = "0.0.sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How the app answered a press, as the page and the person see it."""

    ok: bool
    status: int
    elapsed_s: float
    word: str
    errors: dict[str, str] = field(default_factory=dict)


def buttons(message: SlackMessage) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every button of a message that is no mere link, with its block."""
    found = []
    for block in message.blocks:
        for element in block.get("elements", []) if block.get("type") == "actions" else []:
            if element.get("type") == "button" and not element.get("url"):
                found.append((block, element))
    return found


def payload(
    message: SlackMessage, block: dict[str, Any], element: dict[str, Any], now: datetime, trigger_id: str = NO_TRIGGER
) -> dict[str, Any]:
    """What Slack would send."""
    return {
        "type": "block_actions", "user": PERSON, "api_app_id": "A0SANDBOX", "trigger_id": trigger_id,
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel,
                      "is_ephemeral": False},
        "team": {"id": "T0SANDBOX", "domain": "sandbox"}, "channel": {"id": message.channel, "name": "alerts"},
        "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": list(message.blocks)},
        "actions": [element | {"block_id": block.get("block_id", "b"), "action_ts": f"{now.timestamp():.6f}"}],
    }  # fmt: skip


def sign(body: bytes, at_s: int, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The two headers that make a request Slack's."""
    mac = hmac.new(secret.encode(), b"v0:%d:" % at_s + body, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": str(at_s), "X-Slack-Signature": f"v0={mac.hexdigest()}"}


def press(url: str, message: SlackMessage, action_id: str, now: datetime, trigger_id: str = NO_TRIGGER) -> Answered:
    """Press one button and wait as long as Slack would; the trigger lets the app open a form."""
    found = [pair for pair in buttons(message) if pair[1].get("action_id") == action_id]
    if not found:
        return Answered(ok=False, status=0, elapsed_s=0.0, word="The message has no such button (any more).")
    if not url:
        return Answered(ok=False, status=0, elapsed_s=0.0, word="No address for interactions is set.")
    return send(url, payload(message, *found[0], now, trigger_id))


def submit(url: str, form: OpenForm, values: Mapping[str, str]) -> Answered:
    """Fill a form in and send it; ``errors`` are what the app finds wrong with it, by block."""
    told = {
        "type": "view_submission", "user": PERSON, "api_app_id": "A0SANDBOX", "trigger_id": NO_TRIGGER,
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "view": form.view | {"id": form.form_id, "state": {"values": form.state(values)}},
    }  # fmt: skip
    return send(url, told)


def send(url: str, told: dict[str, Any]) -> Answered:
    """Send one interaction, signed, and wait for its answer."""
    body = urlencode({"payload": json.dumps(told)}).encode()
    headers = sign(body, int(time.time())) | {"Content-Type": "application/x-www-form-urlencoded"}
    started_s = time.monotonic()
    try:
        answer = httpx2.post(url, content=body, headers=headers, timeout=ANSWER_WITHIN_S, trust_env=False)
    except httpx2.TransportError as error:
        elapsed_s = time.monotonic() - started_s
        return Answered(ok=False, status=0, elapsed_s=elapsed_s, word=f"No answer: {type(error).__name__}")
    elapsed_s = time.monotonic() - started_s
    word = f"Answered {answer.status_code} in {elapsed_s:.2f} s"
    errors = _errors(answer.content) if answer.is_success else {}
    return Answered(ok=answer.is_success, status=answer.status_code, elapsed_s=elapsed_s, word=word, errors=errors)


def _errors(content: bytes) -> dict[str, str]:
    """What a form's answer finds wrong; an answer that is empty, or none of Slack's, finds nothing."""
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    found = told.get("errors") if isinstance(told, dict) and told.get("response_action") == "errors" else None
    return {str(block): str(word) for block, word in found.items()} if isinstance(found, dict) else {}
