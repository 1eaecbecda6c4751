"""A night is open on the channel and has no price: nobody can book it."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import demand_of, nights_finding, within
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "no_price"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing with open, unsold nights that show no price.

    A feed that never told any price of a listing, as iCal never does, is no missing rate.
    """
    ari = inputs.ari
    for_sale = ari.known & ari.is_open & (ari.units_left > 0) & within(inputs, settings.horizon_nights)
    priced = np.isfinite(ari.price_minor) & (ari.price_minor > 0)
    ever_priced = np.asarray((priced | np.isfinite(inputs.trailing_price_minor)).any(axis=1))
    missing = for_sale & ~priced & ever_priced[:, None]
    share = demand_of(inputs, missing)
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
            evidence={"open_nights": int(for_sale[row].sum())},
        )
        for row in np.flatnonzero(missing.any(axis=1)).tolist()
    ]
