"""What has just arrived, scored by the very rule of the sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, sweep
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

    Returns
    -------
    list of Anomaly
        None about any listing that was not observed.
    """
    return sweep.score_all(
        watches, matrix, listings, None, as_of_day, unfit, near, most_valuable, asked=set(observed)
    )  # fmt: skip
