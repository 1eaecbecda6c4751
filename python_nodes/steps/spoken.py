"""The language of a recipient, and what goes with an alert said in it."""

from __future__ import annotations

from python_nodes.alerts import guide
from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.domain.speech import Speech
from python_nodes.notify import base, catalogue, reasons
from python_nodes.notify.stored import heard
from python_nodes.steps.services import Services


def by(services: Services, recipient: str) -> Speech:
    """Return the language that a recipient reads, by the routing file."""
    return catalogue.speech(services.policy.language_of(recipient))


def link(label: str) -> str:
    """Say where a link leads."""
    return heard(label)


def advice(alert: Alert, around: guide.Context) -> tuple[base.Field, ...]:
    """Word what to do, and how the last one like it ended."""
    rows = [
        base.Field(label=say("Likely behind it"), value=say(around.likely_cause)),
        base.Field(label=say("What to do"), value=reasons.action(alert) or say(around.suggested_action)),
    ]
    if around.history:
        count = written.number(len(around.history))
        rows.append(base.Field(label=say("Before ({count})", count=count), value=_before(around.history[0])))
    return tuple(rows)


def _before(last: guide.Past) -> str:
    """Say how the last one like it went."""
    raised = written.day(last.raised_at)
    if last.resolved_at is None:
        return say("{raised}, still open", raised=raised)
    words = {
        True: say("{raised} to {resolved}: {ended}, a real problem"),
        False: say("{raised} to {resolved}: {ended}, a false alarm"),
        None: say("{raised} to {resolved}: {ended}"),
    }
    resolved = written.day(last.resolved_at)
    return words[last.is_real].format(raised=raised, resolved=resolved, ended=heard(last.ended))
