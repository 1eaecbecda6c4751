"""Lays a message out as Slack's Block Kit: header, what it costs, evidence, chart, links, who does what, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from python_nodes.domain.said import say
from python_nodes.notify import words
from python_nodes.notify.base import Choice, Field, Message

_MARKS = {
    "critical": ":red_circle:",
    "high": ":large_orange_circle:",
    "medium": ":large_yellow_circle:",
    "low": ":white_circle:",
}
_FIELDS_A_SECTION, _SHORT = 10, 72
_LIMIT_HEADER, _LIMIT_FIELD, _LIMIT_SECTION = 150, 2000, 3000


def escape(text: str) -> str:
    """Escape Slack's three control characters, so that a title cannot ping, link or mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": True}


def markdown(text: str, limit: int = _LIMIT_SECTION) -> dict[str, Any]:
    """Say text that may hold Slack's own marks, cut to what Slack takes."""
    return {"type": "mrkdwn", "text": _cut(text, limit), "verbatim": True}


def _field(field: Field) -> dict[str, Any]:
    return markdown(f"*{escape(field.label)}*\n{escape(field.value)}", _LIMIT_FIELD)


def _sections(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Lay short fields out in two columns, as many sections as Slack's limit asks for, and sentences below them."""
    short = [_field(field) for field in fields if len(field.value) <= _SHORT]
    sections: list[dict[str, Any]] = [
        {"type": "section", "fields": short[at : at + _FIELDS_A_SECTION]}
        for at in range(0, len(short), _FIELDS_A_SECTION)
    ]
    return sections + [{"type": "section", "text": _field(field)} for field in fields if len(field.value) > _SHORT]


def _opening(message: Message) -> str:
    if not message.in_words:
        return escape(message.summary)
    return f"{escape(message.summary)}\n*{escape(say('In words:'))}* {escape(message.in_words)}"


def _button(message: Message, choice: Choice) -> dict[str, Any]:
    button = {
        "type": "button",
        "text": _plain(choice.label, 75),
        "action_id": choice.name,
        "value": str(message.alert_id),
    }
    return button | {"style": "primary"} if choice is message.choices[0] else button


def blocks(message: Message, chart_file_id: str | None) -> list[dict[str, Any]]:
    """Lay the message out: header, what it costs, evidence, chart, links, context."""
    mark = ":white_check_mark:" if message.state == "resolved" else _MARKS[message.category]
    laid: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": _plain(f"{mark} {escape(message.title)}", _LIMIT_HEADER),
        },
        {"type": "section", "text": markdown(_opening(message))},
        *_sections(message.fields),
    ]
    if message.evidence:
        facts = "\n".join(f"• {escape(line)}" for line in message.evidence)
        laid.append(
            {
                "type": "section",
                "text": markdown(f"*{escape(words.heading(message.is_digest))}*\n{facts}"),
            }
        )
    if chart_file_id is not None:
        laid.append(
            {
                "type": "image",
                "slack_file": {"id": chart_file_id},
                "alt_text": message.chart_alt or say("Chart"),
            }
        )
    if message.links:
        links = "  ·  ".join(f"<{link.url}|{escape(link.label)}>" for link in message.links)
        laid.append({"type": "section", "text": markdown(links)})
    if message.people:
        laid.append({"type": "context", "elements": [markdown(escape(line), 2000) for line in message.people[:10]]})
    if message.choices:
        laid.append({"type": "actions", "elements": [_button(message, choice) for choice in message.choices[:25]]})
    about = [say("alert {alert_id}", alert_id=message.alert_id), words.category(message.category)]
    told = [words.digest(message.span)] if message.is_digest else [*about, words.state(message.state)]
    context = escape(" · ".join(["Nightporter", *told]))
    laid.append({"type": "context", "block_id": block_id(message), "elements": [markdown(context)]})
    return laid


def block_id(message: Message, part: str = "nightporter") -> str:
    """Name a block so that the message of a delivery can be found by it."""
    return f"{part}:{message.delivery_id}"[:255]
