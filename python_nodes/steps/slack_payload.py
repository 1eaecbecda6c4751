"""What Slack tells of an interaction, as far as we read it: a form body with one field of JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from pydantic import BaseModel, Field, ValidationError

from python_nodes.domain.nul import holds_nul
from python_nodes.errors import PermanentError

FUTURE = timedelta(minutes=5)


class User(BaseModel):
    """Who it was."""

    id: str = Field(min_length=1, max_length=50)
    username: str | None = None
    name: str | None = None


class Channel(BaseModel):
    """Where it was."""

    id: str


class Press(BaseModel):
    """A press of one button."""

    action_id: str
    value: str = ""
    action_ts: float | None = Field(default=None, ge=0, le=4e9)


class Form(BaseModel):
    """A form that was filled in."""

    type: str
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, Any] = Field(default_factory=dict)


class Interaction(BaseModel):
    """One interaction of any type; what other apps of Slack's add is left unread."""

    type: str
    user: User
    channel: Channel | None = None
    trigger_id: str = ""
    actions: list[Press] = Field(default_factory=list)
    view: Form | None = None

    @property
    def actor(self) -> str:
        """Name the person, and the way."""
        return f"{(self.user.username or self.user.name or self.user.id)[:80]} (Slack)"

    def moment(self, now: datetime) -> datetime:
        """When it was pressed by Slack's clock, to whose time a replayed day belongs too; never in the future."""
        told = self.actions[0].action_ts if self.actions else None
        return now if told is None else min(datetime.fromtimestamp(told, UTC), now + FUTURE)


def read(raw: bytes) -> Interaction:
    """Read a verified request; one that is no interaction is refused with 422."""
    try:
        found = Interaction.model_validate_json(parse_qs(raw.decode())["payload"][0])
    except (ValidationError, KeyError, ValueError) as error:
        name = type(error).__name__
        raise PermanentError(
            f"slack: the payload lacks what an interaction has: {name}", status=422, field="payload"
        ) from None
    if holds_nul(found.model_dump()):
        raise PermanentError("slack: the payload holds a NUL character", status=422, field="payload")
    if (found.type == "block_actions" and not found.actions) or (found.type == "view_submission" and not found.view):
        raise PermanentError("slack: the payload names nothing that was done", status=422, field="payload")
    return found
