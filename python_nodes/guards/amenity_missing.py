"""An amenity that the listing's page showed is gone from it: searches that ask for it no longer find the listing."""

from __future__ import annotations

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.missing_content import gone_of, missing_finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "amenity_missing"
STEPS = 2
"""Searches that ask for it, and guests who look for it on the page."""


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose latest snapshot lacks amenities of earlier ones."""
    return [
        missing_finding(
            inputs, one, kind=NAME, cause="amenity_missing",
            share_lost=1.0 - (1.0 - settings.amenity_loss_share) ** (STEPS * len(one.names)),
        )
        for one in gone_of(inputs, "amenity", settings)
    ]  # fmt: skip
