"""Slack's forms (modals): a trigger is good once and for three seconds; what was filled in goes back to the app.

Documented (docs.slack.dev: views.open, "Modals", view and block-element references): ``expired_trigger_id``,
``exchanged_trigger_id``, ``invalid_trigger_id``; the limits of a view and its inputs; the shape of ``state.values``.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TRIGGER_S = 3.0
MAX_BLOCKS, MAX_TITLE, MAX_METADATA, MAX_OPTIONS = 100, 24, 3000, 100
_LENGTHS = {"text": 75, "value": 150}
_ELEMENTS = ("plain_text_input", "static_select", "datetimepicker")
_SHOWN = ("section", "context", "divider", "header", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenForm:
    """A form before somebody's eyes."""

    form_id: str
    view: dict[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)

    def inputs(self) -> list[dict[str, Any]]:
        """The blocks that can be filled in."""
        return [block for block in self.view["blocks"] if block["type"] == "input"]

    def state(self, values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """What Slack tells of what was filled in, by block and action; a date's value is its seconds since 1970."""
        filled = [(block["block_id"], block["element"]) for block in self.inputs()]
        return {name: {element["action_id"]: _told(element, values.get(name, ""))} for name, element in filled}


def _told(element: Mapping[str, Any], value: str) -> dict[str, Any]:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": value or None}
    if kind == "datetimepicker":
        return {"type": kind, "selected_date_time": int(value) if value else None}
    chosen = next((option for option in element["options"] if option["value"] == value), None)
    return {"type": kind, "selected_option": chosen}


class Forms:
    """Triggers that were given out and forms that are open, guarded by one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._given: dict[str, float | None] = {}
        self._open: dict[str, OpenForm] = {}

    def trigger(self) -> str:
        """Give out a trigger, as each interaction carries one."""
        with self._lock:
            trigger_id = f"{next(self._serial)}.0.sandbox"
            self._given[trigger_id] = time.monotonic()
            return trigger_id

    def open(self, trigger_id: str, view: dict[str, Any]) -> OpenForm | str:
        """Exchange a trigger for an open form, or for Slack's word why not."""
        with self._lock:
            given = self._given.get(trigger_id, -1.0)
            if given == -1.0:
                return "invalid_trigger_id"
            if given is None:
                return "exchanged_trigger_id"
            if time.monotonic() - given > TRIGGER_S:
                return "expired_trigger_id"
            self._given[trigger_id] = None
            form = OpenForm(form_id=f"V{next(self._serial):010d}", view=view)
            self._open[form.form_id] = form
            return form

    def opened(self) -> list[OpenForm]:
        """The open forms, newest first."""
        with self._lock:
            return list(self._open.values())[::-1]

    def keep(self, form: OpenForm, errors: Mapping[str, str]) -> None:
        """Leave a form open with what is wrong, or close it where nothing is."""
        with self._lock:
            self._open.pop(form.form_id, None)
            if errors:
                self._open[form.form_id] = OpenForm(form_id=form.form_id, view=form.view, errors=errors)


def problems(view: object) -> list[str]:
    """What Slack would refuse of a view; empty if it is good."""
    return list(_problems(view))


def _problems(view: object) -> Iterator[str]:
    if not isinstance(view, dict) or view.get("type") != "modal":
        yield "type must be modal [json-pointer:/view]"
        return
    for name in ("title", "submit", "close"):
        yield from _text(view.get(name), name, MAX_TITLE)
    if len(str(view.get("private_metadata", ""))) > MAX_METADATA:
        yield f"private_metadata must be at most {MAX_METADATA} characters [json-pointer:/view/private_metadata]"
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= MAX_BLOCKS:
        yield f"blocks must be 1 to {MAX_BLOCKS} [json-pointer:/view/blocks]"
        return
    names = [block.get("block_id") for block in blocks if isinstance(block, dict) and block.get("block_id")]
    if len(names) != len(set(names)):
        yield "duplicate block_id [json-pointer:/view/blocks]"
    for at, block in enumerate(blocks):
        where = f"[json-pointer:/view/blocks/{at}]"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "input":
            yield from (f"{word} {where}" for word in _input(block))
        elif kind not in _SHOWN:
            yield f"unsupported type: {kind} {where}"


def _input(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(block.get("label"), "label", 2000)
    element = block.get("element")
    if not isinstance(element, dict) or element.get("type") not in _ELEMENTS or not element.get("action_id"):
        yield "element must be one that can be filled in, with an action_id"
        return
    options = element.get("options", [])
    if element["type"] == "static_select" and not 1 <= len(options) <= MAX_OPTIONS:
        yield f"options must be 1 to {MAX_OPTIONS}"
    for option in options:
        yield from _text(option.get("text"), "option", _LENGTHS["text"])
        if not 1 <= len(str(option.get("value", ""))) <= _LENGTHS["value"]:
            yield f"value must be 1 to {_LENGTHS['value']} characters"


def _text(value: object, name: str, limit: int) -> Iterator[str]:
    text = value.get("text") if isinstance(value, dict) and value.get("type") == "plain_text" else None
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        yield f"{name} must be plain_text of 1 to {limit} characters"
