"""/v1/webhooks: who is told by HTTPS of what happens here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http import idempotent
from python_nodes.http.bodies import Body, IdPath, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import webhook_admin
from python_nodes.store.webhook_events import Event

api = APIBlueprint("webhooks_out", __name__, abp_tags=[{"name": "webhooks"}])
Id = Annotated[int, Field(ge=1, le=2**53)]


class WebhookBody(Body):
    """Where to send what; the address is looked at now and before each message."""

    name: str = Field(min_length=1, max_length=120, examples=["our data lake"])
    url: str = Field(min_length=8, max_length=2000)
    events: list[Event] = Field(min_length=1, max_length=20)


class WebhookSecret(BaseModel):
    """The id, and the secret that messages are signed with: told here and nowhere again."""

    id: int
    secret: str


class WebhookView(BaseModel):
    """One subscriber without its secrets; ``letters`` counts what it never took."""

    id: int
    name: str
    url: str
    events: list[str]
    created_at: datetime
    taken_at: datetime | None
    failing_since_at: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    letters: int


class WebhookList(BaseModel):
    """Every subscriber."""

    webhooks: list[WebhookView]


class WebhookQuery(Query):
    """Which one; all without."""

    id: Id | None = None


class ChangePath(BaseModel):
    """A subscriber, and what becomes of it."""

    id: Id
    change: Literal["disable", "enable", "delete", "rotate"]


class Changed(BaseModel):
    """What became of it; of a rotation the new secret, and until when the one before it is valid."""

    id: int
    status: str
    secret: str | None = None
    until_at: datetime | None = None


class Tested(BaseModel):
    """Whether it took the test message, and if not, why."""

    is_taken: bool
    reason: str | None


class LetterView(BaseModel):
    """One message that was given up."""

    id: int
    event: str
    at: str
    reason: str
    attempts: int
    died_at: datetime


class LetterList(BaseModel):
    """Given-up messages, the oldest first, a hundred at most."""

    letters: list[LetterView]


class ReplayBody(Body):
    """Which letters; all without."""

    letter_ids: list[Id] | None = Field(default=None, max_length=1000)


class Replayed(BaseModel):
    """How many are sent anew."""

    replayed: int


@api.post("/v1/webhooks", security=access("admin"), responses={200: WebhookSecret}, summary="Subscribe a URL")
def subscribe(body: WebhookBody) -> Response:
    """Subscribe a URL to events."""
    idempotent.tell_once("secret")
    wanted = webhook_admin.NewWebhook(name=body.name, url=body.url, events=body.events)
    return ok(webhook_admin.add(services(), caller().tenant_id, wanted))


@api.get("/v1/webhooks", security=access("admin"), responses={200: WebhookList}, summary="List subscribers")
def list_webhooks(query: WebhookQuery) -> Response:
    """Tell who is told, and how that goes."""
    found = webhook_admin.listed(services(), caller().tenant_id, query.id)
    return ok({"webhooks": [WebhookView(**one).model_dump(mode="json") for one in found]})


@api.post(
    # Named one by one, or a POST to `letters` would be taken for a change rather than for the wrong method.
    "/v1/webhooks/<int:id>/<any(disable,enable,delete,rotate):change>",
    security=access("admin"),
    responses={200: Changed},
    summary="Change a subscriber",
)
def change_webhook(path: ChangePath) -> Response:
    """Disable, enable, delete, or give it a new secret."""
    idempotent.tell_once("secret")
    told = webhook_admin.change(services(), caller().tenant_id, path.id, path.change)
    return ok(Changed(**told).model_dump(mode="json", exclude_none=True))


@api.post("/v1/webhooks/<int:id>/test", security=access("admin"), responses={200: Tested}, summary="Send a test event")
def test_webhook(path: IdPath) -> Response:
    """Send one now, once."""
    return ok(webhook_admin.test(services(), caller().tenant_id, path.id))


@api.get(
    "/v1/webhooks/<int:id>/letters", security=access("admin"), responses={200: LetterList}, summary="What was given up"
)
def list_letters(path: IdPath) -> Response:
    """Tell the messages that a subscriber never took."""
    found = webhook_admin.letters(services(), caller().tenant_id, path.id)
    return ok({"letters": [LetterView(**one).model_dump(mode="json") for one in found]})


@api.post(
    "/v1/webhooks/<int:id>/replay", security=access("admin"), responses={200: Replayed}, summary="Send it again"
)  # fmt: skip
def replay_letters(path: IdPath, body: ReplayBody) -> Response:
    """Have given-up messages sent anew, within a minute."""
    return ok(webhook_admin.replay(services(), caller().tenant_id, path.id, body.letter_ids))
