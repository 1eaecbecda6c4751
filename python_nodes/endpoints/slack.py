"""POST /v1/slack/actions: a button of a message was pressed; from Slack itself or handed on, byte for byte, by a flow.

Slack signs the raw body with the app's signing secret and a time; it waits three seconds. So the action is stored here
and now, and the message is updated by a worker.
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
    """What became of the click; ``ignored`` is an interaction that is none of our buttons."""

    status: str
    alert_id: int | None = None
    word: str = ""


@api.post(
    "/v1/slack/actions", security=signed("slack_signature"), responses={200: Recorded}, summary="A button was pressed"
)
def slack_pressed() -> Response:
    """Verify, record, answer; the rest follows."""
    raw, now = request.get_data(), clock.now()
    signature = slack_action.verify(services(), raw, dict(request.headers), now)
    click = slack_action.read(raw, now)
    if click is None:
        return ok({"status": "ignored"})
    acted = slack_action.run(services(), caller().tenant_id, click, signature, raw)
    region: str = current_app.extensions["nightporter.settings"]["region"]
    tenant_id, alert_id = caller().tenant_id, click.alert_id
    if acted.changed:
        jobs.enqueue_tell(tenant_id, alert_id, click.at, region=region, run_id=run_id())
    if acted.status != "recorded" or not acted.changed:
        word = Whisper(channel=click.channel, user=click.user_id, text=acted.word)
        jobs.enqueue_tell(tenant_id, alert_id, click.at, region=region, run_id=run_id(), whisper=word)
    return ok(acted.answer())
