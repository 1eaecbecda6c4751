"""Presses a message's button as Slack's interactivity does it.

Documented (docs.slack.dev, "Handling user interaction" and "Verifying requests from Slack"): a form with one field
``payload``, JSON of type ``block_actions``; ``X-Slack-Request-Timestamp`` and ``X-Slack-Signature``, ``v0=`` and the
HMAC-SHA256 of ``v0:timestamp:body`` under the signing secret; an answer within three seconds, or the person sees an
error. Simulated: who presses; ``action_ts`` follows the sandbox's clock, since the alert belongs to its day, while the
request's time stamp is the real one, which is what is checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from sandbox.inbox import SlackMessage

SIGNING_SECRET = "sandbox-signing-secret"
PERSON = {"id": "U0ADA0001", "username": "ada", "name": "ada", "team_id": "T0SANDBOX"}
ANSWER_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How the app answered a press, as the page and the person see it."""

    ok: bool
    status: int
    elapsed_s: float
    word: str


def buttons(message: SlackMessage) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every button of a message that is no mere link, with its block."""
    found = []
    for block in message.blocks:
        for element in block.get("elements", []) if block.get("type") == "actions" else []:
            if element.get("type") == "button" and not element.get("url"):
                found.append((block, element))
    return found


def payload(message: SlackMessage, block: dict[str, Any], element: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What Slack would send."""
    return {
        "type": "block_actions", "user": PERSON, "api_app_id": "A0SANDBOX", "trigger_id": "0.0.sandbox",
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


def press(url: str, message: SlackMessage, action_id: str, now: datetime) -> Answered:
    """Press one button and wait as long as Slack would."""
    found = [pair for pair in buttons(message) if pair[1].get("action_id") == action_id]
    if not found:
        return Answered(ok=False, status=0, elapsed_s=0.0, word="The message has no such button (any more).")
    if not url:
        return Answered(ok=False, status=0, elapsed_s=0.0, word="No address for interactions is set.")
    body = urlencode({"payload": json.dumps(payload(message, *found[0], now))}).encode()
    headers = sign(body, int(time.time())) | {"Content-Type": "application/x-www-form-urlencoded"}
    started_s = time.monotonic()
    try:
        answer = httpx2.post(url, content=body, headers=headers, timeout=ANSWER_WITHIN_S, trust_env=False)
    except httpx2.TransportError as error:
        elapsed_s = time.monotonic() - started_s
        return Answered(ok=False, status=0, elapsed_s=elapsed_s, word=f"No answer: {type(error).__name__}")
    elapsed_s = time.monotonic() - started_s
    word = f"Answered {answer.status_code} in {elapsed_s:.2f} s"
    return Answered(ok=answer.is_success, status=answer.status_code, elapsed_s=elapsed_s, word=word)
