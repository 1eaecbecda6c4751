"""Twilio's Messages resource, its status call-backs and its webhook for incoming texts.

Documented (twilio.com/docs: Message resource, "Validating requests are coming from Twilio", error and REST API
dictionary): Basic authentication with account SID and token; ``POST`` and ``GET Messages.json``; ``queued`` at first;
call-backs with ``MessageSid``, ``MessageStatus``, ``ErrorCode``, signed by ``X-Twilio-Signature``: base64 of the
HMAC-SHA1, under the account's token, of the address followed by each sorted field's name and value; errors with
``code``, ``message``, ``status``; texts of 1600 characters at most; the magic numbers +15005550001 (invalid, 21211) and
+15005550009 (takes no SMS, 21614). Simulated: the way to the phone, which always succeeds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import httpx2
from flask import Blueprint, Response, jsonify, request
from lxml import etree

from sandbox.inbox import Inbox, Text

ACCOUNT_SID, AUTH_TOKEN = "AC" + "5a" * 16, "sandbox-twilio-token"
FROM_NUMBER = "+15005550006"
CALLBACK_GAP_S = 0.3
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_MAX_BODY = 1600
_SERIAL = itertools.count(1)


def blueprint(inbox: Inbox, now: Callable[[], datetime]) -> Blueprint:
    """The blueprint under /twilio."""
    twilio = Blueprint("twilio", __name__, url_prefix="/twilio")

    @twilio.post("/2010-04-01/Accounts/<sid>/Messages.json")
    def create(sid: str) -> tuple[Response, int]:
        refused = _unauthorized(sid) or _unfit(request.form)
        if refused is not None:
            return refused
        text = inbox.add_text(
            Text(
                sid=new_sid(), sender=request.form["From"], recipient=request.form["To"], body=request.form["Body"],
                status="queued", at=now(), status_url=request.form.get("StatusCallback", ""),
            )
        )  # fmt: skip
        threading.Thread(target=_carry, args=(inbox, text), name="twilio-call-backs", daemon=True).start()
        return jsonify(_shown(text)), 201

    @twilio.get("/2010-04-01/Accounts/<sid>/Messages.json")
    def list_texts(sid: str) -> tuple[Response, int]:
        refused = _unauthorized(sid)
        if refused is not None:
            return refused
        wanted, sender = request.args.get("To"), request.args.get("From")
        found = [t for t in inbox.texts() if wanted in (None, t.recipient) and sender in (None, t.sender)]
        size = max(1, min(1000, request.args.get("PageSize", 50, type=int)))
        body = {"messages": [_shown(text) for text in found[:size]], "next_page_uri": None, "page": 0,
                "page_size": size, "first_page_uri": request.full_path, "uri": request.full_path}  # fmt: skip
        return jsonify(body), 200

    return twilio


def new_sid() -> str:
    """A message's SID."""
    return f"SM{next(_SERIAL):032x}"


def _error(status: int, code: int, message: str) -> tuple[Response, int]:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return jsonify({"code": code, "message": message, "more_info": more_info, "status": status}), status


def _unauthorized(sid: str) -> tuple[Response, int] | None:
    given = request.authorization
    known = given is not None and given.type == "basic" and sid == given.username == ACCOUNT_SID
    if known and given is not None and hmac.compare_digest((given.password or "").encode(), AUTH_TOKEN.encode()):
        return None
    return _error(401, 20003, "Authenticate")


def _unfit(form: Mapping[str, str]) -> tuple[Response, int] | None:
    recipient, body = form.get("To", ""), form.get("Body", "")
    if not _E164.fullmatch(recipient) or recipient == "+15005550001":
        return _error(400, 21211, "Invalid 'To' Phone Number")
    if recipient == "+15005550009":
        return _error(400, 21614, "'To' number is not a valid mobile number")
    if form.get("From") != FROM_NUMBER:
        return _error(400, 21606, "The 'From' phone number is not a valid, SMS-capable number of your account")
    if not body:
        return _error(400, 21602, "Message body is required")
    return _error(400, 21617, "The concatenated message body exceeds the limit") if len(body) > _MAX_BODY else None


def _shown(text: Text) -> dict[str, Any]:
    at = format_datetime(text.at)
    return {
        "sid": text.sid, "account_sid": ACCOUNT_SID, "to": text.recipient, "from": text.sender, "body": text.body,
        "status": text.status, "direction": "inbound" if text.is_answer else "outbound-api", "date_created": at,
        "date_updated": at, "date_sent": at if text.status in ("sent", "delivered") else None, "error_code": None,
        "error_message": None, "num_segments": "1", "num_media": "0", "price": None, "price_unit": "USD",
        "api_version": "2010-04-01", "messaging_service_sid": None, "subresource_uris": {},
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{text.sid}.json",
    }  # fmt: skip


def sign(url: str, form: Mapping[str, str], token: str = AUTH_TOKEN) -> str:
    """The signature of a call to our customer's address."""
    told = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), told.encode(), hashlib.sha1).digest()).decode()


def call(url: str, form: dict[str, str]) -> httpx2.Response:
    """Call our customer as Twilio would."""
    headers = {"X-Twilio-Signature": sign(url, form), "I-Twilio-Idempotency-Token": new_sid()}
    return httpx2.post(url, data=form, headers=headers, timeout=15.0, trust_env=False)


def _carry(inbox: Inbox, text: Text) -> None:
    """Take a text to its phone and tell of each step on the way."""
    for status in ("sent", "delivered"):
        time.sleep(CALLBACK_GAP_S)
        text = inbox.add_text(replace(text, status=status))
        if not text.status_url:
            continue
        form = {"MessageSid": text.sid, "SmsSid": text.sid, "MessageStatus": status, "SmsStatus": status,
                "To": text.recipient, "From": text.sender, "AccountSid": ACCOUNT_SID,
                "ApiVersion": "2010-04-01"}  # fmt: skip
        try:
            call(text.status_url, form)
        except httpx2.HTTPError:
            continue  # Twilio does not repeat a call-back about a status.


def answer(inbox: Inbox, url: str, to: Text, body: str, now: datetime) -> str:
    """Send a person's answer to a text, and keep what comes back as the text that the person gets."""
    came = inbox.add_text(
        Text(sid=new_sid(), sender=to.recipient, recipient=to.sender, body=body, status="received", at=now,
             is_answer=True)
    )  # fmt: skip
    form = {"MessageSid": came.sid, "SmsSid": came.sid, "SmsMessageSid": came.sid, "AccountSid": ACCOUNT_SID,
            "From": came.sender, "To": came.recipient, "Body": body, "NumMedia": "0", "NumSegments": "1",
            "ApiVersion": "2010-04-01"}  # fmt: skip
    try:
        told = call(url, form)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"No answer: {type(error).__name__}"
    for word in _twiml(told.content) if told.is_success else []:
        inbox.add_text(
            Text(sid=new_sid(), sender=to.sender, recipient=to.recipient, body=word, status="delivered", at=now)
        )  # fmt: skip
    return f"Answered {told.status_code}"


def _twiml(content: bytes) -> list[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return []
    return [str(found.xpath("string()")) for found in root.iter("Message")]
