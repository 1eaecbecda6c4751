"""Structured logs: one JSON object a line, with run, execution, job and trace, without secrets or guests."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
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

Watcher = Callable[[str, Mapping[str, Any], Mapping[str, Any]], AbstractContextManager[None]]
"""What is held around a stage: given its name, its facts, and its counts, which are complete when it ends."""
_WATCHERS: list[Watcher] = []
_TRACES: list[Callable[[], Mapping[str, str]]] = []
_COUNTS: ContextVar[dict[str, Any] | None] = ContextVar("stage_counts", default=None)


def redact(value: Any) -> Any:
    """The same value with whatever looks like a secret or a guest's address taken out."""
    if isinstance(value, str):
        value = URL_PASSWORD.sub(rf"\1{REDACTED}@", value)
        value = API_KEY.sub(REDACTED, BEARER.sub(REDACTED, value))
        value = EMAIL.sub(REDACTED, value)
        return _without_people(value) if " " in value else value
    if isinstance(value, dict):
        return {k: REDACTED if HIDDEN_KEYS.search(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _without_people(text: str) -> str:
    # Imported where it is used: most processes never log a sentence, and what it needs takes its time.
    from python_nodes import privacy

    return privacy.mask(text, is_prose=False)


def redacting(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor that redacts by key name and by shape."""
    return {k: REDACTED if HIDDEN_KEYS.search(k) else redact(v) for k, v in event.items()}


def identities(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor that names n8n's execution, and the trace where there is one."""
    run_id = str(event.get("run_id", ""))
    if run_id.isdecimal():
        event["execution_id"] = run_id
    for trace in _TRACES:
        event.update(trace())
    return event


def configure(level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers to stderr as redacted JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        identities,
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


def watch_stages(watcher: Watcher) -> None:
    """Hold a watcher around every stage from now on; told again, it changes nothing."""
    if watcher not in _WATCHERS:
        _WATCHERS.append(watcher)


def add_trace(trace: Callable[[], Mapping[str, str]]) -> None:
    """Write on every line from now on what the trace is called; told again, it changes nothing."""
    if trace not in _TRACES:
        _TRACES.append(trace)


def note(**facts: Any) -> None:
    """Add to what the stage that runs now tells of itself; outside of any it is not told."""
    counts = _COUNTS.get()
    if counts is not None:
        counts.update(facts)


@contextmanager
def stage(name: str, **facts: Any) -> Iterator[dict[str, Any]]:
    """Log one event when the stage ends, with its duration and whatever counts the caller put into the dict."""
    counts: dict[str, Any] = {}
    # monotonic is a stopwatch, not a clock: no result depends on it.
    started = time.monotonic()
    outcome, reason = "ok", None
    outer = _COUNTS.set(counts)
    try:
        with ExitStack() as watched:
            for watcher in _WATCHERS:
                watched.enter_context(watcher(name, facts, counts))
            try:
                yield counts
            except Exception as error:
                outcome, reason = "failed", f"{type(error).__name__}: {error}"
                raise
            finally:
                # Within what watches: the line bears the span of its own stage.
                duration_s = round(time.monotonic() - started, 3)
                get(name).info(name, outcome=outcome, reason=reason, duration_s=duration_s, **facts, **counts)
    finally:
        _COUNTS.reset(outer)
