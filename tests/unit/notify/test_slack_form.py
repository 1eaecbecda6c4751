"""The form that Slack opens: within Slack's limits whatever it shows, and read again as it was filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from python_nodes.notify import slack_form
from python_nodes.notify.slack_form import About, Content, Filled
from sandbox import receivers_forms
from sandbox.receivers_forms import Forms, OpenForm

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ABOUT = About(alert_id=12, channel="C1", behind_s=1.5)
CONTENT = Content(
    title="Calendar closed", lines=("Acknowledged by ada",), choices=(("assign", "Assign"), ("snooze", "Snooze")),
    causes=(("price_error", "The price is wrong"),),
)  # fmt: skip


def opened(content: Content = CONTENT) -> OpenForm:
    return OpenForm(form_id="V1", view=slack_form.view(ABOUT, content))


@pytest.mark.parametrize(
    "content",
    [
        CONTENT, replace(CONTENT, title="x" * 5000, lines=("y" * 900,) * 40),
        replace(CONTENT, choices=(("a" * 40, "b" * 200),), causes=tuple((f"c{n}", "d") for n in range(300))),
        replace(CONTENT, lines=(), causes=()),
    ],
)  # fmt: skip
def test_slack_takes_the_form_whatever_it_shows(content: Content) -> None:
    assert receivers_forms.problems(slack_form.view(ABOUT, content)) == []


def test_what_was_filled_in_is_read_again() -> None:
    filled = {"what": "snooze", "assignee": " cy ", "until_at": str(int(NOON.timestamp())), "cause": "price_error"}
    assert slack_form.read(opened().state(filled)) == Filled(
        what="snooze", assignee="cy", until_at=NOON, cause="price_error", note=""
    )
    assert slack_form.read(opened().state({"what": "assign"})) == Filled(
        what="assign", assignee=None, until_at=None, cause=None, note=""
    )
    assert slack_form.about(opened().view["private_metadata"]) == ABOUT


@pytest.mark.parametrize("told", ["", "x", "[]", "{}", '{"alert_id": "12"}'])
def test_what_is_about_no_alert_is_refused(told: str) -> None:
    with pytest.raises(ValueError):
        slack_form.about(told)


def test_a_form_that_says_not_what_is_wanted_is_refused() -> None:
    with pytest.raises(ValueError, match="what is wanted"):
        slack_form.read(opened().state({"what": "delete"}))


def test_the_sandbox_refuses_what_slack_would() -> None:
    view = slack_form.view(ABOUT, CONTENT)
    title = {"type": "plain_text", "text": "x" * 25}
    twice = [view["blocks"][-1]] * 2
    no_options = {
        "type": "input",
        "label": title,
        "element": {"type": "static_select", "action_id": "a", "options": []},
    }
    for wrong in ({"title": title}, {"blocks": twice}, {"blocks": [no_options]}, {"private_metadata": "x" * 3001}):
        assert len(receivers_forms.problems(view | wrong)) == 1, wrong
    assert receivers_forms.problems("no view") != []


def test_a_trigger_is_good_once() -> None:
    forms = Forms()
    trigger, view = forms.trigger(), slack_form.view(ABOUT, CONTENT)
    assert isinstance(forms.open(trigger, view), OpenForm)
    assert forms.open(trigger, view) == "exchanged_trigger_id"
    assert forms.open("1.2.3", view) == "invalid_trigger_id"
