"""What has just arrived, scored by the very rule of the sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, silent, sweep
from python_nodes.scoring.inspect import MOST_VALUABLE
from python_nodes.scoring.watches import Watch


def score_listings(
    watches: Sequence[Watch],
    matrix: MetricMatrix,
    listings: Sequence[ListingInfo],
    observed: Collection[int],
    as_of_day: date,
    unfit: BoolArray | None = None,
    near: peers.Near | None = None,
    most_valuable: int = MOST_VALUABLE,
    changed: Collection[str] | None = None,
) -> list[Anomaly]:
    """Return what is wrong with the observed listings, as the sweep at the same moment would say.

    Parameters
    ----------
    watches : sequence of Watch
    matrix : MetricMatrix
        Of the whole portfolio: a series is judged by what it shares with others (the week's shape, the season, the
        budget of false alerts, its peers), so a series scored by itself would be scored by another rule. What none
        shares, its scan for an alarm, is done of those observed alone, unless they have one.
    listings : sequence of ListingInfo
    observed : collection of int
        Ids of the listings of which something has arrived.
    as_of_day : date
    unfit, near, most_valuable : optional
        See ``sweep.score_all``.
    changed : collection of str, optional
        The only watches that may have an alarm on the observed listings: the others are given what they found nothing
        by. They are looked at first, and the others only where an alarm is to be told. None for all.

    Returns
    -------
    list of Anomaly
        None about any listing that was not observed.
    """
    wanted = set(observed)
    if changed is not None:
        first = [one for one in watches if one.name in changed]
        looked, known = sweep.look_all(first, matrix, listings, None, as_of_day, unfit, near, asked=wanted)
        rows = sweep.rows_of(known, wanted)
        if not any(one.active[rows].any() for one in looked.values()):
            return silent.find(matrix, known, as_of_day, unfit, most_valuable, rows)
    return sweep.score_all(watches, matrix, listings, None, as_of_day, unfit, near, most_valuable, asked=wanted)
