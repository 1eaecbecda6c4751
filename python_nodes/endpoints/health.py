"""Whether the worker lives, and whether its stores answer."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.http.reply import ok, services
from python_nodes.store.redis import RedisStore

api = APIBlueprint("health", __name__, abp_tags=[{"name": "health"}])


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Each store by name: ``ok`` or ``unavailable``."""

    status: str
    stores: dict[str, str]


@api.get("/healthz", summary="Does the worker live", responses={200: Alive})
def healthz() -> Response:
    """Answer as long as the process does."""
    return ok({"status": "ok"})


@api.get("/readyz", summary="Do its stores answer", responses={200: Ready, 503: Ready})
def readyz() -> Response:
    """Ask each store."""
    pings = {
        services().metrics.name: services().metrics.ping,
        "postgresql": services().database.ping,
        "valkey": RedisStore(services().redis_url).ping,
    }
    stores = {name: _asked(name, ping) for name, ping in pings.items()}
    ready = all(state == "ok" for state in stores.values())
    return ok({"status": "ok" if ready else "unavailable", "stores": stores}, 200 if ready else 503)


def _asked(name: str, ping: Callable[[], None]) -> str:
    try:
        ping()
    except (NightporterError, SQLAlchemyError, RedisError, OSError) as error:
        # Only our own errors' words are known to hold no secret.
        reason = str(error) if isinstance(error, NightporterError) else type(error).__name__
        log.get("readyz").warning("store_unavailable", store=name, reason=reason)
        return "unavailable"
    return "ok"
