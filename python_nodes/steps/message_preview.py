"""What people would get of an alert, by each sender and in each language; sends nothing, needs no database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from python_nodes import insights
from python_nodes.alerts.guide import Context, Past
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.domain.speech import Speech, speaking
from python_nodes.errors import PermanentError
from python_nodes.notify import base, catalogue, extract, pseudo, render, slack_blocks
from python_nodes.notify.senders import email, sms
from python_nodes.steps import picture, spoken
from python_nodes.steps.answers import LABELS

CHART_ID = "chart"
NO_PLACE = "https://nightporter.example/"
"""Where the links of a preview lead: nowhere."""


def run(told: Any, sender: str, language: str) -> str:
    """Lay out an alert, as ``GET /v1/alerts/{id}`` answers it: Slack's blocks, an e-mail's HTML, or a text."""
    if sender not in LAID_OUT:
        raise PermanentError(f"no preview for {sender!r}; there are: {', '.join(LAID_OUT)}", field="sender")
    with speaking(speech(language)):
        return LAID_OUT[sender](message(read(told), told, sender))


def speech(language: str) -> Speech:
    """Return a language; ``pseudo`` is the one that shows what no catalogue says."""
    if language == pseudo.NAME:
        return pseudo.speech(catalogue.FOLDER / extract.TEMPLATE)
    return catalogue.speech(language)


def read(told: Any) -> Alert:
    """Read an alert as programs are told it; what is wrong is named."""
    if isinstance(told, Mapping) and isinstance(told.get("alert"), Mapping):
        told = told["alert"]
    if not isinstance(told, Mapping):
        raise PermanentError("the alert must be a JSON object, as GET /v1/alerts/{id} answers", field="alert")
    try:
        alert = TypeAdapter(Alert).validate_python({"alert_id": told.get("id"), **told})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PermanentError(f"{where}: {first['msg']}", field=where) from None
    if alert.scope == "listing" and told.get("listing_title"):
        return replace(alert, evidence={**alert.evidence, "listing_titles": [str(told["listing_title"])]})
    return alert


def message(alert: Alert, told: Mapping[str, Any], sender: str) -> base.Message:
    """Word it as a first message."""
    around, shows = _context(told), base.discover()[sender].SHOWS_PICTURES
    choices = tuple(base.Choice(name=name, label=say(label), url=NO_PLACE) for name, label in LABELS.items())
    is_open = alert.resolved_at is None
    series = alert.evidence.get("chart")
    return render.render(
        alert,
        None,
        picture.band(alert, series, None) if shows and isinstance(series, Mapping) and series.get("days") else None,
        delivery_id="preview",
        recipient="preview@nightporter.example" if sender == "email" else "preview",
        as_of=alert.updated_at,
        links=[base.Link(label=spoken.link(label), url=url) for label, url in around.links],
        more=spoken.advice(alert, around) if is_open and around.suggested_action else (),
        answers=render.Answers(choices=choices),
        in_words=insights.template(insights.facts(alert, None), around.suggested_action) if is_open else "",
    )


def _context(told: Mapping[str, Any]) -> Context:
    """Read what goes with an alert, as far as the file has it."""
    history = TypeAdapter(list[Past]).validate_python(told.get("history") or [])
    links = tuple((str(one.get("label")), str(one.get("url"))) for one in told.get("links") or ())
    return Context(
        likely_cause=str(told.get("likely_cause") or ""), suggested_action=str(told.get("suggested_action") or ""),
        history=tuple(history), links=links,
    )  # fmt: skip


def _slack(one: base.Message) -> str:
    return json.dumps({"blocks": slack_blocks.blocks(one, None)}, indent=2, ensure_ascii=False)


def _email(one: base.Message) -> str:
    _, html = email.bodies(one, CHART_ID)
    picture_of = base64.b64encode(one.chart_png or b"").decode()
    return html.replace(f"cid:{CHART_ID}", f"data:image/png;base64,{picture_of}")


LAID_OUT: Mapping[str, Callable[[base.Message], str]] = {"slack": _slack, "email": _email, "sms": sms.text}
