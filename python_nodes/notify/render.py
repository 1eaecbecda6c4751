"""Word an alert for people: plain text in fields; the senders escape and lay it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args

from babel.dates import format_date
from babel.numbers import format_currency, get_currency_precision

from python_nodes.domain.findings import Alert, Category
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.notify.base import Choice, Field, Link, Message, MessageState

LOCALE = "en_GB"
MAX_EVIDENCE = 8
MAX_ITEMS = 5

_SHOWN_ELSEWHERE = frozenset(
    {
        "days_to_resolution",
        "listing_ids",
        "listing_titles",
        "p_value",
        "lower",
        "upper",
        "currency",
        "chart",
        "confidence",
        "members",
        "told_listing_ids",
        "unit_id",
        "spread",
        "peers",
        "peers_moved",
        "outlook",
        "pace",
        "change_facts",
    }
)
_PERSONAL = ("guest", "email", "phone")
_SHARES = frozenset({"share_lost", "confidence", "conversion_rate", "click_through_rate", "occupancy"})
_CAUSES = {
    "calendar_empty": "No open nights are loaded for the coming months",
    "fee_missing": "A fee that stood on the listing is gone",
    "min_stay_raised": "The minimum stay went up",
    "currency_switched": "Prices are shown in another currency",
    "review_drop": "The review score fell",
    "amenity_missing": "An amenity that stood on the listing is gone",
    "rate_plan_gap": "A rate plan that was sold is gone",
    "feed_duplicate": "The channel tells figures more than once",
    "poll_failing": "The channel cannot be polled",
    "market_demand": "Fewer people look for this market: nobody's fault",
    "market_shift": "Guests of the whole market choose differently",
    "channel_fault": "Something is wrong on the whole channel, not on this listing",
    "calendar_closed": "The calendar is closed on the channel while the operator's own calendar is open",
    "rate_missing": "Open nights show no price",
    "price_error": "The price is outside its floor, or far from its trailing median",
    "listing_down": "The channel has suspended the listing",
    "feed_stale": "The channel's figures have stopped coming",
    "metric_missing": "One figure of the listing stopped coming while its others come",
    "metric_flat": "One figure of the listing stands still while its others move",
    "conversion_drop": "People see the listing but fewer of them book",
    "ctr_drop": "The listing is shown but fewer people open it",
    "rank_drop": "The listing stands further down in the search results",
    "competitor_undercut": "Comparable places have become cheaper",
    "slow_decline": "The listing has been losing ground for weeks, a little every day",
    "unknown": "Not known yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What people may answer and have answered: see the same fields of ``Message``."""

    choices: tuple[Choice, ...] = ()
    people: tuple[str, ...] = ()
    note: str = ""


def money(amount_minor: int | float, currency: str) -> str:
    """Write minor units as people do; whole units from a hundred up, since cents there are false precision."""
    precision = get_currency_precision(currency)
    amount = Decimal(str(amount_minor)).scaleb(-precision)
    if abs(amount) >= 100:
        return str(
            format_currency(
                amount.to_integral_value(),
                currency,
                "¤#,##0",
                LOCALE,
                currency_digits=False,
            )
        )
    return str(format_currency(amount, currency, locale=LOCALE))


def day(value: date) -> str:
    """Write a day without a chance of reading the month as the day."""
    return str(format_date(value, "d MMM y", locale=LOCALE))


def cause(word: str) -> str:
    """Spell out one of the glossary's cause words."""
    return _CAUSES.get(word, word.replace("_", " ").capitalize())


def fact(name: str, value: Any, currency: str) -> str:
    """Write one item of evidence as ``Name: value``, its unit taken from the name's suffix."""
    label = name.removesuffix("_minor").removesuffix("_date").removesuffix("_at").replace("_", " ").capitalize()
    return f"{label}: {_value(name, value, currency)}"


