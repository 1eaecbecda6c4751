"""Public holidays of each listing's country and subdivision, from the `holidays` library."""

from __future__ import annotations

from collections.abc import Sequence

import holidays
import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.portfolio import ListingInfo


def holiday_matrix(listings: Sequence[ListingInfo], days: DayArray) -> BoolArray:
    """Return where a public holiday falls.

    Parameters
    ----------
    listings : sequence of ListingInfo
    days : ndarray of datetime64[D], shape (n_days,)

    Returns
    -------
    ndarray of bool, shape (n_listings, n_days)
        All False for a country the library does not know.
    """
    whole = days.astype("datetime64[D]")
    years = sorted({int(str(day)[:4]) for day in whole})
    rows: dict[tuple[str, str | None], BoolArray] = {}
    for place in {(listing.country, listing.subdivision) for listing in listings}:
        rows[place] = np.isin(whole, np.array(_dates(place[0], place[1], years), dtype="datetime64[D]"))
    if not listings:
        return np.zeros((0, whole.size), dtype=np.bool_)
    return np.stack([rows[(listing.country, listing.subdivision)] for listing in listings])


def _dates(country: str, subdivision: str | None, years: list[int]) -> list[str]:
    """Return ISO dates; an unknown subdivision falls back to the country, an unknown country to none."""
    for part in (subdivision, None):
        try:
            return [day.isoformat() for day in holidays.country_holidays(country, subdiv=part, years=years)]
        except NotImplementedError:
            # The library's way to say that it does not know the place; a listing there is scored without holidays.
            continue
    return []
