"""What a wish becomes, in every state an alert can be in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from python_nodes import actions
from python_nodes.actions import Standing, Taken, Texted, Wish

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def taken(kind: str, note: str = "", actor: str = "ada") -> Taken:
    return Taken(kind=kind, actor=actor, note=note, taken_at=NOON)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ACK 12", Texted(choice="acknowledge", alert_id=12)), (" ok #7. ", Texted(choice="resolve", alert_id=7)),
        ("False 3!", Texted(choice="false_alarm", alert_id=3)),
        ("SNOOZE 12 4H", Texted(choice="snooze", alert_id=12, lasts=timedelta(hours=4))),
        ("snooze #7 30m.", Texted(choice="snooze", alert_id=7, lasts=timedelta(minutes=30))),
        ("Snooze 7 2 d", Texted(choice="snooze", alert_id=7, lasts=timedelta(days=2))),
        ("SNOOZE 12", None), ("SNOOZE 12 4", None), ("SNOOZE 12 4H 2", None), ("SNOOZE 12 4W", None),
        ("ACK", None), ("12", None), ("ACK 12 13", None), ("ACK -1", None), ("NACK 12", None), ("", None),
        ("ok 1; drop", None), ("ACK 1234567890123456", None),
    ],
)  # fmt: skip
def test_texts_are_read_strictly(text: str, read: Texted | None) -> None:
    assert actions.read_sms(text) == read


def test_each_choice_of_a_message_is_a_whole_wish() -> None:
    assert actions.chosen("false_alarm", "ada") == Wish(kind="verdict", actor="ada", verdict="false_alarm")
    assert {actions.chosen(name, "a").kind for name in actions.BUTTONS} == {"acknowledge", "resolve", "verdict"}
    whole = actions.chosen("assign", "ada", assignee="cy", until_at=NOON, cause="x", note="n")
    assert whole == Wish(kind="assign", actor="ada", assignee="cy", note="n"), "what does not go with it is left out"
    for verdict in actions.VERDICTS:
        assert actions.chosen(verdict, "ada", cause="x") == Wish(
            kind="verdict", actor="ada", verdict=verdict, cause="x"
        )


@pytest.mark.parametrize(
    ("wish", "status", "closes"),
    [
        (Wish(kind="acknowledge", actor="bo"), "recorded", False), (Wish(kind="resolve", actor="bo"), "recorded", True),
        (Wish(kind="assign", actor="bo", assignee="cy"), "recorded", False),
        (Wish(kind="verdict", actor="bo", verdict="false_alarm"), "recorded", True),
        (Wish(kind="verdict", actor="bo", verdict="real"), "recorded", False),
        (Wish(kind="note", actor="bo", note="x"), "recorded", False),
        (Wish(kind="snooze", actor="bo", until_at=NOON), "recorded", False),
        (Wish(kind="verdict", actor="bo", verdict="expected_event"), "recorded", True),
        (Wish(kind="verdict", actor="bo", verdict="new_normal"), "recorded", True),
        (Wish(kind="verdict", actor="bo", verdict="data_problem"), "recorded", False),
    ],
)  # fmt: skip
def test_on_an_open_alert(wish: Wish, status: str, closes: bool) -> None:
    decision = actions.decide(wish, None, Standing())
    assert (decision.status, decision.closes is not None) == (status, closes)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        (Wish(kind="acknowledge", actor="bo"), "refused"), (Wish(kind="resolve", actor="bo"), "refused"),
        (Wish(kind="assign", actor="bo", assignee="cy"), "refused"),
        (Wish(kind="snooze", actor="bo", until_at=NOON), "refused"),
        (Wish(kind="verdict", actor="bo", verdict="false_alarm"), "recorded"),
        (Wish(kind="note", actor="bo", note="x"), "recorded"),
    ],
)  # fmt: skip
def test_on_an_ended_alert_only_what_is_known_of_it_may_grow(wish: Wish, status: str) -> None:
    decision = actions.decide(wish, NOON, Standing())
    assert (decision.status, decision.closes) == (status, None)
    if status == "refused":
        assert "ended by itself, 4 Mar 2026, 12:00 UTC" in decision.word


def test_the_late_are_told_who_was_there_before() -> None:
    ended = actions.standing([taken("verdict", "false alarm: a test")])
    assert "judged a false alarm by ada" in actions.decide(Wish(kind="resolve", actor="bo"), NOON, ended).word
    again = actions.decide(Wish(kind="verdict", actor="bo", verdict="false_alarm"), NOON, ended)
    assert again.status == "unchanged"
    held = actions.standing([taken("acknowledge")])
    assert "Already acknowledged by ada" in actions.decide(Wish(kind="acknowledge", actor="bo"), None, held).word


def test_standing_takes_the_first_acknowledgement_and_the_last_assignment() -> None:
    now = actions.standing([
        taken("acknowledge"), taken("assign", "cy"), taken("acknowledge", actor="bo"), taken("assign", "di"),
        taken("verdict", "real"),
    ])  # fmt: skip
    assert now.acknowledged is not None
    assert now.acknowledged.actor == "ada"
    assert now.assigned is not None
    assert now.assigned.note == "di"
    assert now.closed is None, "a verdict that it is real ends nothing"


def test_notes_are_stored_so_that_standing_understands_them() -> None:
    wish = Wish(kind="verdict", actor="bo", verdict="false_alarm", note="a test booking")
    assert actions.standing([taken("verdict", actions.stored_note(wish))]).closed is not None
    assert actions.stored_note(Wish(kind="assign", actor="bo", assignee="cy")) == "cy"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(kind="assign", actor="bo"), "assignee"), (Wish(kind="assign", actor="bo", assignee="  "), "assignee"),
        (Wish(kind="verdict", actor="bo"), "verdict"), (Wish(kind="note", actor="bo"), "note"),
        (Wish(kind="snooze", actor="bo"), "until_at"), (Wish(kind="snooze", actor="bo", until_at=NOON), "until_at"),
        (Wish(kind="snooze", actor="bo", until_at=NOON + timedelta(days=31)), "until_at"),
        (Wish(kind="snooze", actor="bo", until_at=NOON + timedelta(hours=1)), None),
        (Wish(kind="acknowledge", actor="bo"), None), (Wish(kind="resolve", actor="bo"), None),
    ],
)  # fmt: skip
def test_what_a_wish_lacks_is_named_by_field(wish: Wish, field: str | None) -> None:
    assert list(actions.lacks(wish, NOON)) == ([field] if field else [])


def test_the_late_are_told_which_verdict_ended_it() -> None:
    ended = actions.standing([taken("verdict", "expected event: the fair")])
    assert "judged an expected event by ada" in actions.decide(Wish(kind="resolve", actor="bo"), NOON, ended).word


def test_the_last_snooze_stands_and_says_until_when() -> None:
    wish = Wish(kind="snooze", actor="bo", until_at=NOON)
    now = actions.standing([taken("snooze", "earlier"), taken("snooze", actions.stored_note(wish))])
    assert now.snoozed is not None
    assert now.snoozed.note == "04 Mar 2026, 12:00 UTC"
