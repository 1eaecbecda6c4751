"""A click in Slack: is it Slack's, is it new, and what does it want."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from python_nodes import actions
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps import alert_act
from python_nodes.steps.alert_act import Acted, Request
from python_nodes.steps.services import Services

ENDPOINT = "/v1/slack/actions"
FUTURE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One press of one button; ``at`` is when Slack says that it was pressed."""

    choice: str
    alert_id: int
    actor: str
    user_id: str
    channel: str
    at: datetime


class _At(Clock):
    """The verifier's clock, at the moment it is given."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now.timestamp()


def verify(services: Services, raw: bytes, headers: Mapping[str, str], now: datetime) -> str:
    """Return the request's signature; a forged or late one is refused with 401, whatever it says."""
    secret = services.answers.slack_signing_secret
    if secret is None:
        raise PermanentError("slack: no signing secret is set, so no click can be believed", status=503)
    told = {name.lower(): value for name, value in headers.items()}
    signature, sent_at = told.get("x-slack-signature", ""), told.get("x-slack-request-timestamp", "")
    is_number = sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12
    try:
        is_slacks = is_number and SignatureVerifier(secret, _At(now)).is_valid(raw, sent_at, signature)
    except (UnicodeDecodeError, TypeError):
        # A body that is no text, or a signature that is no ASCII, is signed by nobody.
        is_slacks = False
    if not is_slacks:
        raise PermanentError("slack: the signature is wrong, or older than five minutes", status=401)
    return signature


def read(raw: bytes, now: datetime) -> Click | None:
    """Read the press of one of our buttons; None for whatever else Slack may tell."""
    try:
        payload: dict[str, Any] = json.loads(parse_qs(raw.decode())["payload"][0])
        if payload["type"] != "block_actions" or payload["actions"][0]["action_id"] not in actions.BUTTONS:
            return None
        pressed, user = payload["actions"][0], payload["user"]
        name = str(user.get("username") or user.get("name") or user["id"])[:80]
        return Click(
            choice=pressed["action_id"], alert_id=int(pressed["value"]), actor=f"{name} (Slack)",
            user_id=str(user["id"]), channel=str(payload["channel"]["id"]), at=_moment(pressed.get("action_ts"), now),
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise PermanentError(
            f"slack: the payload lacks what a button's has: {type(error).__name__}", status=422, field="payload"
        ) from None


def _moment(told: Any, now: datetime) -> datetime:
    """When it was pressed by Slack's clock, to whose time a replayed day belongs too; never in the future."""
    if told is None:
        return now
    return min(datetime.fromtimestamp(float(told), UTC), now + FUTURE)


def run(services: Services, tenant_id: int, click: Click, signature: str, raw: bytes) -> Acted:
    """Do what was clicked, once; the same signed request again is refused."""
    request = Request(endpoint=ENDPOINT, key=signature, raw=raw)
    wish = actions.chosen(click.choice, click.actor)
    try:
        acted, is_replay = alert_act.act_once(services, tenant_id, request, click.alert_id, wish, click.at)
    except NotFoundError:
        return Acted(alert_id=click.alert_id, status="refused", word="That alert is no longer here.", changed=False)
    if is_replay:
        raise PermanentError("slack: this very request was received before", status=409)
    return acted
