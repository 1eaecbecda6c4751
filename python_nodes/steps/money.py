"""What an alert costs, in its evidence: a day, so far, and until it is mended, each with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes.alerts import interval
from python_nodes.alerts.decisions import Decisions
from python_nodes.alerts.impact import ImpactSettings
from python_nodes.domain.findings import LOSS_IS_UNKNOWN
from python_nodes.scoring import repair_time
from python_nodes.scoring.repair_time import Lasted
from python_nodes.store import repairs
from python_nodes.store.repairs import Learnt

MONEY = "money"
"""What the facts are called in an alert's evidence."""
MEMORY_DAYS = 365
READ = ("cause", "loss_per_day_minor", "lost_so_far_minor", "impact_minor", "parts", "evidence")
"""What is looked at of an alert; an update's fields have these names too."""
Times = Mapping[str, Learnt]


def times(conn: Connection, usual_days: Mapping[str, float], as_of: datetime) -> dict[str, Learnt]:
    """Return the days to resolution by cause, learnt once a day from the alerts of a year."""
    known = repairs.times(conn, as_of.date())
    if not known:
        past: dict[str, Lasted] = {}
        for one in repairs.lasted(conn, as_of - timedelta(days=MEMORY_DAYS), as_of):
            kept = past.setdefault(one.cause, Lasted())
            days = ((one.ended_at or as_of) - one.raised_at) / timedelta(days=1)
            (kept.open_days if one.ended_at is None else kept.ended_days).append(days)
        known = [
            Learnt(cause=cause, low_days=one.low_days, mid_days=one.mid_days, high_days=one.high_days,
                   learned_from=one.learned_from, still_open=one.still_open)
            for cause, one in repair_time.learn(past, usual_days).items()
        ]  # fmt: skip
        repairs.put_times(conn, as_of.date(), known)
    return {one.cause: one for one in known}


def settings(conn: Connection, usd_rate: float, as_of: datetime) -> ImpactSettings:
    """Return how impact is judged: with the days to resolution that this tenant's past has taught."""
    usual = ImpactSettings(usd_rate=usd_rate)
    learnt = times(conn, usual.days_to_resolution, as_of)
    return replace(usual, days_to_resolution={cause: one.mid_days for cause, one in learnt.items()})


def attached(conn: Connection, decisions: Decisions, as_of: datetime) -> Decisions:
    """Add to what is raised or updated what it costs; what costs nothing that is known has no such entry."""
    learnt = times(conn, ImpactSettings().days_to_resolution, as_of)
    raised = [told({name: getattr(one, name) for name in READ}, learnt) for one in decisions.insert]
    return replace(
        decisions,
        insert=tuple(replace(one, evidence=known) for one, known in zip(decisions.insert, raised, strict=True)),
        update=tuple(
            replace(one, fields={**one.fields, "evidence": told(one.fields, learnt)}) for one in decisions.update
        ),
    )


def told(fields: Mapping[str, Any], learnt: Times) -> dict[str, Any]:
    """Return an alert's evidence with its money; the middles are the alert's own amounts."""
    evidence, parts = dict(fields["evidence"]), fields["parts"]
    if fields["loss_per_day_minor"] <= 0 or LOSS_IS_UNKNOWN in evidence or "loss_per_day_low_minor" not in parts:
        evidence.pop(MONEY, None)
        return evidence
    lasting, days = learnt.get(fields["cause"]) or learnt["unknown"], float(parts["days_to_resolution"])
    a_day = _ratios(parts, "loss_per_day")
    until = (lasting.low_days / lasting.mid_days, lasting.high_days / lasting.mid_days)
    low, high = interval.product(fields["impact_minor"], a_day, until)
    evidence[MONEY] = {
        "loss_per_day_minor": _range(fields["loss_per_day_minor"], *a_day),
        "lost_so_far_minor": _range(fields["lost_so_far_minor"], *_ratios(parts, "lost_so_far")),
        "days_to_resolution": {
            "low": round(days * until[0], 2), "mid": round(days, 2), "high": round(days * until[1], 2),
            "learned_from": lasting.learned_from,
        },
        "impact_minor": {"low": round(low), "mid": fields["impact_minor"], "high": round(high)},
    }  # fmt: skip
    return evidence


def _ratios(parts: Mapping[str, float], name: str) -> tuple[float, float]:
    """Return low and high as multiples of the middle, as they were when the finding was priced."""
    low, middle, high = (float(parts[f"{name}_{end}_minor"]) for end in ("low", "mid", "high"))
    return (low / middle, high / middle) if middle > 0 else (1.0, 1.0)


def _range(mid: int, low: float, high: float) -> dict[str, int]:
    return {"low": round(mid * low), "mid": mid, "high": round(mid * high)}
