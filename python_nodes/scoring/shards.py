"""Which listings of a large portfolio are judged together, and so can be judged by different processes.

A watch learns from all series that it looks at: the shape of the week, holidays, how far counts spread, markets,
channels, peers, the budget of false alerts. A portfolio of more than so many listings is judged in shards, each as a
portfolio of its own. The rule depends on the portfolio alone, so one process and forty find the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from python_nodes.domain.portfolio import ListingInfo


def plan(listings: Sequence[ListingInfo], most: int) -> list[list[ListingInfo]]:
    """Part a portfolio.

    Parameters
    ----------
    listings : sequence of ListingInfo
    most : int
        Of how many listings a shard may be; a property of more is a shard of its own.

    Returns
    -------
    list of list of ListingInfo
        All together where they are no more than ``most``, none where there are none. Else markets in order of their
        names, whole where they fit; a larger one is cut into about equal parts. A property is never cut. Each in the
        order given.
    """
    if len(listings) <= most:
        return [list(listings)] if listings else []
    place = {one.listing_id: at for at, one in enumerate(listings)}
    shards: list[list[ListingInfo]] = []
    for piece in _pieces(listings, most):
        if shards and len(shards[-1]) + len(piece) <= most:
            shards[-1].extend(piece)
        else:
            shards.append(piece)
    return [sorted(one, key=lambda listing: place[listing.listing_id]) for one in shards]


def share(most_valuable: int, part: int, whole: int) -> int:
    """Return how many of a shard's listings are among the most valuable that are looked at closely."""
    return -(-most_valuable * part // max(whole, 1))


def _pieces(listings: Sequence[ListingInfo], most: int) -> list[list[ListingInfo]]:
    """Return markets in order of their names, in parts where they are too large."""
    ordered = sorted(listings, key=lambda one: (one.market, one.property_id, one.listing_id))
    pieces = []
    for _, market in groupby(ordered, key=lambda one: one.market):
        properties = [list(one) for _, one in groupby(market, key=lambda one: one.property_id)]
        size = sum(map(len, properties))
        pieces += _parts(properties, size / -(-size // most), most)
    return pieces


def _parts(properties: Sequence[list[ListingInfo]], aim: float, most: int) -> list[list[ListingInfo]]:
    """Put properties together to about ``aim`` listings, and never over ``most``."""
    parts: list[list[ListingInfo]] = [[]]
    for one in properties:
        if parts[-1] and (len(parts[-1]) >= aim or len(parts[-1]) + len(one) > most):
            parts.append([])
        parts[-1].extend(one)
    return parts
