"""What people may do about an alert, and what they are told; pure, the same for Slack, e-mail, SMS and the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from python_nodes.domain import written
from python_nodes.domain.said import marked, say

ActionKind = Literal["acknowledge", "assign", "snooze", "resolve", "verdict", "note"]
Verdict = Literal["real", "false_alarm", "expected_event", "new_normal", "data_problem"]
Status = Literal["recorded", "unchanged", "refused"]

VERDICTS: Mapping[Verdict, str] = {
    "real": "real",
    "false_alarm": "false alarm",
    "expected_event": "expected event",
    "new_normal": "new normal",
    "data_problem": "data problem",
}
"""Each verdict as it is stored; a stored verdict's note begins with these words."""
MARKED_AS: Mapping[Verdict, str] = {
    "false_alarm": marked("Marked as a false alarm; it is not raised again while the same finding lasts."),
    "expected_event": marked("Marked as an expected event; it is not raised again while the same finding lasts."),
    "new_normal": marked("Marked as a new normal; it is not raised again while the same finding lasts."),
}
ENDED_BY: Mapping[str, str] = {
    "resolve": marked("This alert was already resolved by {actor}, {at}."),
    "false alarm": marked("This alert was already judged a false alarm by {actor}, {at}."),
    "expected event": marked("This alert was already judged an expected event by {actor}, {at}."),
    "new normal": marked("This alert was already judged a new normal by {actor}, {at}."),
}
"""By the action that ended it, or by the verdict's words."""
CLOSING: frozenset[Verdict] = frozenset({"false_alarm", "expected_event", "new_normal"})
"""Verdicts after which there is nothing to mend; the other two are of real problems."""
LONGEST_SNOOZE = timedelta(days=30)
MORE = "more"
"""The choice that opens a form with all of them."""
_SMS = re.compile(r"\s*(?:(ack|ok|false)\s+#?(\d{1,15})|snooze\s+#?(\d{1,15})\s+(\d{1,4})\s*([mhd]))\s*[.!]?\s*", re.I)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to do; ``actor`` says who, and by which way it came."""

    kind: ActionKind
    actor: str
    note: str = ""
    assignee: str | None = None
    until_at: datetime | None = None
    verdict: Verdict | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One action as stored: an assignment's note is the assignee, a snooze's its end, a verdict's begins with it."""

    kind: str
    actor: str
    note: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What people have done about an alert by now; None where nobody did."""

    acknowledged: Taken | None = None
    assigned: Taken | None = None
    snoozed: Taken | None = None
    closed: Taken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a wish: ``word`` is for the person; ``closes`` is the reason with which the alert ends."""

    status: Status
    word: str
    closes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Texted:
    """What a text asks for; ``lasts`` goes with a snooze."""

    choice: str
    alert_id: int
    lasts: timedelta | None = None


CHOICES: Mapping[str, tuple[ActionKind, Verdict | None]] = {
    "acknowledge": ("acknowledge", None),
    "assign": ("assign", None),
    "snooze": ("snooze", None),
    "resolve": ("resolve", None),
    **{verdict: ("verdict", verdict) for verdict in VERDICTS},
    "note": ("note", None),
}
"""What can be chosen by name: the action that it stands for, and its verdict."""
BUTTONS = ("acknowledge", "resolve", "false_alarm")
"""The choices that need no more than a press."""
_SMS_CHOICES = {"ack": "acknowledge", "ok": "resolve", "false": "false_alarm"}


def chosen(
    choice: str, actor: str, *, note: str = "", assignee: str | None = None, until_at: datetime | None = None,
    cause: str | None = None,
) -> Wish:  # fmt: skip
    """Say in full what a button, link or form stands for; what does not go with the choice is left out."""
    kind, verdict = CHOICES[choice]
    return Wish(
        kind=kind, actor=actor, note=note, verdict=verdict, assignee=assignee if kind == "assign" else None,
        until_at=until_at if kind == "snooze" else None, cause=cause if kind == "verdict" else None,
    )  # fmt: skip


def lacks(wish: Wish, at: datetime) -> dict[str, str]:
    """Say what a wish still needs before it can be carried out, by field; empty if it is whole."""
    if wish.kind == "assign" and not (wish.assignee or "").strip():
        return {"assignee": say("Say who is to take care of it.")}
    if wish.kind == "verdict" and wish.verdict is None:
        return {"verdict": say("Say what it was: {verdicts}.", verdicts=", ".join(VERDICTS))}
    if wish.kind == "note" and not wish.note.strip():
        return {"note": say("Write a note.")}
    if wish.kind == "snooze" and (wish.until_at is None or wish.until_at <= at):
        return {"until_at": say("Say until when; it must be to come.")}
    if wish.kind == "snooze" and wish.until_at is not None and wish.until_at > at + LONGEST_SNOOZE:
        return {"until_at": say("An alert can sleep for {days} days at most.", days=LONGEST_SNOOZE.days)}
    return {}


