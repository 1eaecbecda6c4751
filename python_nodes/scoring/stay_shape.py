"""How long guests stay, listing by listing."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.metrics import FloatArray, IntArray


def stay_shares(
    listing_row: IntArray, stay_nights: IntArray, n_listings: int, longest_nights: int, pool_bookings: float = 20.0
) -> FloatArray:
    """Return which share of bookings stays how many nights.

    Parameters
    ----------
    listing_row, stay_nights : ndarray of int, shape (n_bookings,)
        One entry a past booking.
    n_listings, longest_nights : int
    pool_bookings : float
        How many bookings the shape over all listings weighs against a listing's own.

    Returns
    -------
    ndarray, shape (n_listings, longest_nights)
        Column ``i`` is ``i + 1`` nights, the last that or more; a row sums to 1. Without a booking all stay one night.
    """
    usable = (stay_nights > 0) & (listing_row >= 0) & (listing_row < n_listings)
    counts = np.zeros((n_listings, longest_nights))
    np.add.at(counts, (listing_row[usable], np.minimum(stay_nights[usable], longest_nights) - 1), 1.0)
    total = counts.sum()
    pool = counts.sum(axis=0) / total if total else np.eye(1, longest_nights)[0]
    return np.asarray((counts + pool_bookings * pool) / (counts.sum(axis=1, keepdims=True) + pool_bookings))
