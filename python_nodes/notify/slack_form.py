"""The form that Slack opens over a message: what can be done about an alert, laid out and read again.

Documented (docs.slack.dev: ``views.open``, modal view, block elements, ``view_submission``): a title of 24 characters,
an option's text of 75, ``private_metadata`` of 3,000; what was filled in comes as ``state.values[block][action]``;
errors are answered by block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from python_nodes.domain.said import say

CALLBACK = "nightporter-answer"
WHAT, ASSIGNEE, UNTIL, CAUSE, NOTE = "what", "assignee", "until_at", "cause", "note"
"""Blocks, each with an element of the same name."""
MAX_OPTIONS, MAX_LINES, MAX_LINE = 100, 10, 300
_TITLE, _OPTION, _TEXT, _ASSIGNEE, _NOTE = 24, 75, 3000, 120, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a form is about; it comes back with what was filled in, under Slack's signature."""

    alert_id: int
    channel: str
    behind_s: float = 0.0
    """How far Slack's clock was behind ours when it was opened: what is filled in carries no time of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What somebody filled in; empty fields are None or ''."""

    what: str
    assignee: str | None
    until_at: datetime | None
    cause: str | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the form shows: the alert's title, what was done by now, choices and causes as (name, label)."""

    title: str
    lines: Sequence[str]
    choices: Sequence[tuple[str, str]]
    causes: Sequence[tuple[str, str]]


def view(about: About, content: Content) -> dict[str, Any]:
    """Lay the form out."""
    lines = [{"type": "plain_text", "text": _cut(line, MAX_LINE)} for line in content.lines[-MAX_LINES:]]
    note = {"type": "plain_text_input", "action_id": NOTE, "multiline": True, "max_length": _NOTE}
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _plain(content.title, _TEXT)},
        *([{"type": "context", "elements": lines}] if lines else []),
        _input(WHAT, say("What was done, or is it?"), _select(WHAT, content.choices), is_optional=False),
        _input(
            ASSIGNEE, say("Assign to"), {"type": "plain_text_input", "action_id": ASSIGNEE, "max_length": _ASSIGNEE}
        ),
        _input(UNTIL, say("Snooze until"), {"type": "datetimepicker", "action_id": UNTIL}),
        *([_input(CAUSE, say("Cause, with a verdict"), _select(CAUSE, content.causes))] if content.causes else []),
        _input(NOTE, say("Note"), note),
    ]
    title = say("Alert {alert_id}", alert_id=about.alert_id)
    return {
        "type": "modal", "callback_id": CALLBACK, "title": _plain(title, _TITLE),
        "submit": _plain(say("Save"), _TITLE), "close": _plain(say("Cancel"), _TITLE), "blocks": blocks,
        "private_metadata": json.dumps(asdict(about)),
    }  # fmt: skip


def about(private_metadata: str) -> About:
    """Read which alert a form was about; ValueError if it is none of ours."""
    told = json.loads(private_metadata)
    if not isinstance(told, dict) or not isinstance(told.get("alert_id"), int):
        raise ValueError("the form is about no alert")
    return About(
        alert_id=told["alert_id"], channel=str(told.get("channel", "")), behind_s=float(told.get("behind_s", 0.0))
    )


def read(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Filled:
    """Read what was filled in; ValueError if it is not this form."""
    what = _option(values, WHAT)
    if what is None:
        raise ValueError("the form says not what is wanted")
    until = _element(values, UNTIL).get("selected_date_time")
    return Filled(
        what=what,
        assignee=_text(values, ASSIGNEE) or None,
        until_at=None if until is None else datetime.fromtimestamp(int(until), UTC),
        cause=_option(values, CAUSE),
        note=_text(values, NOTE),
    )


def _element(values: Mapping[str, Mapping[str, Mapping[str, Any]]], name: str) -> Mapping[str, Any]:
    return (values.get(name) or {}).get(name) or {}


def _option(values: Mapping[str, Mapping[str, Mapping[str, Any]]], name: str) -> str | None:
    chosen = _element(values, name).get("selected_option")
    return None if chosen is None else str(chosen["value"])


def _text(values: Mapping[str, Mapping[str, Mapping[str, Any]]], name: str) -> str:
    return str(_element(values, name).get("value") or "").strip()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, limit)}


def _input(name: str, label: str, element: dict[str, Any], *, is_optional: bool = True) -> dict[str, Any]:
    return {
        "type": "input", "block_id": name, "label": _plain(label, _OPTION), "element": element,
        "optional": is_optional,
    }  # fmt: skip


def _select(name: str, options: Sequence[tuple[str, str]]) -> dict[str, Any]:
    shown = [{"text": _plain(label, _OPTION), "value": value} for value, label in options[:MAX_OPTIONS]]
    return {"type": "static_select", "action_id": name, "options": shown}
