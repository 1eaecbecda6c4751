"""/v1/keys: API keys; a secret is told once, when it is made."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http import idempotent
from python_nodes.http.bodies import Body, IdPath, Moment
from python_nodes.http.reply import ok, services
from python_nodes.scopes import Role, Scope
from python_nodes.steps import key_admin
from python_nodes.steps.key_admin import NewKey

api = APIBlueprint("keys", __name__, abp_tags=[{"name": "access"}])
DAY_S = 86_400


class KeyBody(Body):
    """A key with a role or with scopes, for all properties or for some."""

    name: str = Field(min_length=1, max_length=120, examples=["ada's notebook"])
    role: Role | None = None
    scopes: list[Scope] = Field(default=[], max_length=10)
    properties: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        default=None, min_length=1, max_length=10_000
    )
    expires_at: Moment | None = None


class RotateBody(Body):
    """How long the secret before works beside the new one, and a new end if the key is to have another."""

    overlap_s: int = Field(default=DAY_S, ge=0, le=30 * DAY_S)
    expires_at: Moment | None = None


class RevokeBody(Body):
    """Nothing to say."""


class MadeKey(BaseModel):
    """The key's id and, for the only time, the key: a repeated request is answered without."""

    id: int
    key: str | None = None


class RotatedKey(MadeKey):
    """And until when the secret before works."""

    previous_until_at: str


class Revoked(BaseModel):
    """``revoked``, or ``unchanged`` where it was so before."""

    status: str


class KeyView(BaseModel):
    """One key without what opens anything; ``last_used_at`` is right to the minute."""

    id: int
    name: str
    role: str | None
    state: str
    scopes: list[str]
    property_ids: list[int] | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    previous_until_at: str | None


class KeyList(BaseModel):
    """Every key, oldest first, those that are over too."""

    keys: list[KeyView]


@api.get("/v1/keys", security=access("admin"), responses={200: KeyList}, summary="List API keys")
def list_keys() -> Response:
    """Tell every key."""
    return ok({"keys": key_admin.listed(services(), caller().tenant_id, clock.now())})


@api.post("/v1/keys", security=access("admin"), responses={200: MadeKey}, summary="Create an API key")
def create_key(body: KeyBody) -> Response:
    """Make a key and tell it."""
    idempotent.tell_once("key")
    expires_at = clock.resolve(body.expires_at) if body.expires_at else None
    wanted = NewKey(
        name=body.name, role=body.role, scopes=body.scopes, properties=body.properties, expires_at=expires_at
    )
    key_id, key = key_admin.add(services(), caller().tenant_id, wanted, clock.now())
    return ok({"id": key_id, "key": key})


@api.post("/v1/keys/<int:id>/rotate", security=access("admin"), responses={200: RotatedKey}, summary="Rotate a key")
def rotate_key(path: IdPath, body: RotateBody) -> Response:
    """Give the key a new secret and tell it."""
    idempotent.tell_once("key")
    expires_at = clock.resolve(body.expires_at) if body.expires_at else None
    key, until_at = key_admin.rotate(services(), caller().tenant_id, path.id, clock.now(), body.overlap_s, expires_at)
    return ok({"id": path.id, "key": key, "previous_until_at": until_at.isoformat()})


@api.post("/v1/keys/<int:id>/revoke", security=access("admin"), responses={200: Revoked}, summary="Revoke a key")
def revoke_key(path: IdPath, body: RevokeBody) -> Response:
    """End the key and the sessions that it opened, at once."""
    was_active = key_admin.revoke(services(), caller().tenant_id, path.id, clock.now())
    return ok({"status": "revoked" if was_active else "unchanged"})
