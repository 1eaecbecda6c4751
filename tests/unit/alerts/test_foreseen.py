"""What is only foreseen is low whatever its priority and season, and wakes nobody whatever the routing file says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from python_nodes.alerts import routing_file
from python_nodes.alerts.impact import assess, combine
from python_nodes.alerts.route import route
from python_nodes.domain.findings import FORESEEN
from tests.unit.alerts.test_impact import DROP, LISTING, economics
from tests.unit.alerts.test_route import ABOUT, AS_OF, SENDERS

FILE = """
[teams.ops.recipients]
slack = ["C1"]
sms = ["+351210"]
[[routes]]
name = "all"
teams = ["ops"]
[default]
teams = []
"""


@pytest.mark.parametrize("kind", sorted(FORESEEN))
def test_it_is_low_alone_and_together(kind: str) -> None:
    first = replace(LISTING, priority=1.0)
    found = replace(DROP, kind=kind, share_lost=0.0, p_value=None, cause="pace_behind")
    high_season = replace(economics(), season_index=np.array([4.0]))
    (impact,) = assess([found], high_season, [first], date(2026, 3, 4))
    (other,) = assess([replace(found, kind="demand_drop")], high_season, [first], date(2026, 3, 4))
    assert (impact.category, other.category) == ("low", "medium")
    assert combine([impact, impact, impact]).category == "low"


@pytest.mark.parametrize("kind", sorted(FORESEEN))
def test_it_never_goes_by_sms(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text(FILE)
    policy = routing_file.load(path, SENDERS, {})
    routed = route(replace(ABOUT, kind=kind, category="low"), policy, AS_OF, [])
    assert [one.sender for one in routed.send] == ["slack"]
    (kept,) = routed.suppressed
    assert kept.reason == f"{kind} tells of days to come: never by sms"
