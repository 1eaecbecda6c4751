"""Request models that several endpoints share; an unknown field is refused by name."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from python_nodes import clock


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
