"""Everything that a message says comes through the catalogue: in a language nobody speaks, no plain word is left."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from python_nodes import actions, insights
from python_nodes.alerts import guide
from python_nodes.domain.findings import Alert
from python_nodes.domain.metrics import METRICS
from python_nodes.domain.said import say
from python_nodes.domain.speech import speaking
from python_nodes.notify import catalogue, digest, extract, pseudo, render, slack_blocks, slack_form, stored, words
from python_nodes.notify.labels import LABELS
from python_nodes.notify.senders import email, sms
from python_nodes.steps import action_page, answers, message_preview, proposal_admin
from tests.unit.notify import latin, test_digest

FILE = Path(__file__).with_name("alert.json")
TOLD: dict[str, Any] = json.loads(FILE.read_text())
NAMES = ("Alfama Loft", "Booking.com", "Lisbon", "ada")
SPEECH = pseudo.speech(catalogue.FOLDER / extract.TEMPLATE)
SOURCES = catalogue.FOLDER.parent


def left(text: str, *names: str) -> list[str]:
    return latin.words(text, (*NAMES, *names))


@pytest.fixture(params=["open", "resolved"])
def alert(request: pytest.FixtureRequest) -> Alert:
    found = message_preview.read(TOLD)
    if request.param == "open":
        return found
    back = {"low": 100, "mid": 20_000, "high": 30_000}
    money = {**found.evidence["money"], "recovered_minor": back}
    return replace(found, resolved_at=found.updated_at, evidence={**found.evidence, "money": money})


def test_in_english_there_are_plain_words() -> None:
    """Else this file would find nothing, whatever is missing."""
    assert len(left(sms.text(message_preview.message(message_preview.read(TOLD), TOLD, "sms")))) > 10


def test_slack_says_nothing_of_its_own(alert: Alert) -> None:
    with speaking(SPEECH):
        shown = latin.of_blocks(slack_blocks.blocks(message_preview.message(alert, TOLD, "slack"), None))
    assert left(shown) == []


def test_email_says_nothing_of_its_own(alert: Alert) -> None:
    with speaking(SPEECH):
        text, html = email.bodies(message_preview.message(alert, TOLD, "email"), "chart")
    assert left(text) == []
    assert left(latin.of_html(html)) == []
    assert '<html lang="el">' in html


def test_sms_says_nothing_but_what_can_be_answered(alert: Alert) -> None:
    with speaking(SPEECH):
        text = sms.text(message_preview.message(alert, TOLD, "sms"))
    assert left(text.replace("[preview]", ""), "ACK OK FALSE") == []


@pytest.mark.parametrize("kind", [*words.CAUSES, *guide.load().causes])
def test_every_cause_is_said(kind: str) -> None:
    advice = guide.load().of(kind)
    with speaking(SPEECH):
        shown = [words.cause(kind), say(advice.likely), say(advice.action)]
        shown.append(insights.template(insights.facts(replace(message_preview.read(TOLD), cause=kind), None), "-"))
    assert left(" ".join(shown)) == []


def test_every_metric_category_and_state_is_said() -> None:
    with speaking(SPEECH):
        shown = [*map(words.metric, METRICS), *map(words.category, words.CATEGORIES), *map(words.state, words.STATES)]
    assert left(" ".join(shown)) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "resolved by ada", "judged a false alarm by ada", "not_bookable is no longer found", "This alert",
        "Booking.com extranet", "still there and worse: high became critical",
        "still there, category low, not worse than high: updated without telling again",
        "still there after the snooze: 12; meanwhile: still there, and on 2 more listings",
        "comes and goes: held open until it has stayed away for a day or so",
        "goes on as the property's no_price, before the unit's no_price: came back 2 h after it had ended",
        "Nobody has taken care of it for 15 min: 7", "It is not over, though in hand, after 2 h: 7",
    ],
)  # fmt: skip
def test_reasons_stored_in_english_are_said_anew(sentence: str) -> None:
    with speaking(SPEECH):
        assert left(stored.heard(sentence)) == []
    assert stored.heard("Somebody's own words, not ours") == "Somebody's own words, not ours"


def evidence_keys() -> set[str]:
    """Return the keys of every table with text keys that guards and watches write, as they stand in the sources."""
    scoring = [SOURCES / "scoring" / f"{name}.py" for name in ("look", "tell", "silent", "measured")]
    found: set[str] = set()
    for file in [*(SOURCES / "guards").glob("*.py"), *scoring]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Dict):
                found |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
    return found


def test_every_fact_that_guards_and_watches_tell_has_a_label() -> None:
    other = {"currency", "chart", "days", "nightly"}
    keys = {key.removesuffix("_minor").removesuffix("_date").removesuffix("_at") for key in evidence_keys() - other}
    assert len(keys) > 50
    assert keys - set(LABELS) - {"price", "min_stay", "availability"} == set()


def test_words_within_facts_are_said() -> None:
    told = {
        "differs_in": {"availability": ["2026-03-04"], "price": ["2026-03-05"]}, "compared_with": ["airbnb"],
        "status": "suspended", "loss_is_unknown": "no exchange rate", "counted_once": True,
        "operations": ["ari", "performance"], "figure": "search impressions", "last_poll_at": "2026-03-04T10:00:00Z",
    }  # fmt: skip
    with speaking(SPEECH):
        shown = render.evidence(replace(message_preview.read(TOLD), evidence=told))
    assert len(shown) == len(told)
    assert left(" ".join(shown), "Airbnb") == []


AT = datetime(2026, 3, 6, 12, tzinfo=UTC)
ENDED = AT + timedelta(hours=2)
DIGESTED = test_digest.AS_OF


def took(kind: str, note: str = "") -> actions.Taken:
    return actions.Taken(kind=kind, actor="ada", note=note, taken_at=AT)


def decisions() -> Iterator[str]:
    """Yield what people are told, whatever they wish and whatever was done before."""
    befores = [
        actions.Standing(), actions.Standing(acknowledged=took("acknowledge")),
        actions.Standing(closed=took("resolve")),
        *(actions.Standing(closed=took("verdict", actions.VERDICTS[one])) for one in actions.CLOSING),
    ]  # fmt: skip
    for choice in actions.CHOICES:
        wish = actions.chosen(choice, "ada", note="note", assignee="ada", until_at=ENDED)
        for before in befores:
            yield actions.decide(wish, ENDED if before.closed else None, before).word
        yield actions.decide(wish, ENDED, actions.Standing()).word
    for wish in (actions.chosen("assign", "ada"), actions.chosen("note", "ada"), actions.chosen("snooze", "ada"),
                 actions.chosen("snooze", "ada", until_at=AT + timedelta(days=400))):  # fmt: skip
        yield from actions.lacks(wish, AT).values()


def test_what_people_are_told_of_their_wishes_is_said() -> None:
    with speaking(SPEECH):
        shown = list(decisions())
    assert len(set(shown)) > 20
    assert left(" ".join(shown)) == []


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("acknowledge", ""), ("assign", "ada"), ("snooze", actions.moment(ENDED)), ("resolve", ""), ("note", ""),
        *(("verdict", words) for words in actions.VERDICTS.values()), ("verdict", "false alarm: ada"),
    ],
)  # fmt: skip
def test_who_did_what_is_said(kind: str, note: str) -> None:
    with speaking(SPEECH):
        assert left(answers.sentence(took(kind, note))) == []


def test_slacks_form_is_said() -> None:
    choices = [(name, label) for name, label in answers.CHOICES.items()]
    with speaking(SPEECH):
        content = slack_form.Content(
            title="Alfama Loft", lines=[answers.sentence(took("acknowledge"))],
            choices=[(name, say(label)) for name, label in choices], causes=[("rank_drop", words.cause("rank_drop"))],
        )  # fmt: skip
        shown = latin.of_blocks(slack_form.view(slack_form.About(alert_id=12, channel="C1"), content))
    assert left(shown) == []


@pytest.mark.parametrize("choices", [{}, answers.CHOICES])
def test_the_page_behind_a_mail_is_said(choices: dict[str, str]) -> None:
    templates = Environment(loader=FileSystemLoader(SOURCES / "endpoints" / "templates"), autoescape=True)
    with speaking(SPEECH):
        view = action_page.View(
            alert_id=12, title="Alfama Loft", summary=render.summary(message_preview.read(TOLD), AT),
            category=words.category("high"), people=(answers.sentence(took("resolve")),), button=say("Save"),
            choices={name: say(label) for name, label in choices.items()}, word=say("Acknowledged."),
        )  # fmt: skip
        page = templates.get_template("act.html").render(view=view, token="t", say=say, language="el")
    assert left(latin.of_html(page)) == []


@pytest.mark.parametrize("span", ["day", "week"])
def test_digests_name_themselves(span: str) -> None:
    with speaking(SPEECH):
        assert left(words.digest(span)) == []


PROPOSALS = (
    "rank_drop on Alfama Loft: 4.2 times stricter", "rank_drop on Alfama Loft: back to the budget",
    "conversion_drop on Alfama Loft: more listing_views than search_impressions bring count by 0.2",
    "conversion_drop: fee_missing, confirmed 3 times",
)  # fmt: skip


def test_a_proposal_is_said() -> None:
    lost = {"kind": "rank_drop", "place": "", "listing_id": 7, "raised": "2026-03-01"}
    preview = {
        "days": 90, "to": "2026-03-06", "now": 9, "then": 4, "lost": [lost] * 7, "lost_false": 5, "lost_real": 1,
        "gained": [lost | {"place": "Alfama Loft"}],
    }  # fmt: skip
    with speaking(SPEECH):
        counts = proposal_admin.counted(preview)
        lines = proposal_admin.lines(preview)
        titles = [
            stored.heard(one) for one in (
                "An event, 2026-03-01 to 2026-03-04: Alfama Loft", "A new normal since 2026-03-01 (1): Alfama Loft",
                *PROPOSALS,
            )
        ]  # fmt: skip
        answers_to = [say(one) for one in proposal_admin.LABELS.values()]
    assert len(lines) == 7
    assert left(" ".join([counts, *lines, *titles, *answers_to])) == []


@pytest.mark.parametrize("proposals", [PROPOSALS[:2], PROPOSALS[2:]])
@pytest.mark.parametrize("span", ["day", "week"])
def test_a_digest_says_nothing_of_its_own(span: str, proposals: tuple[str, ...]) -> None:
    english = message_preview.read(TOLD)
    open_ones = [replace(english, alert_id=number, raised_at=DIGESTED - timedelta(hours=3)) for number in range(1, 12)]
    over = replace(english, alert_id=20, raised_at=DIGESTED - timedelta(hours=3), resolved_at=DIGESTED)
    foreseen = replace(
        english, alert_id=21, kind="month_missed", category="low", raised_at=DIGESTED - timedelta(hours=1)
    )
    facts = test_digest.told(
        [*open_ones, over, foreseen], span=span, proposals=list(proposals), titles={2: "Alfama Loft"},
    )  # fmt: skip
    with speaking(SPEECH):
        message = digest.message(json.loads(json.dumps(facts)), delivery_id="d", recipient="C1")
        text, html = email.bodies(message, "chart")
        shown = [latin.of_blocks(slack_blocks.blocks(message, None)), digest.alt(facts)]
    assert len(message.evidence) > 8
    assert left(" ".join([text, latin.of_html(html), *shown]), "ops") == []
