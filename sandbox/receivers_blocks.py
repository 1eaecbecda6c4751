"""Block Kit: Slack's published limits, checked, and mrkdwn turned into HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markupsafe import escape

MAX_BLOCKS = 50
_TYPES = ("section", "header", "divider", "context", "actions", "image", "rich_text")
_LINK = re.compile(r"&lt;((?:https?|mailto):[^|&<>\"']+(?:&amp;[^|&<>\"']+)*)(?:\|([^<>]*?))?&gt;")
_EMOJI = {
    ":red_circle:": "🔴", ":large_orange_circle:": "🟠", ":large_yellow_circle:": "🟡", ":large_blue_circle:": "🔵",
    ":large_green_circle:": "🟢", ":white_check_mark:": "✅", ":warning:": "⚠️", ":rotating_light:": "🚨",
    ":chart_with_downwards_trend:": "📉", ":chart_with_upwards_trend:": "📈", ":moneybag:": "💰", ":bell:": "🔔",
    ":calendar:": "📆", ":hotel:": "🏨", ":house:": "🏠", ":mag:": "🔍",
    ":information_source:": "\N{INFORMATION SOURCE}",
}  # fmt: skip
_CIRCLES = {"🔴": "red", "🟠": "orange", "🟡": "yellow", "🔵": "blue", "🟢": "green"}


def problems(blocks: object) -> list[str]:
    """What Slack would refuse, in its wording's spirit; empty if the blocks are good."""
    if not isinstance(blocks, list):
        return ["blocks must be a list [json-pointer:/blocks]"]
    found = []
    if len(blocks) > MAX_BLOCKS:
        found.append(f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    seen: set[str] = set()
    for i, block in enumerate(blocks):
        where = f"[json-pointer:/blocks/{i}]"
        if not isinstance(block, dict):
            found.append(f"must be an object {where}")
            continue
        found += [f"{text} {where}" for text in _block_problems(block)]
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                found.append(f"duplicate block_id {where}")
            seen.add(block_id)
    return found


def _block_problems(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _TYPES:
        yield f"unsupported type: {kind}"
    if len(str(block.get("block_id", ""))) > 255:
        yield "block_id must be less than 256 characters"
    if kind == "section":
        yield from _section_problems(block)
    elif kind == "header":
        yield from _text_problems(block.get("text"), "text", 150, ("plain_text",))
    elif kind == "context":
        yield from _context_problems(block)
    elif kind == "actions":
        yield from _actions_problems(block)
    elif kind == "image":
        yield from _image_problems(block)


def _section_problems(block: dict[str, Any]) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield "missing required field: text or fields"
    if "text" in block:
        yield from _text_problems(block["text"], "text", 3000)
    fields = block.get("fields", [])
    if not isinstance(fields, list) or len(fields) > 10:
        yield "no more than 10 fields allowed"
        return
    for field in fields:
        yield from _text_problems(field, "fields", 2000)
    if isinstance(block.get("accessory"), dict):
        yield from _element_problems(block["accessory"])


def _context_problems(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield "context needs 1 to 10 elements"
        return
    for element in elements:
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image_problems(element)
        else:
            yield from _text_problems(element, "elements", 3000)


def _actions_problems(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        yield "actions needs 1 to 25 elements"
        return
    for element in elements:
        if isinstance(element, dict):
            yield from _element_problems(element)
        else:
            yield "element must be an object"


def _element_problems(element: dict[str, Any]) -> Iterator[str]:
    if element.get("type") == "image":
        yield from _image_problems(element)
        return
    if element.get("type") != "button":
        return
    yield from _text_problems(element.get("text"), "button text", 75, ("plain_text",))
    for name, limit in (("action_id", 255), ("value", 2000), ("url", 3000)):
        if len(str(element.get(name, ""))) > limit:
            yield f"{name} must be at most {limit} characters"
    if element.get("style") not in (None, "primary", "danger"):
        yield "style must be primary or danger"


def _image_problems(block: dict[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("alt_text"), str):
        yield "missing required field: alt_text"
    if ("image_url" in block) == ("slack_file" in block):
        yield "exactly one of image_url and slack_file is needed"
    if len(str(block.get("image_url", ""))) > 3000:
        yield "image_url must be at most 3000 characters"
    if "title" in block:
        yield from _text_problems(block["title"], "title", 2000, ("plain_text",))


def _text_problems(
    value: object, name: str, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"missing required field: {name}"
        return
    if value.get("type") not in kinds:
        yield f"{name}: type must be {' or '.join(kinds)}"
    text = value.get("text")
    if not isinstance(text, str) or not text:
        yield f"{name}: must be more than 0 characters"
    elif len(text) > limit:
        yield f"{name}: must be less than {limit + 1} characters"


def plain_text(text: str) -> str:
    """Slack's plain_text as HTML: escaped, with its emoji names as signs."""
    return _signs(str(escape(text)))


def _signs(html: str) -> str:
    # Severity circles are drawn, not typed: many servers, where screenshots are made, have no emoji font.
    for name, sign in _EMOJI.items():
        html = html.replace(name, sign)
    for sign, colour in _CIRCLES.items():
        html = html.replace(sign, f'<span class="dot {colour}"></span>')
    return html


def mrkdwn(text: str) -> str:
    """Slack's mrkdwn as HTML; everything is escaped before any markup is made."""
    # Slack senders escape & < > themselves, so one level of that is undone before escaping for HTML.
    plain = text.replace("&lt;", "\u0001").replace("&gt;", "\u0002").replace("&amp;", "&")
    html = str(escape(plain))
    codes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        codes.append(match.group(0).strip("`"))
        return f"\u0003{len(codes) - 1}\u0003"

    html = re.sub(r"```[\s\S]+?```|`[^`\n]+`", keep, html)
    html = _LINK.sub(lambda m: f'<a href="{m.group(1)}" rel="noreferrer">{m.group(2) or m.group(1)}</a>', html)
    html = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<strong>\1</strong>", html)
    html = re.sub(r"(?<![\w/])_([^_\n]+)_(?!\w)", r"<em>\1</em>", html)
    html = re.sub(r"(?<![\w~])~([^~\n]+)~(?!\w)", r"<s>\1</s>", html)
    html = re.sub(r"(?m)^&gt; ?(.*)$\n?", r"<blockquote>\1</blockquote>", html)
    html = _signs(html)
    html = re.sub("\u0003(\\d+)\u0003", lambda m: f"<code>{codes[int(m.group(1))]}</code>", html)
    return html.replace("\u0001", "&lt;").replace("\u0002", "&gt;").replace("\n", "<br>")
