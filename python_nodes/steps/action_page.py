"""What the page behind an e-mail's link shows: the question or the form, then the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from python_nodes import actions
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.domain.speech import ENGLISH, Speech, current, speaking
from python_nodes.errors import PermanentError
from python_nodes.notify import render, words
from python_nodes.steps import action_link, alert_act, spoken
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.alert_act import Acted
from python_nodes.steps.answers import CHOICES, LABELS, people
from python_nodes.steps.services import Services
from python_nodes.store import alerts

LENGTHS = {"what": 40, "assignee": 120, "until_at": 40, "note": 2000}
"""The form's fields, and how long each may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """``button`` is None where nothing is left to confirm; ``choices`` make it a form; ``word`` tells what was done."""

    alert_id: int
    title: str
    summary: str
    category: str
    people: tuple[str, ...]
    button: str | None
    word: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    speech: Speech = ENGLISH


def question(services: Services, token: str) -> View:
    """Show the alert and what the link would do; nothing is changed."""
    link = action_link.read(services, token)
    with speaking(spoken.by(services, link.recipient)):
        return _question(services, link)


def _question(services: Services, link: ActionLink) -> View:
    with services.database.tenant(link.tenant_id) as conn:
        alert, now = alerts.get(conn, link.alert_id), alert_act.standing(conn, link.alert_id)
    if link.choice == actions.MORE:
        choices = {name: say(label) for name, label in CHOICES.items()}
        return _view(alert, people(now), button=say("Save"), choices=choices)
    decision = actions.decide(_wish(link, {}), alert.resolved_at, now)
    if decision.status == "recorded":
        return _view(alert, people(now), button=say(LABELS[link.choice]))
    return _view(alert, people(now), word=decision.word)


def answer(services: Services, token: str, filled: Mapping[str, str], at: datetime) -> tuple[Acted, View]:
    """Do what the link or its form stands for; a second time it finds that it is done."""
    link = action_link.read(services, token)
    with speaking(spoken.by(services, link.recipient)):
        acted = alert_act.run(services, link.tenant_id, link.alert_id, _wish(link, filled), at)
        with services.database.tenant(link.tenant_id) as conn:
            alert, now = alerts.get(conn, link.alert_id), alert_act.standing(conn, link.alert_id)
        return acted, _view(alert, people(now), word=acted.word)


def refused(services: Services, token: str, why: str) -> View:
    """Show why a link does nothing; of one that is not ours nobody knows what its reader speaks."""
    try:
        speech = spoken.by(services, action_link.read(services, token).recipient)
    except PermanentError:
        speech = ENGLISH
    with speaking(speech):
        title = say("Nothing was changed")
    return View(alert_id=0, title=title, summary=why, category="", people=(), button=None, speech=speech)


def _wish(link: ActionLink, filled: Mapping[str, str]) -> actions.Wish:
    actor = f"{link.recipient} (e-mail)"
    if link.choice != actions.MORE:
        return actions.chosen(link.choice, actor)
    told = {name: filled.get(name, "").strip()[:length] for name, length in LENGTHS.items()}
    if told["what"] not in actions.CHOICES:
        raise PermanentError(say("Choose what was done, or what it is."), status=422, field="what")
    return actions.chosen(
        told["what"], actor, note=told["note"], assignee=told["assignee"] or None, until_at=_moment(told["until_at"])
    )


def _moment(told: str) -> datetime | None:
    """Read a moment as a browser's field writes it, which has no zone: the page says that it is UTC."""
    if not told:
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise PermanentError(say("That is no moment."), status=422, field="until_at") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _view(
    alert: Alert, done: tuple[str, ...], button: str | None = None, word: str = "",
    choices: Mapping[str, str] | None = None,
) -> View:  # fmt: skip
    return View(
        alert_id=alert.alert_id, title=render.title(alert), summary=render.summary(alert, alert.updated_at),
        category=words.category(alert.category), people=done, button=button, word=word,
        choices=choices or {}, speech=current(),
    )  # fmt: skip
