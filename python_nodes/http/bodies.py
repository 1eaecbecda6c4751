"""What several endpoints share: bodies, whose unknown fields are refused by name, bytes as they came, small answers."""

from __future__ import annotations

from datetime import datetime

from flask import request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from python_nodes import clock


def raw_body() -> bytes:
    """Return the body as it came; one that comes in chunks and goes on beyond the limit is refused, never cut."""
    content = request.get_data()
    if request.content_length is None:
        # The limit ends such a stream without a word; only a further read tells.
        request.stream.read(1)
    return content


class Body(BaseModel):
    """A JSON object whose every field is known."""

    model_config = ConfigDict(extra="forbid")


class AsOfBody(Body):
    """A body that may say which moment is meant."""

    as_of: AwareDatetime | None = Field(
        default=None, description="ISO 8601 with a zone; now where it is missing.", examples=["2026-03-02T12:00:00Z"]
    )

    def moment(self) -> datetime:
        """The moment that is meant, UTC."""
        return clock.resolve(self.as_of)


class IdPath(BaseModel):
    """An id within the address."""

    id: int = Field(ge=1, le=2**53)


class AlertRef(BaseModel):
    """An alert that people should hear of."""

    alert_id: int
