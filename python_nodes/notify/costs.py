"""What an alert costs, has cost and will cost, as labelled lines; with intervals where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say, say_many
from python_nodes.domain.written import day, money
from python_nodes.notify.base import Field

MONEY = "money"
"""In an alert's evidence: intervals (low, mid, high) of the loss per day, the loss so far and the impact."""


def lost(alert: Alert) -> list[Field]:
    """Say what it costs a day and has cost so far."""
    per_day = between(alert, "loss_per_day_minor") or money(alert.loss_per_day_minor, alert.currency)
    so_far = between(alert, "lost_so_far_minor") or money(alert.lost_so_far_minor, alert.currency)
    return [
        Field(label=say("Money lost per day"), value=per_day),
        *_revenue(alert),
        Field(label=say("Lost so far"), value=so_far),
    ]


def to_come(alert: Alert) -> list[Field]:
    """Say what it will cost until somebody ends it, at its pace, and how the books stand."""
    amount = between(alert, "impact_minor") or money(alert.impact_minor, alert.currency)
    return [Field(label=say("Expected loss until resolved"), value=_over(alert, amount)), *_ahead(alert)]


def ended(alert: Alert) -> list[Field]:
    """Say when it ended, and what its end brought back."""
    if alert.resolved_at is None:
        return []
    rows = [Field(label=say("Resolved"), value=written.moment(alert.resolved_at))]
    back = between(alert, "recovered_minor")
    return [*rows, Field(label=say("Recovered by ending it"), value=back)] if back else rows


def between(alert: Alert, name: str) -> str:
    """Write an amount with its interval, '' where none is known; one whose ends read alike is only an amount."""
    told = _of_money(alert).get(name)
    if not isinstance(told, Mapping) or not all(
        isinstance(told.get(end), int | float) for end in ("low", "mid", "high")
    ):
        return ""
    low, mid, high = (money(told[end], alert.currency) for end in ("low", "mid", "high"))
    return mid if low == high else say("{mid}, between {low} and {high}", low=low, mid=mid, high=high)


def _of_money(alert: Alert) -> Mapping[str, Any]:
    told = alert.evidence.get(MONEY)
    return told if isinstance(told, Mapping) else {}


def _over(alert: Alert, amount: str) -> str:
    """Say over how many days, and what that was learned from."""
    told = _of_money(alert).get("days_to_resolution")
    if isinstance(told, Mapping) and all(isinstance(told.get(end), int | float) for end in ("low", "high")):
        low, high = (written.number(float(told[end])) for end in ("low", "high"))
        learned = int(told.get("learned_from") or 0)
        if not learned:
            return say("{amount}, over {low} to {high} more days", amount=amount, low=low, high=high)
        return say_many(
            "{amount}, over {low} to {high} more days by {count} earlier end",
            "{amount}, over {low} to {high} more days by {count} earlier ends",
            learned, amount=amount, low=low, high=high,
        )  # fmt: skip
    days = alert.evidence.get("days_to_resolution")
    if not isinstance(days, (int, float)):
        return amount
    return say("{amount} over {days} more days", amount=amount, days=written.tenths(days))


def _revenue(alert: Alert) -> list[Field]:
    """Tell what a day brings usually and now, where the score kept it."""
    usual, now = (alert.parts.get(name) for name in ("baseline_per_day_minor", "current_per_day_minor"))
    if usual is None or now is None:
        return []
    told = say("{usual} usual, {now} now", usual=money(usual, alert.currency), now=money(now, alert.currency))
    return [Field(label=say("Revenue a day"), value=told)]


def _ahead(alert: Alert) -> list[Field]:
    """Say what the next days will lose at this pace, by which model; and how the books stand."""
    rows, outlook, pace = [], alert.evidence.get("outlook"), alert.evidence.get("pace")
    if isinstance(outlook, Mapping):
        lost, whole = (money(outlook[name], alert.currency) for name in ("lost_minor", "expected_minor"))
        text = say(
            "At this pace the next {days} days lose {lost} of {whole} expected"
            " ({model}, by what was known before {before})",
            days=written.number(outlook["days"]), lost=lost, whole=whole, model=outlook["model"],
            before=day(date.fromisoformat(outlook["from_date"])),
        )  # fmt: skip
        rows.append(Field(label=say("If it goes on"), value=text))
    behind = _behind(alert, pace) if isinstance(pace, Mapping) else []
    if isinstance(pace, Mapping) and behind:
        days = written.number(pace["days"])
        told = say("The next {days} days: {behind}", days=days, behind=written.listed(behind))
        rows.append(Field(label=say("On the books"), value=told))
    return rows


def _behind(alert: Alert, pace: Mapping[str, Any]) -> list[str]:
    """Hold the books against last year's and the market's."""
    told = []
    for than in ("last_year", "market"):
        nights = pace.get(f"behind_{than}_nights")
        if nights is None:
            continue
        worth_minor = pace.get(f"behind_{than}_minor") or 0
        said = _nights(nights, worth_minor, alert.currency)
        if than == "last_year":
            told.append(say("{nights} behind last year", nights=said) if nights > 0
                        else say("{nights} ahead of last year", nights=said))  # fmt: skip
        else:
            told.append(say("{nights} behind the market's pace", nights=said) if nights > 0
                        else say("{nights} ahead of the market's pace", nights=said))  # fmt: skip
    return told


def _nights(behind: float, worth_minor: int, currency: str) -> str:
    count = round(abs(behind))
    # Fewer nights can be worth more: then the sum would contradict the word that follows it.
    if behind * worth_minor <= 0:
        return say_many("{count} night", "{count} nights", count)
    worth = money(abs(worth_minor), currency)
    return say_many("{count} night ({worth})", "{count} nights ({worth})", count, worth=worth)
