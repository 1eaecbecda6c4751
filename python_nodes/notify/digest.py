"""Word the summary of a day or a week for people; the senders lay it out as they do an alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, get_args

from python_nodes.domain import written
from python_nodes.domain.findings import Category
from python_nodes.domain.said import retold, say, say_many
from python_nodes.notify import words
from python_nodes.notify.base import Field, Link, Message
from python_nodes.notify.stored import heard

WORST_FIRST: tuple[Category, ...] = get_args(Category)
ABOUT_MANY = 0
"""Stands where an alert's id would: a digest is about none in particular."""
MAX_PROPOSALS = 3


def message(
    told: Mapping[str, Any], *, delivery_id: str, recipient: str, links: Sequence[Link] = (), is_retry: bool = False,
    with_chart: bool = False,
) -> Message:  # fmt: skip
    """Word one recipient's digest."""
    currency, day = str(told["currency"]), written.day(date.fromisoformat(told["day"]))
    is_week = told["span"] == "week"
    has_news = bool(told["worst"] or told["ended"])
    picture = chart(told) if with_chart and has_news else None
    return Message(
        delivery_id=delivery_id,
        alert_id=ABOUT_MANY,
        recipient=recipient,
        state="raised" if told["open_count"] else "resolved",
        category=next((name for name in WORST_FIRST if told["open"][name]), "low"),
        title=say("Weekly digest, {day}", day=day) if is_week else say("Daily digest, {day}", day=day),
        summary=_summary(told, currency),
        fields=_fields(told, currency),
        evidence=_lines(told, currency),
        links=tuple(links),
        chart_png=picture,
        chart_alt=alt(told) if picture is not None else "",
        is_retry=is_retry,
        span=str(told["span"]),
    )  # fmt: skip


def chart(told: Mapping[str, Any]) -> bytes:
    """Draw what is open by what it loses, and what was lost day by day."""
    # Imported where it is used: matplotlib takes as long to import as all of the rest.
    from python_nodes.notify import digest_chart

    return digest_chart.digest_png(told)


def alt(told: Mapping[str, Any]) -> str:
    """Say what the chart shows to those who do not see it."""
    currency = str(told["currency"])
    rows = [f"{title(one)} {written.money(one['loss_per_day_minor'], currency)}" for one in told["worst"]]
    days = [
        f"{written.short_day(date.fromisoformat(one['day']))} {written.money(one['lost_minor'], currency)}"
        for one in told["days"]
    ]
    return say(
        "Open alerts by loss a day: {alerts}. Lost by day: {days}.",
        alerts="; ".join(rows) or say("none"), days=", ".join(days),
    )  # fmt: skip


def title(line: Mapping[str, Any]) -> str:
    """Say an alert's title."""
    return retold(line, "title", str(line["title"]))


def _summary(told: Mapping[str, Any], currency: str) -> str:
    ended = say_many("{count} alert ended.", "{count} alerts ended.", told["ended_count"])
    if not told["open_count"]:
        return f"{say('Nothing is open.')} {ended}"
    per_day, stake = (written.money(told[name], currency) for name in ("loss_per_day_minor", "at_stake_minor"))
    return say_many(
        "{count} alert open, about {per_day} a day and {stake} at stake.",
        "{count} alerts open, together about {per_day} a day and {stake} at stake.",
        told["open_count"], per_day=per_day, stake=stake,
    )  # fmt: skip


def _fields(told: Mapping[str, Any], currency: str) -> tuple[Field, ...]:
    by_category = ", ".join(
        f"{told['open'][name]} {words.category(name)}" for name in WORST_FIRST if told["open"][name]
    )
    is_week, troubles = told["span"] == "week", told["troubles"]
    lost, gained = (written.money(told[name], currency) for name in ("lost_minor", "recovered_minor"))
    rows = [
        (say("Open"), by_category or say("none")),
        (say("Raised this week") if is_week else say("Raised since yesterday"), written.number(told["raised"])),
        (say("Ended this week") if is_week else say("Ended since yesterday"), written.number(told["ended_count"])),
        (say("Lost this week") if is_week else say("Lost since yesterday"), lost),
        (say("Lost by what is open"), written.money(told["lost_so_far_minor"], currency)),
        (say("Recovered by what ended"), gained),
        *((say("Team {team}", team=name), _team(one, currency)) for name, one in told["by_team"].items()),
        *_noise(told["noise"]),
        *([(say("Proposals waiting"), _proposals(told["proposals"]))] if told["proposals"] else []),
        (say("Records kept back"), written.number(troubles["rejected"])),
        (say("Steps of flows that failed"), written.number(troubles["failed_steps"])),
        (say("Feeds that fail now"), written.number(troubles["failing_feeds"])),
        # What was written down before this was told of knows nothing of it.
        *_uncovered(told.get("uncovered", {})),
    ]
    return tuple(Field(label=label, value=value) for label, value in rows)


