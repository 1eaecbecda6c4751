"""An alert in two sentences: what is wrong and what to do first; by OpenAI, or by a template that needs nobody.

What is sent holds words of our own vocabulary, numbers and days. Titles, names and free text never leave the house,
whoever put them into the evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import marked, say

MAX_OUTPUT_TOKENS = 200
RESERVED_TOKENS = 1_000
"""What a call may cost at most, prompt and answer: set aside before it is made."""

MAX_SENTENCE, MAX_FACTS = 240, 8
INSTRUCTIONS = (
    "You write for the revenue manager of holiday rentals and hotels. The input is a JSON object of facts on one "
    "alert. Answer with two short, plain English sentences: `what` says what is wrong and what it costs, `next_step` "
    "says what to check or do first. Use only the facts given. Invent no number, name, place or cause. No links."
)
_OWN_WORD = re.compile(r"[a-z][a-z0-9_]{0,40}")
_PERSONAL = ("guest", "email", "phone", "name", "title", "user", "owner")
_UNWANTED = re.compile(r"https?:|www\.|@|<|>|\[|\]")
_WHAT = {
    "calendar_closed": marked(
        "Guests cannot book: the calendar is closed on {channel} although the operator has it open"
    ),
    "calendar_empty": marked("The months to come cannot be booked on {channel}"),
    "rate_missing": marked("Guests cannot book open nights on {channel}, because they show no price"),
    "price_error": marked("Prices on {channel} are far from what these nights usually cost"),
    "fee_missing": marked("A fee is no longer charged on {channel}"),
    "min_stay_raised": marked("Short stays can no longer be booked on {channel}"),
    "currency_switched": marked("Prices on {channel} are shown in another currency than before"),
    "parity": marked("The same unit is sold on other terms on {channel} than elsewhere"),
    "amenity_missing": marked("{channel} no longer shows an amenity that guests search for"),
    "rate_plan_gap": marked("A rate plan is missing on {channel}"),
    "review_drop": marked("Reviews on {channel} have become worse"),
    "listing_down": marked("The listing cannot be found or booked on {channel}"),
    "feed_stale": marked("No fresh figures come from {channel}, so nothing can be said of this listing's bookings"),
    "feed_duplicate": marked(
        "{channel} sends the same figures again, so nothing can be said of this listing's bookings"
    ),
    "metric_missing": marked("{channel} no longer tells one of this listing's figures, so part of it is unwatched"),
    "metric_flat": marked("{channel} tells the same figure of this listing every day, so part of it is unwatched"),
    "access_ending": marked("Our access to {channel} ends soon or is refused already, and then nobody watches it"),
    "poll_failing": marked("{channel} has not answered for some time, so what we know of it is old"),
    "conversion_drop": marked("People look at the listing on {channel} as before, but fewer of them book"),
    "ctr_drop": marked("The listing is shown on {channel} as before, but fewer people open it"),
    "rank_drop": marked("The listing stands further down in {channel}'s search results, so fewer people see it"),
    "competitor_undercut": marked(
        "Comparable places have become cheaper on {channel}, and fewer people book this listing"
    ),
    "slow_decline": marked("The listing has been losing ground on {channel} for weeks, a little every day"),
    "market_demand": marked("Demand has fallen all over the market, not only for this listing"),
    "market_shift": marked("All over the market guests choose differently, not only at this listing"),
    "unknown": marked("Fewer people see or book the listing on {channel} than before, for a reason not known yet"),
    "pace_behind": marked("The coming weeks on {channel} sell slower than their time of year and the market"),
    "priced_low": marked("Comparable places ask for more on {channel} while more people look for this one"),
    "channel_fault": marked("All listings on {channel} fell together, so the fault is the channel's"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings:
    """Where to ask, with which model, how long to wait, and what a month may cost."""

    api_key: str = field(repr=False)
    base_url: str
    model: str
    timeout_s: float
    monthly_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is told of an alert: own words, numbers and days."""

    kind: str
    cause: str
    metric: str
    scope: str
    category: str
    channel: str
    market: str
    since: str
    currency: str
    loss_per_day: float
    lost_so_far: float
    evidence: dict[str, float | bool | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """The two sentences, '' where none came; ``tokens`` is what they cost, ``reason`` why it went as it did."""

    text: str
    tokens: int
    reason: str


class InWords(BaseModel):
    """The structure that the model must fill."""

    what: str = Field(description="One sentence: what is wrong and what it costs.")
    next_step: str = Field(description="One sentence: what to check or do first.")


def facts(alert: Alert, listing: ListingInfo | None) -> Facts:
    """Take from an alert what may be told."""
    whole = 10 ** currency_digits(alert.currency)
    return Facts(
        kind=_own(alert.kind), cause=_own(alert.cause), metric=_own(alert.metric), scope=_own(alert.scope),
        category=alert.category, channel=_own(listing.channel) if listing else "several channels",
        market=_own(alert.market or (listing.market if listing else "")), since=alert.onset_date.isoformat(),
        currency=alert.currency, loss_per_day=alert.loss_per_day_minor / whole,
        lost_so_far=alert.lost_so_far_minor / whole, evidence=_evidence(alert.evidence),
    )  # fmt: skip


def _own(word: str) -> str:
    return word if _OWN_WORD.fullmatch(word) else ""


def _evidence(told: Mapping[str, Any]) -> dict[str, float | bool | str]:
    kept: dict[str, float | bool | str] = {}
    for name, value in told.items():
        if not _OWN_WORD.fullmatch(name) or any(word in name for word in _PERSONAL) or len(kept) >= MAX_FACTS:
            continue
        if isinstance(value, bool | int | float) or (isinstance(value, str) and _is_day(value)):
            kept[name] = value
    return kept


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def template(told: Facts, advice: str) -> str:
    """Write the two sentences without anybody's help; ``advice`` is the house's own on this cause."""
    is_several = " " in told.channel
    channel = told.channel.replace("_", " ").title().replace(" Com", ".com")
    channel = say("several channels") if is_several else channel or say("the channel")
    if told.cause in _WHAT:
        what = say(_WHAT[told.cause], channel=channel)
    else:
        what = say("{kind} was found on {channel}", kind=told.kind.replace("_", " "), channel=channel)
    # One sentence: the whole advice stands in the message anyway.
    first = say(advice).split(". ", maxsplit=1)[0].rstrip(".")
    sentence = f"{what[0].upper()}{what[1:]}"
    if told.loss_per_day < 1:
        return say("{what}. {first}.", what=sentence, first=first)
    loss = f"{told.currency} {written.number(round(told.loss_per_day))}"
    return say("{what}, which costs about {loss} a day. {first}.", what=sentence, loss=loss, first=first)


def prepare() -> None:
    """Load all that the first question takes; nothing is sent."""
    from openai import OpenAI

    with OpenAI(api_key="-") as client:
        _ = client.responses


def ask(told: Facts, settings: OpenAISettings) -> Insight:
    """Ask OpenAI once; whatever fails gives no text and says why, for the template to stand in."""
    # Imported where it is used: it takes longer to import than all of our own code, and most have no key.
    from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI, OpenAIError

    try:
        with OpenAI(
            api_key=settings.api_key, base_url=settings.base_url, timeout=settings.timeout_s, max_retries=0
        ) as client:
            answer = client.responses.parse(
                model=settings.model, instructions=INSTRUCTIONS, input=json.dumps(asdict(told)), text_format=InWords,
                max_output_tokens=MAX_OUTPUT_TOKENS, store=False,
            )  # fmt: skip
    except APITimeoutError:
        # Nobody knows whether it was counted there, so it counts here.
        return Insight(text="", tokens=RESERVED_TOKENS, reason="OpenAI did not answer in time")
    except (APIStatusError, APIConnectionError) as error:
        return Insight(text="", tokens=0, reason=f"OpenAI failed: {type(error).__name__}")
    except (OpenAIError, ValueError, AttributeError) as error:
        # The library hands an HTML page on as text, and fails on it as on an object.
        reason = f"OpenAI's answer cannot be read: {type(error).__name__}"
        return Insight(text="", tokens=RESERVED_TOKENS, reason=reason)
    tokens = answer.usage.total_tokens if answer.usage else RESERVED_TOKENS
    if answer.output_parsed is None:
        return Insight(text="", tokens=tokens, reason="OpenAI gave no answer")
    text = _checked(answer.output_parsed)
    return Insight(text=text, tokens=tokens, reason="by OpenAI" if text else "OpenAI's answer is unfit to be shown")


def _checked(said: InWords) -> str:
    sentences = [" ".join(part.split()) for part in (said.what, said.next_step)]
    if any(not one or len(one) > MAX_SENTENCE or _UNWANTED.search(one) for one in sentences):
        return ""
    return " ".join(one if one.endswith((".", "!", "?")) else f"{one}." for one in sentences)
