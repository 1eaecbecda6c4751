"""POST /v1/sms/status and /v1/sms/replies: what became of a text, and what was answered; signed by Twilio."""

from __future__ import annotations

from flask import Response, current_app, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import BaseModel
from twilio.twiml.messaging_response import MessagingResponse

from python_nodes import clock, jobs
from python_nodes.auth import caller, signed
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import sms_answer

api = APIBlueprint("sms", __name__, abp_tags=[{"name": "answers"}])
TWIML: ResponseDict = {200: {"description": "TwiML", "content": {"text/xml": {"schema": {"type": "string"}}}}}


class Noted(BaseModel):
    """``recorded``, ``unchanged`` where it was known or is out of order, ``unknown`` where the text is not ours."""

    status: str


@api.post(
    "/v1/sms/status", security=signed("twilio_signature"), responses={200: Noted}, summary="What became of a text"
)
def sms_status() -> Response:
    """Keep with the delivery what Twilio tells of it."""
    signature = request.headers.get("X-Twilio-Signature", "")
    told = sms_answer.verify(services(), services().answers.sms_status_url, request.get_data(), signature)
    return ok({"status": sms_answer.note_status(services(), caller().tenant_id, told, clock.now())})


@api.post("/v1/sms/replies", security=signed("twilio_signature"), responses=TWIML, summary="A text was answered")
def sms_replied() -> Response:
    """Do what the answer says, once, and say so in the same conversation."""
    raw, now, tenant_id = request.get_data(), clock.now(), caller().tenant_id
    signature = request.headers.get("X-Twilio-Signature", "")
    told = sms_answer.verify(services(), services().answers.sms_replies_url, raw, signature)
    acted = sms_answer.reply(services(), tenant_id, told, raw, now)
    if acted.changed:
        region: str = current_app.extensions["nightporter.settings"]["region"]
        jobs.ring_tell(tenant_id, region=region, run_id=run_id())
    answer = MessagingResponse()
    answer.message(acted.word)
    return Response(str(answer), content_type="text/xml; charset=utf-8")