def _uncovered(days: Mapping[str, str]) -> list[tuple[str, str]]:
    """Say which on-call calendars end soon or have a hole."""
    told = [
        say("{rotation}: from {day} on", rotation=name, day=written.day(date.fromisoformat(day)))
        for name, day in days.items()
    ]
    return [(say("Nobody on call"), "; ".join(told))] if told else []


def _team(one: Mapping[str, Any], currency: str) -> str:
    parts = [
        say("{open} open, {per_day} a day", open=written.number(one["open"]),
            per_day=written.money(one["loss_per_day_minor"], currency))
    ]  # fmt: skip
    if one["taken_median_s"] is not None:
        parts.append(say("in hand after {span}", span=_span(one["taken_median_s"])))
    if one["resolved_median_s"] is not None:
        parts.append(say("resolved after {span}", span=_span(one["resolved_median_s"])))
    return ", ".join(parts)


def _span(seconds: float) -> str:
    """Write a time roughly: minutes under two hours, hours under two days, then days."""
    if seconds < 7200:
        return say("{minutes} min", minutes=written.number(round(seconds / 60)))
    if seconds < 172_800:
        return say("{hours} h", hours=written.number(round(seconds / 3600)))
    return say("{days} days", days=written.number(round(seconds / 86_400)))


def _noise(noise: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say how many messages an alert took, and what was judged a false alarm."""
    rows = []
    if noise["told"]:
        each = written.tenths(noise["messages"] / noise["told"])
        total = written.number(noise["messages"])
        rows.append((say("Messages"), say("{total}, {each} an alert and recipient", total=total, each=each)))
    if noise["judged"]:
        kinds = ", ".join(
            f"{words.kind(name)} {written.number(count)}" for name, count in noise["false_alarms"].items()
        )
        false = written.number(sum(noise["false_alarms"].values()))
        told = say("{false} of {judged} judged", false=false, judged=written.number(noise["judged"]))
        rows.append((say("False alarms"), f"{told}: {kinds}" if kinds else told))
    return rows


def _proposals(titles: Sequence[str]) -> str:
    shown = "; ".join(heard(title) for title in titles[:MAX_PROPOSALS])
    more = len(titles) - MAX_PROPOSALS
    return say("{shown} and {more} more", shown=shown, more=written.number(more)) if more > 0 else shown


def _lines(told: Mapping[str, Any], currency: str) -> tuple[str, ...]:
    """List what is open, what ended, which listings lose most, and what is foreseen."""
    losing = [
        say("Listing: {title} ({money} a day)", title=one["title"],
            money=written.money(one["loss_per_day_minor"], currency))
        for one in told["listings"]
    ]  # fmt: skip
    standing = [say("Open, {category}: {title} ({money} at stake)", **_parts(one, currency)) for one in told["worst"]]
    ended = [say("Ended, {category}: {title} ({money} lost)", **_parts(one, currency)) for one in told["ended"]]
    ahead = [
        say("Opportunity: {title} ({money} a day to gain)", **_parts(one, currency)) if one["is_gain"]
        else say("Foreseen: {title} ({money} at stake)", **_parts(one, currency))
        for one in told["foreseen"]
    ]  # fmt: skip
    return (
        *standing, *_more(say("Open"), told["open_count"] - len(standing)),
        *ended, *_more(say("Ended"), told["ended_count"] - len(ended)),
        *losing, *ahead, *_more(say("Foreseen"), told["foreseen_count"] - len(ahead)),
    )  # fmt: skip


def _parts(one: Mapping[str, Any], currency: str) -> dict[str, str]:
    return {
        "category": words.category(one["category"]), "title": title(one),
        "money": written.money(one["amount_minor"], currency),
    }  # fmt: skip


def _more(word: str, count: int) -> tuple[str, ...]:
    return (say("{word}: {count} more", word=word, count=written.number(count)),) if count > 0 else ()
