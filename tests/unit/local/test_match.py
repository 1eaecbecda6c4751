from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from python_nodes.errors import ConfigError
from python_nodes.local import match


def incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": "i1", "kind": "listing_down", "scope": "listing", "is_control": False, "listing": "L1",
        "property": "P1", "market": "Porto", "start": "2026-03-03", "end": "2026-03-06", "true_loss_minor": 1,
    } | changes  # fmt: skip


def alert(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1, "scope": "listing", "listing": "L1", "property": "P1", "market": "Porto",
        "raised_at": "2026-03-04T12:00:00+00:00",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "matched"),
    [("2026-03-02", False), ("2026-03-03", True), ("2026-03-09", True), ("2026-03-10", False)],
)
def test_the_window_is_from_the_start_to_three_days_after_the_end(raised: str, matched: bool) -> None:
    assert match.matches(alert(raised_at=f"{raised}T12:00:00+00:00"), incident()) is matched


@pytest.mark.parametrize(
    ("changes", "matched"),
    [
        ({"listing": "L2"}, False),
        ({"scope": "unit", "listing": None}, True),
        ({"scope": "property", "listing": None}, True),
        ({"scope": "property", "listing": None, "property": "P2"}, False),
        ({"scope": "market", "listing": None, "property": None}, False),
    ],
)
def test_a_listings_incident_is_met_on_the_listing_or_its_property(changes: dict[str, Any], matched: bool) -> None:
    assert match.matches(alert(**changes), incident()) is matched


def test_a_propertys_incident_is_met_on_each_of_its_listings_only() -> None:
    whole = incident(scope="property", listing=None, listings=["L1", "L2"])
    assert [match.matches(alert(listing=name), whole) for name in ("L1", "L2", "L3")] == [True, True, False]
    assert match.matches(alert(scope="property", listing=None), whole)


@pytest.mark.parametrize(("unit", "matched"), [("U1", True), ("U2", False)])
def test_an_alert_on_a_unit_is_about_that_unit_not_about_its_neighbour(unit: str, matched: bool) -> None:
    told = alert(scope="unit", listing=None, unit=unit)
    assert match.matches(told, incident(unit="U1")) is matched
    assert match.matches(told, incident(scope="property", listing=None, unit=None)), "its property's, in any case"


def test_a_markets_incident_is_met_on_that_market_only() -> None:
    market = incident(scope="market", listing=None, property=None)
    assert match.matches(alert(scope="market", listing=None, property=None), market)
    assert not match.matches(alert(scope="market", listing=None, property=None, market="Kyoto"), market)
    assert not match.matches(alert(), market)


def test_further_alerts_on_one_incident_are_not_false_and_the_first_sets_the_delay() -> None:
    alerts = [alert(id=1, raised_at="2026-03-05T12:00:00+00:00"), alert(id=2)]
    result = match.score([incident()], alerts)
    assert result.precision == 1.0
    assert result.total.recall == 1.0
    assert result.total.median_delay_days == 1


def test_controls_are_in_no_recall_and_an_alert_on_one_is_false() -> None:
    control = incident(id="c1", is_control=True, listing="L9", kind="market_dip")
    result = match.score([incident(), control], [alert(), alert(id=2, listing="L9")])
    assert result.total.incidents == 1
    assert [item.kind for item in result.kinds] == ["listing_down"]
    assert result.false_alert_ids == (2,)
    assert result.precision == 0.5


def test_a_missed_incident_is_named() -> None:
    result = match.score([incident()], [])
    assert result.missed_incident_ids == ("i1",)
    assert result.total.recall == 0
    assert result.precision is None
    assert json.loads(json.dumps(result.as_json()))["kinds"][0]["median_delay_days"] is None


@pytest.mark.parametrize(
    ("text", "named"), [("{", "report.json"), ('{"alerts": []}', "incidents"), ("[]", "incidents")]
)
def test_a_file_that_is_no_report_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=named):
        match.read(file)
