"""POST /v1/slack/actions: a button was pressed or a form filled in; from Slack itself or handed on by a flow.

Slack signs the raw body with the app's signing secret and a time; it waits three seconds. So the action is stored, or
the form opened, here and now, and the message is updated by a worker.
"""

from __future__ import annotations

from flask import Response, current_app, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes import clock, jobs
from python_nodes.auth import caller, signed
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import slack_action
from python_nodes.steps.alert_tell import Whisper

api = APIBlueprint("slack", __name__, abp_tags=[{"name": "answers"}])


class Recorded(BaseModel):
    """What became of a press; ``ignored`` is an interaction that is none of ours. A form is answered in Slack's way."""

    status: str
    alert_id: int | None = None
    word: str = ""


@api.post(
    "/v1/slack/actions", security=signed("slack_signature"), responses={200: Recorded}, summary="Something was done"
)
def slack_acted() -> Response:
    """Verify, record, answer; the rest follows."""
    raw, now, tenant_id = request.get_data(), clock.now(), caller().tenant_id
    signature = slack_action.verify(services(), raw, dict(request.headers), now)
    answer = slack_action.run(services(), tenant_id, raw, signature, now)
    acted = answer.acted
    if acted is None:
        return ok({"status": "ignored"})
    region: str = current_app.extensions["nightporter.settings"]["region"]
    if acted.changed:
        jobs.ring_tell(tenant_id, region=region, run_id=run_id())
    elif not answer.is_told:
        word = Whisper(channel=answer.channel, user=answer.user_id, text=acted.word)
        jobs.enqueue_whisper(word, region=region, run_id=run_id())
    if answer.body is None:
        return ok(acted.answer())
    # A form reads the answer: nothing closes it, errors keep it open.
    return Response(answer.body, content_type="application/json" if answer.body else "text/plain")
