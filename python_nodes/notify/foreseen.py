"""Word what is only foreseen: what will come, beside what was wanted or could be asked, instead of what is lost."""

from __future__ import annotations

from typing import Any

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.notify.base import Field

GAIN = "gain_per_day_minor"


def summary(alert: Alert) -> str:
    """Say in one line what will come, and how probable it is."""
    told, currency = alert.evidence, alert.currency
    if GAIN in told:
        gain = written.money(told[GAIN]["mid"], currency)
        return say("A price nearer its peers' would bring about {gain} more a day.", gain=gain)
    stake, sure = written.money(told["at_stake_minor"], currency), written.share(told["probability"], 0)
    return say("About {stake} will be missing, with {sure} probability.", stake=stake, sure=sure)


def fields(alert: Alert) -> list[Field]:
    """Say what is foreseen, with its band."""
    told, currency = alert.evidence, alert.currency

    def money(amount: Any) -> str:
        return written.money(amount, currency)

    if "month" in told:
        low, high = (money(one) for one in told["between_minor"])
        rows = [
            (say("Month"), str(told["month"])),
            (say("Will bring"), say("{money} ({low} to {high} in four of five cases)",
                                    money=money(told["will_bring_minor"]), low=low, high=high)),
            (say("Last year"), money(told["last_year_minor"])) if "last_year_minor" in told
            else (say("Target"), money(told["target_minor"])),
            (say("On the books"), money(told["on_the_books_minor"])),
        ]  # fmt: skip
    elif GAIN in told:
        own, peers = (f"{written.number(told[name])} {told['price_currency']}" for name in ("price", "peers_price"))
        low, mid, high = (money(told[GAIN][name]) for name in ("low", "mid", "high"))
        rows = [
            (say("Price a night"), say("{own}, comparable places {peers}", own=own, peers=peers)),
            (say("Demand"), say("{change} on the weeks before", change=written.change(told["demand_rise_share"]))),
            (say("To gain a day"), say("{mid} ({low} to {high})", mid=mid, low=low, high=high)),
        ]
    else:
        low, high = (written.number(one) for one in told["between_nights"])
        rows = [
            (say("The next nights"), written.number(told["nights_ahead"])),
            (say("Will sell"), say("{nights} nights ({low} to {high} in four of five cases), {booked} booked by now",
                                   nights=written.number(told["will_sell_nights"]), low=low, high=high,
                                   booked=written.number(told["booked_nights"]))),
            (say("Usual"), say("{nights} nights", nights=written.number(told["usual_nights"]))),
        ]  # fmt: skip
    return [Field(label=label, value=value) for label, value in rows]
