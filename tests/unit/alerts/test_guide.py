"""Each cause has advice, a wrong file is refused by name, links lead to the channels concerned."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from python_nodes.alerts import guide
from python_nodes.alerts.impact import RULE_OF_CAUSE, ImpactSettings
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import ConfigError

AS_OF = datetime(2026, 3, 4, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3] / "python_nodes"
CAUSE = re.compile(r"cause *= *\"(\w+)\"")


def alert(cause: str = "calendar_closed") -> Alert:
    return Alert(
        alert_id=12, fingerprint="f", scope="listing", listing_id=1, property_id=1, market="lisbon", metric="m",
        kind="not_bookable", cause=cause, title="t", category="high", score=70.0, currency="EUR", impact_minor=1,
        loss_per_day_minor=1, lost_so_far_minor=1, onset_date=date(2026, 3, 4), raised_at=AS_OF, updated_at=AS_OF,
        resolved_at=None, version=1, evidence={}, parts={},
    )  # fmt: skip


def test_every_cause_that_guards_watches_and_scores_know_has_advice() -> None:
    files = [*(ROOT / "guards").glob("*.py"), ROOT / "watches.toml", *(ROOT / "scoring").glob("*.py")]
    told = {cause for file in files for cause in CAUSE.findall(file.read_text())}
    assert len(told) > 5
    known = set(guide.load().causes)
    assert (told | set(RULE_OF_CAUSE) | set(ImpactSettings().days_to_resolution)) - known == set()


def test_an_unheard_of_cause_gets_the_general_advice() -> None:
    told = guide.context(alert("flood"), [], [], guide.load(), "http://h/")
    assert told.suggested_action == guide.load().causes["unknown"].action
    assert told.links == (("This alert", "http://h/console/alerts#alert-12"),)


def test_links_lead_to_each_channel_with_its_own_ids(tmp_path: Path, make_listing: Callable[..., ListingInfo]) -> None:
    file = tmp_path / "actions.toml"
    file.write_text(
        '[causes.unknown]\nlikely = "x"\naction = "y"\n'
        '[channels.airbnb]\nextranet = "https://a.test/{listing}"\n[channels.expedia]\nextranet = "https://e.test/{property}"\n'
    )
    listings = [make_listing(1, channel="expedia"), make_listing(2, channel="vrbo"), make_listing(3, channel="airbnb")]
    assert guide.extranets(listings, guide.load(file)) == [
        ("Airbnb extranet", "https://a.test/room-3"), ("Expedia extranet", "https://e.test/hotel-1"),
    ]  # fmt: skip


def test_a_dashboard_is_linked_where_there_is_one(make_listing: Callable[..., ListingInfo]) -> None:
    told = guide.context(alert(), [make_listing(1)], [], guide.load(), "http://h", "https://grafana.test/")
    span = "from=1767398400000&to=1773273600000"
    assert told.links[1] == (
        "Dashboard", f"https://grafana.test/d/nightporter-listing/listing?var-listing=1&{span}",
    )  # fmt: skip
    wide = guide.dashboards(alert(), [make_listing(1), make_listing(2)], "https://grafana.test")
    assert wide[0][1].startswith("https://grafana.test/d/nightporter-portfolio/portfolio?var-market=")
    assert guide.dashboards(alert(), [make_listing(1)], "") == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[causes.x]\nlikely = 'a'\naction = 'b'", "causes.unknown: is missing"),
        ("[causes.unknown]\nlikely = 'a'", "causes.unknown.action: Field required"),
        ("[causes.unknown]\nlikely = 'a'\naction = 'b'\nwhen = 'c'", "causes.unknown.when: Extra inputs"),
        ("[causes.unknown]\nlikely = 'a'\naction = 'b'\n[channels.x]\nextranet = 'ftp://x'", "channels.x.extranet"),
        ("[causes.unknown]\nlikely = 'a'\naction = 'b'\n[channels.x]\nextranet = 'http://x/{guest}'", "{listing} only"),
        ("[causes", "actions.toml: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "actions.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(word)):
        guide.load(file)
