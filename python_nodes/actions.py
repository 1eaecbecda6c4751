"""What people may do about an alert, and what they are told; pure, the same for Slack, e-mail, SMS and the API."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ActionKind = Literal["acknowledge", "assign", "resolve", "verdict", "note"]
Status = Literal["recorded", "unchanged", "refused"]

FALSE_ALARM = "false alarm"
REAL = "real"
SMS_WORDS = "ACK, OK or FALSE and the alert's number, as in ACK 12"
_SMS = re.compile(r"\s*(ack|ok|false)\s+#?(\d{1,15})\s*[.!]?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to do; ``actor`` says who, and by which way it came."""

    kind: ActionKind
    actor: str
    note: str = ""
    assignee: str | None = None
    is_real: bool | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One action as stored: an assignment's note is the assignee, a verdict's begins with the verdict."""

    kind: str
    actor: str
    note: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What people have done about an alert by now; None where nobody did."""

    acknowledged: Taken | None = None
    assigned: Taken | None = None
    closed: Taken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a wish: ``word`` is for the person; ``closes`` is the reason with which the alert ends."""

    status: Status
    word: str
    closes: str | None = None


BUTTONS: dict[str, tuple[ActionKind, bool | None]] = {
    "acknowledge": ("acknowledge", None),
    "resolve": ("resolve", None),
    "false_alarm": ("verdict", False),
}
"""What messages offer: a choice's name, the action it stands for, and its verdict."""

_SMS_CHOICES = {"ack": "acknowledge", "ok": "resolve", "false": "false_alarm"}


def chosen(choice: str, actor: str) -> Wish:
    """Say in full what a button or link stands for."""
    kind, is_real = BUTTONS[choice]
    return Wish(kind=kind, actor=actor, is_real=is_real)


def read_sms(text: str) -> tuple[str, int] | None:
    """Read ``ACK 12``, ``OK 12`` or ``FALSE 12``: the choice and the alert; None if it is anything else."""
    found = _SMS.fullmatch(text)
    return (_SMS_CHOICES[found[1].lower()], int(found[2])) if found else None


def standing(taken: Sequence[Taken]) -> Standing:
    """Sum up the actions on one alert, oldest first: the first acknowledgement, the last assignment, who ended it."""
    acknowledged = next((one for one in taken if one.kind == "acknowledge"), None)
    assigned = next((one for one in reversed(taken) if one.kind == "assign"), None)
    return Standing(
        acknowledged=acknowledged, assigned=assigned, closed=next((one for one in taken if _ends(one)), None)
    )


def _ends(one: Taken) -> bool:
    return one.kind == "resolve" or (one.kind == "verdict" and one.note.startswith(FALSE_ALARM))


def stored_note(wish: Wish) -> str:
    """Write a wish's note as ``Taken`` has it."""
    if wish.kind == "assign":
        return wish.assignee or ""
    if wish.kind != "verdict":
        return wish.note
    verdict = REAL if wish.is_real else FALSE_ALARM
    return ": ".join(part for part in (verdict, wish.note) if part)


def decide(wish: Wish, resolved_at: datetime | None, before: Standing) -> Decision:
    """Decide whether a wish still makes sense, and what to tell the person who had it."""
    if wish.kind == "note":
        return Decision(status="recorded", word="The note is kept with the alert.")
    if wish.kind == "verdict":
        return _verdict(wish, resolved_at, before)
    if resolved_at is not None:
        return Decision(status="refused", word=f"{_ended(resolved_at, before)} Nothing was changed.")
    if wish.kind == "assign":
        return Decision(status="recorded", word=f"Assigned to {wish.assignee}.")
    if wish.kind == "resolve":
        return Decision(status="recorded", word="Marked as resolved.", closes=f"resolved by {wish.actor}")
    if before.acknowledged is not None:
        first = before.acknowledged
        return Decision(status="unchanged", word=f"Already acknowledged by {first.actor}, {_moment(first.taken_at)}.")
    return Decision(status="recorded", word="Acknowledged.")


def _verdict(wish: Wish, resolved_at: datetime | None, before: Standing) -> Decision:
    if wish.is_real:
        return Decision(status="recorded", word="Kept: a real problem.")
    if resolved_at is None:
        word = "Marked as a false alarm; it is not raised again while the same finding lasts."
        return Decision(status="recorded", word=word, closes=f"judged a false alarm by {wish.actor}")
    if before.closed is not None and before.closed.kind == "verdict":
        return Decision(status="unchanged", word=f"{_ended(resolved_at, before)} Nothing was changed.")
    # What it was stays worth knowing after it ended: verdicts are what thresholds are judged by.
    return Decision(status="recorded", word=f"{_ended(resolved_at, before)} Your verdict is kept.")


def _ended(resolved_at: datetime, before: Standing) -> str:
    if before.closed is None:
        return f"This alert ended by itself, {_moment(resolved_at)}."
    how = "resolved" if before.closed.kind == "resolve" else "judged a false alarm"
    return f"This alert was already {how} by {before.closed.actor}, {_moment(resolved_at)}."


def _moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC"
