"""Structured logs: one JSON object a line, with run_id and tenant, without secrets or guests."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

HIDDEN_KEYS = re.compile(
    r"(secret|token|password|credential|authorization|cookie|api_?key|jwt|guest|email|phone)", re.IGNORECASE
)
URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*:)[^@/\s]+@")
API_KEY = re.compile(r"\bnp_[A-Za-z0-9_\-]{8,}")
BEARER = re.compile(r"(?i)\bbearer\s+\S+")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
REDACTED = "[redacted]"


def redact(value: Any) -> Any:
    """The same value with whatever looks like a secret or a guest's address taken out."""
    if isinstance(value, str):
        value = URL_PASSWORD.sub(rf"\1{REDACTED}@", value)
        value = API_KEY.sub(REDACTED, BEARER.sub(REDACTED, value))
        return EMAIL.sub(REDACTED, value)
    if isinstance(value, dict):
        return {k: REDACTED if HIDDEN_KEYS.search(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def redacting(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor that redacts by key name and by shape."""
    return {k: REDACTED if HIDDEN_KEYS.search(k) else redact(v) for k, v in event.items()}


def configure(level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers to stderr as redacted JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        redacting,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        # Looked up at each use: stderr may be another by then.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=structlog.processors.JSONRenderer())
    )
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in ("httpx", "httpx2", "httpcore", "matplotlib", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get(stage: str) -> Any:
    """A logger that names its stage."""
    return structlog.get_logger().bind(stage=stage)


@contextmanager
def stage(name: str, **facts: Any) -> Iterator[dict[str, Any]]:
    """Log one event when the stage ends, with its duration and whatever counts the caller put into the dict."""
    counts: dict[str, Any] = {}
    # monotonic is a stopwatch, not a clock: no result depends on it.
    started = time.monotonic()
    outcome, reason = "ok", None
    try:
        yield counts
    except Exception as error:
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
        raise
    finally:
        duration_s = round(time.monotonic() - started, 3)
        get(name).info(name, outcome=outcome, reason=reason, duration_s=duration_s, **facts, **counts)