def _value(name: str, value: Any, currency: str) -> str:  # one line a type, in the order of how special it is
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(str(key), item, currency)}" for key, item in list(value.items())[:MAX_ITEMS])
    if isinstance(value, (list, tuple)):
        shown = ", ".join(_value(name, item, currency) for item in value[:MAX_ITEMS])
        return shown if len(value) <= MAX_ITEMS else f"{shown} and {len(value) - MAX_ITEMS} more"
    if isinstance(value, (int, float)):
        return _number(name, value, currency)
    return _text(value)


def _number(name: str, value: int | float, currency: str) -> str:
    if name.endswith("_minor"):
        return money(value, currency)
    if name in _SHARES or name.endswith(("_share", "_rate")):
        return f"{value:.1%}".replace(".0%", "%")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _text(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return day(moment) if len(str(value)) == len("2026-03-14") else f"{day(moment)}, {moment:%H:%M} UTC"


def evidence(alert: Alert) -> tuple[str, ...]:
    """Choose and write the facts; anything named after a guest stays out, whoever put it in."""
    names = [
        name
        for name in alert.evidence
        if name not in _SHOWN_ELSEWHERE and not any(word in name.lower() for word in _PERSONAL)
    ]
    # What a guard saw is in the listing's money; what it costs is in the tenant's.
    currency = str(alert.evidence.get("currency") or alert.currency)
    return tuple(fact(name, alert.evidence[name], currency) for name in names[:MAX_EVIDENCE])


def fields(alert: Alert, listing: ListingInfo | None) -> tuple[Field, ...]:
    """What it costs first, then why, since when and where."""
    days = alert.evidence.get("days_to_resolution")
    until = f" over {days:.1f} more days" if isinstance(days, (int, float)) else ""
    where = listing.title if listing is not None and alert.scope == "listing" else _members(alert)
    expected = f"{money(alert.impact_minor, alert.currency)}{until}"
    rows = [
        Field(label="Money lost per day", value=money(alert.loss_per_day_minor, alert.currency)),
        *_revenue(alert),
        Field(label="Lost so far", value=money(alert.lost_so_far_minor, alert.currency)),
    ]
    if alert.resolved_at is None:
        rows += [Field(label="Expected loss until resolved", value=expected), *_ahead(alert)]
    else:
        rows.append(Field(label="Resolved", value=f"{alert.resolved_at:%d %b %Y, %H:%M} UTC"))
    rows += [
        Field(label="Cause", value=cause(alert.cause)),
        Field(label="Since", value=day(alert.onset_date)),
        Field(label="Listing" if alert.scope == "listing" else "Listings", value=where),
    ]
    market = alert.market or (listing.market if listing is not None else None)
    if market:
        named = market.replace("_", " ").title() if market.islower() else market
        rows.append(Field(label="Market", value=named))
    rows.append(Field(label="Score", value=f"{alert.score:.0f} of 100 ({_why(alert)}){_parts(alert)}"))
    sure = alert.parts.get("confidence")
    if sure is not None:
        # 99.99 % must not read as certainty.
        rows.append(Field(label="Confidence", value=f"{min(sure, 0.999) if sure < 1 else 1:.1%}".replace(".0%", "%")))
    return tuple(rows)


def _ahead(alert: Alert) -> list[Field]:
    """Say what the next days will lose at this pace, by which model; and how the books stand."""
    rows, outlook, pace = [], alert.evidence.get("outlook"), alert.evidence.get("pace")
    if isinstance(outlook, Mapping):
        lost, whole = (money(outlook[name], alert.currency) for name in ("lost_minor", "expected_minor"))
        before = day(date.fromisoformat(outlook["from_date"]))
        text = (f"At this pace the next {outlook['days']} days lose {lost} of {whole} expected"
                f" ({outlook['model']}, by what was known before {before})")  # fmt: skip
        rows.append(Field(label="If it goes on", value=text))
    behind = [
        f"{_nights(nights, pace.get(f'behind_{than}_minor') or 0, alert.currency)} {words}"
        for than, words in (("last_year", "last year"), ("market", "the market's pace"))
        if isinstance(pace, Mapping) and (nights := pace.get(f"behind_{than}_nights")) is not None
    ]
    if isinstance(pace, Mapping) and behind:
        rows.append(Field(label="On the books", value=f"The next {pace['days']} days: {', '.join(behind)}"))
    return rows


def _nights(behind: float, worth_minor: int, currency: str) -> str:
    # Fewer nights can be worth more: then the sum would contradict the word that follows it.
    worth = f" ({money(abs(worth_minor), currency)})" if behind * worth_minor > 0 else ""
    return f"{abs(behind):,.0f} night{'s' * (round(abs(behind)) != 1)}{worth} {'behind' if behind > 0 else 'ahead of'}"


def _members(alert: Alert) -> str:
    """Name the listings of a wide alert, the first few in full."""
    titles = [str(title) for title in alert.evidence.get("listing_titles", ())]
    if not titles:
        return f"All listings of the {alert.scope}"
    more = f" and {len(titles) - MAX_ITEMS} more" if len(titles) > MAX_ITEMS else ""
    return f"{', '.join(titles[:MAX_ITEMS])}{more}"


def _revenue(alert: Alert) -> list[Field]:
    """Tell what a day brings usually and now, where the score kept it."""
    usual, now = (alert.parts.get(name) for name in ("baseline_per_day_minor", "current_per_day_minor"))
    if usual is None or now is None:
        return []
    told = f"{money(usual, alert.currency)} usual, {money(now, alert.currency)} now"
    return [Field(label="Revenue a day", value=told)]


def _why(alert: Alert) -> str:
    """Say whether the score or a rule made the category what it is."""
    order: tuple[Category, ...] = get_args(Category)[::-1]
    marks = {name: alert.parts.get(f"category_by_{name}") for name in ("score", "rule")}
    told = [f"{order[int(mark)]} by {name}" for name, mark in marks.items() if mark is not None]
    return f"{alert.category}: {', '.join(told)}" if told else alert.category


def _parts(alert: Alert) -> str:
    """Say what the score is made of."""
    words = {"loss_rate": "loss a day", "trend": "trend", "market": "season", "priority": "priority"}
    told = [f"{word} {alert.parts[f'{name}_points']:.0f}" for name, word in words.items()
            if f"{name}_points" in alert.parts]  # fmt: skip
    return f": {', '.join(told)}" if told else ""


def summary(alert: Alert, as_of: datetime) -> str:
    """One line for previews: what is at stake, or what it came to."""
    per_day = money(alert.loss_per_day_minor, alert.currency)
    so_far = money(alert.lost_so_far_minor, alert.currency)
    if alert.resolved_at is not None:
        return f"Resolved on {day(alert.resolved_at.date())}. It cost about {so_far}."
    running = max((as_of.date() - alert.onset_date).days + 1, 1)
    return f"About {per_day} a day, {so_far} so far, day {running} of it."


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
) -> Message:
    """Word one delivery of an alert; ``delivery_id`` names it over all attempts."""
    state: MessageState = "raised" if update_ref is None else "updated"
    if alert.resolved_at is not None:
        state = "resolved"
    return Message(
        delivery_id=delivery_id,
        alert_id=alert.alert_id,
        recipient=recipient,
        state=state,
        category=alert.category,
        title=f"Resolved: {alert.title}" if state == "resolved" else alert.title,
        summary=summary(alert, as_of),
        fields=(*fields(alert, listing), *more),
        evidence=evidence(alert),
        links=tuple(links),
        choices=answers.choices if answers and state != "resolved" else (),
        people=answers.people if answers else (),
        note=answers.note if answers and update_ref is not None else "",
        in_words=in_words,
        chart_png=chart_png,
        chart_alt=f"Chart of {alert.metric.replace('_', ' ')} since before {day(alert.onset_date)}",
        update_ref=update_ref,
        is_retry=is_retry,
    )
