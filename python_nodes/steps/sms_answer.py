"""What Twilio tells of a text that we sent, and what people text back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

from twilio.request_validator import RequestValidator

from python_nodes import actions, log
from python_nodes.domain.nul import holds_nul
from python_nodes.domain.said import say
from python_nodes.domain.speech import speaking
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps import alert_act, answers, spoken
from python_nodes.steps.alert_act import Acted, Request
from python_nodes.steps.services import Services
from python_nodes.store import actions as action_store
from python_nodes.store import alerts, deliveries

REPLIES = "/v1/sms/replies"
EVENT = "sms"
ORDER = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed")
"""Twilio's words for a text, in the order in which they can follow; call-backs may overtake each other."""

LOST = frozenset({"undelivered", "failed"})


def verify(services: Services, url: str, raw: bytes, signature: str) -> Mapping[str, str]:
    """Return a request's form; one that Twilio did not sign for this address is refused with 401."""
    token = services.answers.twilio_auth_token
    if token is None:
        raise PermanentError("sms: Twilio is not set up, so nothing can be believed", status=503)
    try:
        form = parse_qs(raw.decode(), keep_blank_values=True, strict_parsing=True)
    except (UnicodeDecodeError, ValueError):
        raise PermanentError("sms: the body is no form", status=401) from None
    told = {name: values[0] for name, values in form.items()}
    is_single = all(len(values) == 1 for values in form.values())
    if not is_single or not RequestValidator(token).validate(url, told, signature):
        raise PermanentError("sms: the signature is wrong for this address and form", status=401)
    if holds_nul(told):
        raise PermanentError("sms: the form holds a NUL character", status=422)
    return told


def note_status(services: Services, tenant_id: int, told: Mapping[str, str], at: datetime) -> str:
    """Keep a text's new status in its alert's history; what was lost on the way is sent again."""
    sid, status = told.get("MessageSid", ""), told.get("MessageStatus", "")
    if not sid or status not in ORDER:
        raise PermanentError("sms: MessageSid and a known MessageStatus are needed", status=422, field="MessageStatus")
    with services.database.tenant(tenant_id) as conn:
        delivery = deliveries.by_provider_ref(conn, "sms", sid)
        if delivery is None:
            return "unknown"
        alert = action_store.hold(conn, delivery.alert_id)
        known = [event.changes["status"] for event in alerts.history(conn, alert.alert_id) if _is_about(event, sid)]
        if any(ORDER.index(one) >= ORDER.index(status) for one in known):
            return "unchanged"
        code = told.get("ErrorCode", "")[:10]
        reason = f"text to …{delivery.recipient[-4:]}: {status}" + (f", Twilio's error {code}" if code else "")
        changes = {"sid": sid, "status": status, "error": code}
        action_store.note_event(conn, alert, EVENT, reason, at, changes)
        if status in LOST:
            deliveries.lost(conn, delivery.delivery_id, reason, at)
    log.get("sms_status").info("sms_status", delivery_id=delivery.delivery_id, status=status, code=code)
    return "recorded"


def _is_about(event: alerts.AlertEvent, sid: str) -> bool:
    return event.event == EVENT and event.changes.get("sid") == sid


def reply(services: Services, tenant_id: int, told: Mapping[str, str], raw: bytes, at: datetime) -> Acted:
    """Do what somebody texted; a number that gets no alerts of ours is refused and told nothing."""
    number, sid = told.get("From", ""), told.get("MessageSid", "")
    if number not in answers.sms_numbers(services):
        raise PermanentError("sms: this number gets no alerts and may answer none", status=403)
    if not sid:
        raise PermanentError("sms: MessageSid is needed", status=422, field="MessageSid")
    with speaking(spoken.by(services, number)):
        return _answered(services, tenant_id, told, raw, at)


def _answered(services: Services, tenant_id: int, told: Mapping[str, str], raw: bytes, at: datetime) -> Acted:
    """Do what a known number texted, and word what came of it."""
    number, sid, wanted = told["From"], told["MessageSid"], actions.read_sms(told.get("Body", ""))
    if wanted is None:
        word = say(
            "Not understood. Reply ACK, OK, FALSE or SNOOZE and the alert's number, as in ACK 12 or SNOOZE 12 4H."
        )
        return Acted(alert_id=0, status="refused", word=word, changed=False)
    alert_id = wanted.alert_id
    until_at = None if wanted.lasts is None else at + wanted.lasts
    wish = actions.chosen(wanted.choice, f"…{number[-4:]} (SMS)", until_at=until_at)
    lacking = actions.lacks(wish, at)
    if lacking:
        return Acted(alert_id=alert_id, status="refused", word=next(iter(lacking.values())), changed=False)
    try:
        acted, _ = alert_act.act_once(
            services, tenant_id, Request(endpoint=REPLIES, key=sid, raw=raw), alert_id, wish, at
        )  # fmt: skip
    except NotFoundError:
        return Acted(alert_id=alert_id, status="refused", word=_unknown(alert_id), changed=False)
    return acted


def _unknown(alert_id: int) -> str:
    return say("There is no alert {alert_id}.", alert_id=alert_id)
