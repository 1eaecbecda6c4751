"""/v1/connections: accounts at vendors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, SecretStr

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http.bodies import Body, Moment
from python_nodes.http.reply import ok, services
from python_nodes.steps import connection_admin

api = APIBlueprint("connections", __name__, abp_tags=[{"name": "connections"}])


class ConnectionBody(Body):
    """A new connection; its credentials are stored encrypted and never told again."""

    vendor: str = Field(min_length=1, max_length=80)
    name: str = Field(min_length=1, max_length=200)
    base_url: str = Field(default="", max_length=2000)
    settings: dict[str, Any] = Field(default_factory=dict)
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    access_ends_at: Moment | None = None


class ConnectionId(BaseModel):
    """The id that polls name."""

    id: int


class ConsentBody(Body):
    """Which vendor, as which of its clients, and where its customer is sent back to."""

    vendor: str = Field(min_length=1, max_length=80)
    base_url: str = Field(min_length=1, max_length=2000, pattern=r"^https?://")
    client_id: str = Field(min_length=1, max_length=200)
    redirect_uri: str = Field(min_length=1, max_length=2000, pattern=r"^https?://")


class ConsentPage(BaseModel):
    """The page, and what it sends back beside the code: good once, and until then."""

    url: str
    state: str
    expires_at: datetime


class StaleView(BaseModel):
    """An operation that fails; what we hold of it is as of ``last_good_at``, None if it never went well."""

    operation: str
    since_at: datetime
    last_good_at: datetime | None
    reason: str


class ConnectionView(BaseModel):
    """One connection without its secrets."""

    id: int
    vendor: str
    name: str
    operations: list[str]
    access_ends_at: datetime | None
    access_refused_at: datetime | None
    stale_since_at: datetime | None
    stale: list[StaleView]


class ConnectionList(BaseModel):
    """All active connections."""

    connections: list[ConnectionView]


@api.post("/v1/connections", security=access("admin"), responses={200: ConnectionId}, summary="Add a connection")
def add_connection(body: ConnectionBody) -> Response:
    """Insert or, by name, replace a connection."""
    credentials = {name: value.get_secret_value() for name, value in body.credentials.items()}
    request = connection_admin.NewConnection(
        vendor=body.vendor, name=body.name, base_url=body.base_url, settings=body.settings, credentials=credentials,
        access_ends_at=body.access_ends_at,
    )  # fmt: skip
    return ok({"id": connection_admin.add(services(), caller().tenant_id, request)})


@api.post(
    "/v1/connections/consent", security=access("admin"), responses={200: ConsentPage},
    summary="Where a vendor's customer consents",
)  # fmt: skip
def ask_consent(body: ConsentBody) -> Response:
    """Tell the page; the code and the state that come back to ``redirect_uri`` make a connection."""
    asked = connection_admin.Asked(
        vendor=body.vendor, base_url=body.base_url, client_id=body.client_id, redirect_uri=body.redirect_uri
    )
    return ok(connection_admin.consent(services(), caller().tenant_id, asked))


@api.get("/v1/connections", security=access("read"), responses={200: ConnectionList}, summary="List connections")
def list_connections() -> Response:
    """Tell each connection and what can be polled of it."""
    return ok({"connections": connection_admin.listed(services(), caller().tenant_id, clock.now())})
