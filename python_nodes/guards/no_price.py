"""A night is open on the channel and has no price: nobody can book it."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import for_sale, nights_finding, share_for_sale
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "no_price"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing with open, unsold nights that show no price.

    A feed that never told any price of a listing, as iCal never does, is no missing rate.
    """
    price = inputs.ari.price_minor
    offered = for_sale(inputs, settings)
    priced = np.isfinite(price) & (price > 0)
    ever_priced = np.asarray((priced | np.isfinite(inputs.usual.price_minor)).any(axis=1))
    missing = offered & ~priced & ever_priced[:, None]
    share = share_for_sale(inputs, missing.astype(np.float64), settings)
    return [
        nights_finding(
            inputs,
            int(row),
            missing,
            kind=NAME,
            metric="listed_price",
            cause="rate_missing",
            share_lost=float(share[row]),
            observed=None,
            expected=None,
            evidence={"open_nights": int(offered[row].sum())},
        )
        for row in np.flatnonzero(missing.any(axis=1)).tolist()
    ]
