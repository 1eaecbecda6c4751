"""Whether the worker lives, and whether its stores answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.http.reply import ok, services
from python_nodes.store import schema
from python_nodes.store.redis import RedisStore

ANSWER_WITHIN_S = 5.0
# A store that takes the call and never answers must not hold up the word that it is unavailable. Whoever asks on
# meanwhile waits for one of these threads, and is told the same.
_POOL = ThreadPoolExecutor(max_workers=6, thread_name_prefix="readyz")
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
    pings: dict[str, Callable[[], object]] = {
        services().metrics.name: services().metrics.ping,
        # An older schema is as good as none: every step would fail on it in its own way.
        "postgresql": partial(schema.check, services().database),
        "valkey": RedisStore(services().redis_url).ping,
    }
    asked = {name: _POOL.submit(ping) for name, ping in pings.items()}
    stores = {name: _told(name, answer) for name, answer in asked.items()}
    ready = all(state == "ok" for state in stores.values())
    return ok({"status": "ok" if ready else "unavailable", "stores": stores}, 200 if ready else 503)


def _told(name: str, answer: Future[object]) -> str:
    try:
        answer.result(timeout=ANSWER_WITHIN_S)
    except (NightporterError, SQLAlchemyError, RedisError, OSError) as error:
        # Only our own errors' words are known to hold no secret.
        reason = str(error) if isinstance(error, NightporterError) else type(error).__name__
        log.get("readyz").warning("store_unavailable", store=name, reason=reason)
        return "unavailable"
    return "ok"
