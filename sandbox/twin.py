"""The true loss: what the twin world without an incident would have booked, at true rates, minus this one."""

from __future__ import annotations

import numpy as np

from sandbox.calendar import FloatArray, IntArray, eur_cents_per_minor, fitted
from sandbox.demand import ELASTICITY_BELOW, Funnel, cancel_rate
from sandbox.incidents import Incident
from sandbox.portfolio import Portfolio
from sandbox.reservations import stay_acceptance, stay_totals, wrong_prices


def booking_value(
    portfolio: Portfolio,
    listing: int,
    day: int,
    price: IntArray,
    item: Incident | None,
    history_days: int,
) -> float:
    """Expected kept revenue (minor units) of one booking made on ``day``, over the fitted leads and stays.

    With ``item`` it counts what guests whom the incident turns away do not pay, and the wrong price others do.
    """
    part = fitted()["profiles"][portfolio.market(listing).profile]
    quantiles = np.array(part["lead_time_quantiles_days"])
    middle = np.interp(np.arange(500) / 500 + 0.001, np.linspace(0, 1, len(quantiles)), quantiles)
    lead, share = np.floor(middle).astype(np.int64), np.array(part["nights_share"])
    share = share / share.sum()
    checkin, nights = np.meshgrid(day + lead, np.arange(1, len(share) + 1), indexing="ij")
    weight = (1 - cancel_rate(part, lead))[:, None] * share[None, :] / len(lead)
    one = np.zeros(checkin.shape, dtype=np.int64)
    if item is None:
        return float((weight * stay_totals(price[listing][None], one, checkin, nights)).sum())
    shown = wrong_prices(item, price[listing], history_days) if item.kind == "price_error" else price[listing]
    accepted = stay_acceptance(item, price[listing], checkin, nights, history_days)
    return float((weight * accepted * stay_totals(shown[None], one, checkin, nights)).sum())


def _conversion_with(item: Incident) -> float:
    if item.kind == "conversion_drop":
        return 1 - item.severity
    if item.kind == "price_error":
        return float(max(1.0, item.factor**-ELASTICITY_BELOW))
    return 1.0


def true_loss_minor(
    item: Incident,
    portfolio: Portfolio,
    funnel: Funnel,
    price: IntArray,
    history_days: int,
    holiday: list[int],
) -> int:
    """Loss in EUR cents by booking date from the incident's start to its end, before commission.

    Expected booking revenue without minus with, less expected cancellations; the means of the demand, not its noise.
    """
    loss = 0.0
    for listing in item.listings:
        cents = eur_cents_per_minor(portfolio.market(listing).currency)
        bookings: FloatArray = funnel.mean_impressions[listing] * portfolio.ctr[listing] * portfolio.conversion[listing]
        for live_day in range(item.first_day, item.last_day + 1):
            if item.kind == "public_holiday" and live_day not in holiday:
                continue
            day = history_days + live_day
            usual = booking_value(portfolio, listing, day, price, None, history_days)
            if item.kind == "listing_down":
                left = 0.0
            elif item.kind == "public_holiday":
                left = usual * (1 - item.severity)
            else:
                left = booking_value(portfolio, listing, day, price, item, history_days) * _conversion_with(item)
            loss += float(bookings[day]) * (usual - left) * cents
    return round(loss)