def read_sms(text: str) -> Texted | None:
    """Read ``ACK 12``, ``OK 12``, ``FALSE 12`` or ``SNOOZE 12 4H``; None if it is anything else."""
    found = _SMS.fullmatch(text)
    if found is None:
        return None
    word, alert_id, snoozed_id, count, unit = found.groups()
    if word is not None:
        return Texted(choice=_SMS_CHOICES[word.lower()], alert_id=int(alert_id))
    lasts = timedelta(**{_UNITS[unit.lower()]: int(count)})
    return Texted(choice="snooze", alert_id=int(snoozed_id), lasts=lasts)


def standing(taken: Sequence[Taken]) -> Standing:
    """Sum up the actions on one alert, oldest first: the first acknowledgement, the last assignment, who ended it."""

    def last(kind: str) -> Taken | None:
        return next((one for one in reversed(taken) if one.kind == kind), None)

    return Standing(
        acknowledged=next((one for one in taken if one.kind == "acknowledge"), None),
        assigned=last("assign"),
        snoozed=last("snooze"),
        closed=next((one for one in taken if _ends(one)), None),
    )


def said(taken: Taken) -> str:
    """Return the words of a verdict as it was stored."""
    return next((words for words in VERDICTS.values() if taken.note.startswith(words)), taken.note)


def _ends(one: Taken) -> bool:
    closing = tuple(VERDICTS[verdict] for verdict in CLOSING)
    return one.kind == "resolve" or (one.kind == "verdict" and one.note.startswith(closing))


def stored_note(wish: Wish) -> str:
    """Write a wish's note as ``Taken`` has it."""
    if wish.kind == "assign":
        return wish.assignee or ""
    if wish.kind == "snooze" and wish.until_at is not None:
        return moment(wish.until_at)
    if wish.verdict is None:
        return wish.note
    return ": ".join(part for part in (VERDICTS[wish.verdict], wish.note) if part)


def decide(wish: Wish, resolved_at: datetime | None, before: Standing) -> Decision:
    """Decide whether a whole wish still makes sense, and what to tell the person who had it."""
    if wish.kind == "note":
        return Decision(status="recorded", word=say("The note is kept with the alert."))
    if wish.verdict is not None:
        return _verdict(wish, wish.verdict, resolved_at, before)
    if resolved_at is not None:
        return Decision(status="refused", word=_unchanged(resolved_at, before))
    if wish.kind == "assign":
        return Decision(status="recorded", word=say("Assigned to {assignee}.", assignee=wish.assignee))
    if wish.kind == "snooze":
        until = written.moment(wish.until_at) if wish.until_at else ""
        word = say("Snoozed until {until}; told again then if it is still there.", until=until)
        return Decision(status="recorded", word=word)
    if wish.kind == "resolve":
        return Decision(status="recorded", word=say("Marked as resolved."), closes=f"resolved by {wish.actor}")
    if before.acknowledged is not None:
        first = before.acknowledged
        at = written.moment(first.taken_at)
        word = say("Already acknowledged by {actor}, {at}.", actor=first.actor, at=at)
        return Decision(status="unchanged", word=word)
    return Decision(status="recorded", word=say("Acknowledged."))


def _verdict(wish: Wish, verdict: Verdict, resolved_at: datetime | None, before: Standing) -> Decision:
    if verdict == "data_problem":
        return Decision(status="recorded", word=say("Kept: a problem of the data, not of what is sold."))
    if verdict == "real":
        return Decision(status="recorded", word=say("Kept: a real problem."))
    words = f"{'an' if VERDICTS[verdict][0] in 'aeiou' else 'a'} {VERDICTS[verdict]}"
    if resolved_at is None:
        return Decision(status="recorded", word=say(MARKED_AS[verdict]), closes=f"judged {words} by {wish.actor}")
    if before.closed is not None and before.closed.kind == "verdict":
        return Decision(status="unchanged", word=_unchanged(resolved_at, before))
    # What it was stays worth knowing after it ended: verdicts are what thresholds are judged by.
    return Decision(status="recorded", word=say("{ended} Your verdict is kept.", ended=_ended(resolved_at, before)))


def _ended(resolved_at: datetime, before: Standing) -> str:
    if before.closed is None:
        return say("This alert ended by itself, {at}.", at=written.moment(resolved_at))
    how = "resolve" if before.closed.kind == "resolve" else said(before.closed)
    return say(ENDED_BY[how], actor=before.closed.actor, at=written.moment(resolved_at))


def _unchanged(resolved_at: datetime, before: Standing) -> str:
    return say("{ended} Nothing was changed.", ended=_ended(resolved_at, before))


def moment(at: datetime) -> str:
    """Write a moment as a stored note has it."""
    return f"{at:%d %b %Y, %H:%M} UTC"
