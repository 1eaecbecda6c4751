"""What several endpoints share: bodies, whose unknown fields are refused by name, bytes as they came, small answers."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Annotated, Any

from flask import request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from python_nodes import clock

FIRST_YEAR, LAST_YEAR = 1970, 2199


def raw_body() -> bytes:
    """Return the body as it came; one that comes in chunks and goes on beyond the limit is refused, never cut."""
    content = request.get_data()
    if request.content_length is None:
        # The limit ends such a stream without a word; only a further read tells.
        request.stream.read(1)
    return content


def _is_number(text: str) -> bool:
    """Whether a text says a number in any way, `6e-08` too: what reads times would take it for seconds since 1970."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _written(told: Any) -> Any:
    """Refuse numbers: nobody knows of what, and 0 would be 1970."""
    if isinstance(told, str) and not _is_number(told):
        return told
    if isinstance(told, datetime):
        return told
    raise ValueError("must be a time in ISO 8601, with its zone")


def _near(told: datetime) -> datetime:
    """Refuse years in which adding or taking away some days leaves the calendar."""
    if not FIRST_YEAR <= told.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return told


def _day(told: Any) -> Any:
    """Refuse numbers, which would be seconds since 1970."""
    if isinstance(told, str) and not _is_number(told):
        return told
    if isinstance(told, date):
        return told
    raise ValueError("must be a day in ISO 8601")


Day = Annotated[
    date, Strict(False), BeforeValidator(_day), Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31))
]
"""A day as requests tell it."""
Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_written), AfterValidator(_near)]
"""A moment as requests tell it."""


class Body(BaseModel):
    """A JSON object whose every field is known, and of its type: "12" is no number, 0 not false, and true not 1."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AsOfBody(Body):
    """A body that may say which moment is meant."""

    as_of: Moment | None = Field(
        default=None, description="ISO 8601 with a zone; now where it is missing.", examples=["2026-03-02T12:00:00Z"]
    )

    def moment(self) -> datetime:
        """The moment that is meant, UTC."""
        return clock.resolve(self.as_of)


class Query(BaseModel):
    """What is asked for after an address's path."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema; by the plain one flask-openapi reads each request, and would have it made for each."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _plain_schema(cls)


@cache
def _plain_schema(model: type[Query]) -> dict[str, Any]:
    return super(Query, model).model_json_schema()


class IdPath(BaseModel):
    """An id within the address."""

    id: int = Field(ge=1, le=2**53)


class AlertRef(BaseModel):
    """An alert that people should hear of."""

    alert_id: int
