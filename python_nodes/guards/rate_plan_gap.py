"""A rate plan that was on sale is gone: guests who want its terms, or its price, find nothing."""

from __future__ import annotations

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.missing_content import Gone, gone_of, missing_finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "rate_plan_gap"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose latest snapshot lacks rate plans of earlier ones."""
    return [
        missing_finding(inputs, one, kind=NAME, cause="rate_plan_gap", share_lost=_lost(one, settings))
        for one in gone_of(inputs, "rate_plan", settings)
    ]


def _lost(one: Gone, settings: GuardSettings) -> float:
    """Many guests take another plan, if one is left."""
    if not one.left_count:
        return 1.0
    return settings.rate_plan_loss_share * len(one.names) / (len(one.names) + one.left_count)
