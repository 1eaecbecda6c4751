"""We no longer hear of a listing: what we do not see we must not call well."""

from __future__ import annotations

from datetime import UTC, timedelta

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "feed_stale"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose last poll or last performance day is too old.

    A feed that never told of a listing is one not set up yet, not a stale one.
    """
    now = np.datetime64(inputs.as_of.astimezone(UTC).replace(tzinfo=None), "s")
    today = np.datetime64(inputs.as_of_day, "D")
    polled = inputs.ari.observed_at.astype("datetime64[s]")
    silent_s = np.where(np.isnat(polled), 0, (now - polled).astype(np.int64))
    told = inputs.last_performance_day.astype("datetime64[D]")
    behind_days = np.where(np.isnat(told), 0, (today - told).astype(np.int64))
    ari_stale = silent_s > settings.ari_stale_hours * 3600
    report_stale = behind_days > settings.performance_stale_days
    found = []
    for row in np.flatnonzero(ari_stale | report_stale).tolist():
        days = max(int(silent_s[row]) // 86400 if ari_stale[row] else 0, int(behind_days[row]) - 1)
        evidence = {
            "availability_stale": bool(ari_stale[row]), "performance_stale": bool(report_stale[row]),
            "last_poll_at": None if np.isnat(polled[row]) else f"{polled[row]}Z",
            "last_performance_date": None if np.isnat(told[row]) else str(told[row]),
        }  # fmt: skip
        found.append(
            Anomaly(
                listing_id=inputs.listings[row].listing_id,
                kind=NAME,
                metric="availability" if ari_stale[row] else "search_impressions",
                onset_date=inputs.as_of_day - timedelta(days=max(days, 0)),
                observed=None,
                expected=None,
                lower=None,
                upper=None,
                p_value=None,
                share_lost=0.0,
                confidence=1.0,
                cause="feed_stale",
                evidence=evidence,
            )
        )
    return found
