"""The low and the high end of what each finding loses, and of what several lose together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from python_nodes.alerts import interval
from python_nodes.alerts.impact_settings import ImpactSettings
from python_nodes.domain.findings import SHARE_SD, SHARE_SO_FAR, Anomaly, Impact
from python_nodes.domain.inputs import Economics


def with_ends(
    costs: Sequence[Impact], anomalies: Sequence[Anomaly], rows: Sequence[int], economics: Economics,
    settings: ImpactSettings,
) -> list[Impact]:  # fmt: skip
    """Add the ends of what is lost, a day and so far, of all at once."""
    worth = economics.worth_sd
    known = np.full(len(rows), settings.worth_sd) if worth is None else worth[list(rows)]
    share = np.array([one.share_lost for one in anomalies])
    so_far = np.array([float(one.evidence.get(SHARE_SO_FAR, one.share_lost)) for one in anomalies])
    share_sd = np.array([_share_sd(one, settings) for one in anomalies])
    # A guard knows since when; of what a watch found the first day is an estimate.
    is_watched = np.array([one.p_value is not None for one in anomalies])
    onset_sd = np.where(is_watched, settings.onset_days, 0.0) / np.array([one.parts["days_so_far"] for one in costs])
    a_day = interval.ends(known, share, share_sd)
    in_all = interval.ends(np.hypot(known, onset_sd), so_far, share_sd)
    return [
        replace(one, parts=one.parts | {
            "worth_sd": round(float(known[at]), 4), "share_lost_sd": round(float(share_sd[at]), 4),
            "loss_per_day_low_minor": round(one.loss_per_day_minor * float(a_day.low[at]), 2),
            "loss_per_day_high_minor": round(one.loss_per_day_minor * float(a_day.high[at]), 2),
            "loss_per_day_mid_minor": float(one.loss_per_day_minor),
            "lost_so_far_mid_minor": float(one.lost_so_far_minor),
            "lost_so_far_low_minor": round(one.lost_so_far_minor * float(in_all.low[at]), 2),
            "lost_so_far_high_minor": round(one.lost_so_far_minor * float(in_all.high[at]), 2),
        })
        for at, one in enumerate(costs)
    ]  # fmt: skip


def _share_sd(anomaly: Anomaly, settings: ImpactSettings) -> float:
    """Return how far a share lost may be off: as told, or by its cause's part of the logarithm of what is left."""
    if SHARE_SD in anomaly.evidence:
        return float(anomaly.evidence[SHARE_SD])
    left = min(max(1.0 - anomaly.share_lost, 0.01), 1.0)
    part = settings.share_doubt.get(anomaly.cause, settings.share_doubt["unknown"])
    return -left * math.log(left) * part


def summed(impacts: Sequence[Impact]) -> dict[str, float]:
    """Return the ends of what several findings lose together, under the names that parts have."""
    edges: dict[str, float] = {}
    for name in ("loss_per_day", "lost_so_far"):
        amounts = [float(getattr(one, f"{name}_minor")) for one in impacts]
        edges[f"{name}_mid_minor"] = sum(amounts)
        for end in ("low", "high"):
            key = f"{name}_{end}_minor"
            own = [one.parts.get(key, amount) for one, amount in zip(impacts, amounts, strict=True)]
            edges[key] = round(interval.summed(amounts, own), 2)
    return edges
