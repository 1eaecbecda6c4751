"""What people may do about an alert, and what they are told; pure, the same for Slack, e-mail, SMS and the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

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
"""Each verdict as people say it; a stored verdict's note begins with these words."""
CLOSING: frozenset[Verdict] = frozenset({"false_alarm", "expected_event", "new_normal"})
"""Verdicts after which there is nothing to mend; the other two are of real problems."""
LONGEST_SNOOZE = timedelta(days=30)
MORE = "more"
"""The choice that opens a form with all of them."""
SMS_WORDS = "ACK, OK, FALSE or SNOOZE and the alert's number, as in ACK 12 or SNOOZE 12 4H"
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
        return {"assignee": "Say who is to take care of it."}
    if wish.kind == "verdict" and wish.verdict is None:
        return {"verdict": f"Say what it was: {', '.join(VERDICTS)}."}
    if wish.kind == "note" and not wish.note.strip():
        return {"note": "Write a note."}
    if wish.kind == "snooze" and (wish.until_at is None or wish.until_at <= at):
        return {"until_at": "Say until when; it must be to come."}
    if wish.kind == "snooze" and wish.until_at is not None and wish.until_at > at + LONGEST_SNOOZE:
        return {"until_at": f"An alert can sleep for {LONGEST_SNOOZE.days} days at most."}
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
        return Decision(status="recorded", word="The note is kept with the alert.")
    if wish.verdict is not None:
        return _verdict(wish, wish.verdict, resolved_at, before)
    if resolved_at is not None:
        return Decision(status="refused", word=f"{_ended(resolved_at, before)} Nothing was changed.")
    if wish.kind == "assign":
        return Decision(status="recorded", word=f"Assigned to {wish.assignee}.")
    if wish.kind == "snooze":
        word = f"Snoozed until {stored_note(wish)}; told again then if it is still there."
        return Decision(status="recorded", word=word)
    if wish.kind == "resolve":
        return Decision(status="recorded", word="Marked as resolved.", closes=f"resolved by {wish.actor}")
    if before.acknowledged is not None:
        first = before.acknowledged
        return Decision(status="unchanged", word=f"Already acknowledged by {first.actor}, {moment(first.taken_at)}.")
    return Decision(status="recorded", word="Acknowledged.")


def _verdict(wish: Wish, verdict: Verdict, resolved_at: datetime | None, before: Standing) -> Decision:
    if verdict == "data_problem":
        return Decision(status="recorded", word="Kept: a problem of the data, not of what is sold.")
    if verdict == "real":
        return Decision(status="recorded", word="Kept: a real problem.")
    words = f"{'an' if VERDICTS[verdict][0] in 'aeiou' else 'a'} {VERDICTS[verdict]}"
    if resolved_at is None:
        word = f"Marked as {words}; it is not raised again while the same finding lasts."
        return Decision(status="recorded", word=word, closes=f"judged {words} by {wish.actor}")
    if before.closed is not None and before.closed.kind == "verdict":
        return Decision(status="unchanged", word=f"{_ended(resolved_at, before)} Nothing was changed.")
    # What it was stays worth knowing after it ended: verdicts are what thresholds are judged by.
    return Decision(status="recorded", word=f"{_ended(resolved_at, before)} Your verdict is kept.")


def _ended(resolved_at: datetime, before: Standing) -> str:
    if before.closed is None:
        return f"This alert ended by itself, {moment(resolved_at)}."
    words = said(before.closed)
    judged = f"judged {'an' if words[:1] in 'aeiou' else 'a'} {words}"
    how = "resolved" if before.closed.kind == "resolve" else judged
    return f"This alert was already {how} by {before.closed.actor}, {moment(resolved_at)}."


def moment(at: datetime) -> str:
    """Write a moment as people read it."""
    return f"{at:%d %b %Y, %H:%M} UTC"
