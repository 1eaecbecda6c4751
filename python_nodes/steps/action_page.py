"""What the page behind an e-mail's link shows: the question, then the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_nodes import actions
from python_nodes.domain.findings import Alert
from python_nodes.notify import render
from python_nodes.steps import action_link, alert_act
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.alert_act import Acted
from python_nodes.steps.answers import LABELS, people
from python_nodes.steps.services import Services
from python_nodes.store import alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """``button`` is None where nothing is left to confirm; ``word`` tells what was done."""

    alert_id: int
    title: str
    summary: str
    category: str
    people: tuple[str, ...]
    button: str | None
    word: str = ""


def question(services: Services, token: str) -> View:
    """Show the alert and what the link would do; nothing is changed."""
    link = action_link.read(services, token)
    with services.database.tenant(link.tenant_id) as conn:
        alert, now = alerts.get(conn, link.alert_id), alert_act.standing(conn, link.alert_id)
        decision = actions.decide(_wish(link), alert.resolved_at, now)
    if decision.status == "recorded":
        return _view(alert, people(now), button=LABELS[link.choice])
    return _view(alert, people(now), word=decision.word)


def answer(services: Services, token: str, at: datetime) -> tuple[Acted, View]:
    """Do what the link stands for; a second time it finds that it is done."""
    link = action_link.read(services, token)
    acted = alert_act.run(services, link.tenant_id, link.alert_id, _wish(link), at)
    with services.database.tenant(link.tenant_id) as conn:
        alert, now = alerts.get(conn, link.alert_id), alert_act.standing(conn, link.alert_id)
    return acted, _view(alert, people(now), word=acted.word)


def refused(why: str) -> View:
    """Show why a link does nothing."""
    return View(alert_id=0, title="Nothing was changed", summary=why, category="", people=(), button=None)


def _wish(link: ActionLink) -> actions.Wish:
    return actions.chosen(link.choice, f"{link.recipient} (e-mail)")


def _view(alert: Alert, done: tuple[str, ...], button: str | None = None, word: str = "") -> View:
    return View(
        alert_id=alert.alert_id, title=alert.title, summary=render.summary(alert, alert.updated_at),
        category=alert.category, people=done, button=button, word=word,
    )  # fmt: skip
