"""Word an alert for people, in the language that is spoken: plain text in fields; the senders escape and lay it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from python_nodes.domain import written
from python_nodes.domain.findings import FORESEEN, Alert, Category
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import retold, say
from python_nodes.notify import costs, facts, foreseen, reasons, words
from python_nodes.notify.base import Choice, Field, Link, Message, MessageState

money, day = written.money, written.day
cause = words.cause
evidence = facts.evidence
POINTS = ("loss_rate", "trend", "market", "priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What people may answer and have answered: see the same fields of ``Message``."""

    choices: tuple[Choice, ...] = ()
    people: tuple[str, ...] = ()
    note: str = ""
    is_call: bool = False


def title(alert: Alert) -> str:
    """Say an alert's title, in English where it was stored without its parts."""
    return retold(alert.evidence, "title", alert.title)


def fields(alert: Alert, listing: ListingInfo | None) -> tuple[Field, ...]:
    """What it costs first, then why, since when and where."""
    where = listing.title if listing is not None and alert.scope == "listing" else _members(alert)
    cost = [*costs.lost(alert), *(costs.to_come(alert) if alert.resolved_at is None else costs.ended(alert))]
    rows = [
        *(foreseen.fields(alert) if alert.kind in FORESEEN else cost),
        Field(label=say("Cause"), value=cause(alert.cause)),
        *reasons.fields(alert),
        Field(label=say("Since"), value=day(alert.onset_date)),
        Field(label=say("Listing") if alert.scope == "listing" else say("Listings"), value=where),
    ]
    market = alert.market or (listing.market if listing is not None else None)
    if market:
        named = market.replace("_", " ").title() if market.islower() else market
        rows.append(Field(label=say("Market"), value=named))
    rows.append(Field(label=say("Score"), value=_score(alert)))
    sure = alert.parts.get("confidence")
    if sure is not None:
        # 99.99 % must not read as certainty.
        rows.append(Field(label=say("Confidence"), value=written.share(min(sure, 0.999) if sure < 1 else 1.0)))
    return tuple(rows)


def _members(alert: Alert) -> str:
    """Name the listings of a wide alert, the first few in full."""
    titles = [str(one) for one in alert.evidence.get("listing_titles", ())]
    if titles:
        return facts.listed(titles)
    every = {
        "unit": say("All listings of the unit"),
        "property": say("All listings of the property"),
        "market": say("All listings of the market"),
    }
    return every.get(alert.scope, say("One listing"))


def _score(alert: Alert) -> str:
    """Say the score, whether it or a rule made the category what it is, and what it is made of."""
    told = say("{score} of 100 ({why})", score=written.number(round(alert.score)), why=_why(alert))
    made_of = {
        "loss_rate": say("loss a day"),
        "trend": say("trend"),
        "market": say("season"),
        "priority": say("priority"),
    }
    parts = [
        f"{made_of[name]} {written.number(round(alert.parts[f'{name}_points']))}"
        for name in POINTS
        if f"{name}_points" in alert.parts
    ]
    return say("{score}: {parts}", score=told, parts=written.listed(parts)) if parts else told


def _why(alert: Alert) -> str:
    order: tuple[Category, ...] = get_args(Category)[::-1]
    named = {
        name: words.category(order[int(mark)])
        for name in ("score", "rule")
        if (mark := alert.parts.get(f"category_by_{name}")) is not None
    }
    told = [say("{category} by score", category=named["score"])] if "score" in named else []
    told += [say("{category} by rule", category=named["rule"])] if "rule" in named else []
    category = words.category(alert.category)
    return say("{category}: {why}", category=category, why=written.listed(told)) if told else category


def summary(alert: Alert, as_of: datetime) -> str:
    """One line for previews: what is at stake, or what it came to."""
    if alert.kind in FORESEEN:
        return foreseen.summary(alert)
    per_day = money(alert.loss_per_day_minor, alert.currency)
    so_far = money(alert.lost_so_far_minor, alert.currency)
    if alert.resolved_at is not None:
        return say("Resolved on {day}. It cost about {so_far}.", day=day(alert.resolved_at.date()), so_far=so_far)
    running = written.number(max((as_of.date() - alert.onset_date).days + 1, 1))
    return say("About {per_day} a day, {so_far} so far, day {running} of it.",
               per_day=per_day, so_far=so_far, running=running)  # fmt: skip


def render(
    alert: Alert,
    listing: ListingInfo | None,
    chart_png: bytes | None,
    *,
    delivery_id: str,
    recipient: str,
    as_of: datetime,
    links: Sequence[Link] = (),
    more: Sequence[Field] = (),
    answers: Answers | None = None,
    in_words: str = "",
    update_ref: str | None = None,
    is_retry: bool = False,
    chart_key: str = "",
    chart_ref: str = "",
) -> Message:
    """Word one delivery of an alert; ``delivery_id`` names it over all attempts."""
    state: MessageState = "raised" if update_ref is None else "updated"
    if alert.resolved_at is not None:
        state = "resolved"
    named = title(alert)
    return Message(
        delivery_id=delivery_id,
        alert_id=alert.alert_id,
        recipient=recipient,
        state=state,
        category=alert.category,
        title=say("Resolved: {title}", title=named) if state == "resolved" else named,
        summary=summary(alert, as_of),
        fields=(*fields(alert, listing), *more),
        evidence=() if alert.kind in FORESEEN else evidence(alert),
        links=tuple(links),
        choices=answers.choices if answers and state != "resolved" else (),
        people=answers.people if answers else (),
        note=answers.note if answers and update_ref is not None else "",
        is_call=answers is not None and answers.is_call,
        in_words=in_words,
        chart_png=chart_png,
        chart_alt=say(
            "Chart of {metric} since before {day}", metric=words.metric(alert.metric), day=day(alert.onset_date)
        ),
        chart_key=chart_key,
        chart_ref=chart_ref,
        update_ref=update_ref,
        is_retry=is_retry,
    )
