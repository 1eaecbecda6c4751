"""A message to a subscriber: its body, its signatures by Standard Webhooks, and one try to hand it over."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from standardwebhooks import Webhook

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import webhook_dial, webhook_guard
from python_nodes.notify.webhook_guard import Guard

VERSION = 1
"""Of the body's form; what is added to it later does not change it, what is taken out does."""
TIMEOUT_S = 15.0
SECRET_BYTES = 32
LONGEST_WAIT_S = 6 * 3600.0


class GoneError(PermanentError):
    """The subscriber says that it is there no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one subscriber is told once; ``message_id`` is the same at each try."""

    message_id: str
    url: str = field(repr=False)
    event: str
    at: str
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """Write it down; the same letter is the same bytes each time."""
        told = {"type": self.event, "version": VERSION, "timestamp": self.at, "data": dict(self.data)}
        return json.dumps(told, separators=(",", ":"), sort_keys=True).encode()


def new_secret() -> str:
    """Draw a secret as subscribers' libraries want it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(letter: Letter, keys: Sequence[str], at: datetime) -> dict[str, str]:
    """Sign by every secret that is valid: whoever rotates knows one of them."""
    body = letter.body().decode()
    signed = [Webhook(key).sign(msg_id=letter.message_id, timestamp=at, data=body) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Nightporter-Webhooks/1",
        "webhook-id": letter.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def send(letter: Letter, keys: Sequence[str], at: datetime, guard: Guard, context: ssl.SSLContext | None = None) -> int:
    """Hand it over and return the status it was taken with.

    Raises RetryableError where it was not taken, GoneError where the subscriber is there no more (410), and
    PermanentError (422) where it may not be called at all.
    """
    place = webhook_guard.read(letter.url)
    answer = webhook_dial.post(guard, place, letter.body(), headers(letter, keys, at), TIMEOUT_S, context)
    if answer.is_taken:
        return answer.status
    if answer.status == HTTPStatus.GONE:
        raise GoneError("answered 410: it is gone", status=502)
    wait_s = None if answer.retry_after_s is None else min(answer.retry_after_s, LONGEST_WAIT_S)
    why = "; redirects are not followed" if 300 <= answer.status < 400 else ""
    raise RetryableError(f"answered {answer.status}{why}", retry_after_s=wait_s)
