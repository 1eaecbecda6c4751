"""`nightporter backtest` on stored days: labels of three sources, other settings beside, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from typer.testing import CliRunner

from python_nodes import config, wiring
from python_nodes.cli import app
from python_nodes.config import Settings
from python_nodes.domain.findings import AlertDraft
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.errors import PermanentError
from python_nodes.scoring.watches import DEFAULT_PATH
from python_nodes.steps import backtest
from python_nodes.steps.services import Services
from python_nodes.store import alerts, portfolio, verdicts
from tests.conftest import MigratedDatabase

N, DAYS = 24, 260
LAST = date(2026, 3, 30)
START, END = date(2026, 3, 1), date(2026, 3, 31)
AS_OF = datetime(2026, 3, 31, 12, tzinfo=UTC)
FELL = date(2026, 3, 12)
REQUEST = backtest.Request(start=START, end=END)


@dataclass(frozen=True)
class Stored:
    """A portfolio with its history: room-0 loses most of its bookings from 12 March on, all else is quiet."""

    services: Services
    tenant_id: int
    ids: dict[str, int]
    environment: dict[str, str]

    def run(self, request: backtest.Request = REQUEST) -> dict[str, Any]:
        return backtest.run(self.services, self.tenant_id, request, AS_OF)

    def cli(self, *arguments: str) -> tuple[int, str]:
        # Read once a process; here each test has a database of its own.
        config.settings.cache_clear()
        done = CliRunner().invoke(app, ["backtest", *arguments], env=self.environment)
        return done.exit_code, done.output


def _portfolio() -> Portfolio:
    place = Property(
        external_id="hotel", name="Hotel", market="Lisbon", country="PT", subdivision=None, timezone="Europe/Lisbon",
        currency="EUR", priority=0.5,
    )  # fmt: skip
    names = [f"room-{row}" for row in range(N)]
    units = [
        Unit(external_id=name, property_external_id="hotel", name=name, unit_count=20, base_price_minor=10_000,
             floor_price_minor=5_000)
        for name in names
    ]  # fmt: skip
    listings = [
        Listing(external_id=name, unit_external_id=name, channel="booking_com", title=f"Room {name}",
                rate_plan_external_id="bar")
        for name in names
    ]  # fmt: skip
    return Portfolio(properties=(place,), units=tuple(units), listings=tuple(listings))


def _history() -> dict[str, np.ndarray]:
    """Draw impressions, views and bookings, (N, DAYS) each."""
    rng = np.random.default_rng(7)
    shown = rng.poisson(rng.uniform(400, 900, (N, 1)) * np.ones((N, DAYS)))
    views = rng.binomial(shown, 0.2)
    kept = np.ones((N, DAYS))
    kept[0, -((LAST - FELL).days + 1) :] = 0.15
    bookings = rng.poisson(views * 0.05 * kept)
    told = {"search_impressions": shown, "listing_views": views, "booking_velocity": bookings}
    return {name: values.astype(np.float64) for name, values in told.items()}


@pytest.fixture
def empty(database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path) -> Stored:
    """A tenant with nothing at all."""
    key = Fernet.generate_key().decode()
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url), secret_key=SecretStr(key),
        raw_root=tmp_path, tenant_id=tenant_id,
    )  # fmt: skip
    environment = {
        "NIGHTPORTER_DATABASE_URL": database.app_url, "NIGHTPORTER_REDIS_URL": valkey_url,
        "NIGHTPORTER_SECRET_KEY": key, "NIGHTPORTER_RAW_ROOT": str(tmp_path), "NIGHTPORTER_TENANT_ID": str(tenant_id),
    }  # fmt: skip
    return Stored(wiring.build_services(settings), tenant_id, {}, environment)


@pytest.fixture
def bare(empty: Stored) -> Stored:
    """A portfolio without a figure."""
    with empty.services.database.tenant(empty.tenant_id) as conn:
        portfolio.upsert_portfolio(conn, empty.tenant_id, _portfolio())
        ids = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
    return replace(empty, ids=ids)


@pytest.fixture
def stored(bare: Stored) -> Iterator[Stored]:
    days = np.datetime64(LAST) - np.arange(DAYS)[::-1]
    ids = np.array([bare.ids[f"room-{row}"] for row in range(N)])
    told = _history()
    values = {name: np.full(N * DAYS, np.nan) for name in METRICS} | {
        name: one.reshape(-1) for name, one in told.items()
    }
    points = MetricPoints(
        listing_id=np.repeat(ids, DAYS), day_date=np.tile(days, N), source="booking_com", as_of_at=AS_OF, values=values
    )
    bare.services.metrics.write(bare.tenant_id, points)
    yield bare
    bare.services.database.dispose()


def _past_alert(stored: Stored, room: str, kind: str = "conversion_drop", onset: date = FELL) -> int:
    raised = datetime.combine(onset + timedelta(days=3), datetime.min.time(), UTC)
    draft = AlertDraft(
        fingerprint=f"{kind}-{room}", scope="listing", listing_id=stored.ids[room], property_id=None, market=None,
        metric="conversion_rate", kind=kind, cause="unknown", title="t", category="high", score=1.0, currency="EUR",
        impact_minor=1, loss_per_day_minor=1, lost_so_far_minor=1, onset_date=onset, raised_at=raised, evidence={},
        parts={},
    )  # fmt: skip
    with stored.services.database.tenant(stored.tenant_id) as conn:
        return alerts.insert(conn, draft, reason="test", notify=False)


def test_labels_of_a_file_are_the_whole_truth(stored: Stored) -> None:
    text = f"listing,kind,start,end\nroom-0,conversion_drop,{FELL},{END}\nroom-5,ctr_drop,2026-03-05,2026-03-20\n"
    told = stored.run(replace(REQUEST, labels=("labels.csv", text.encode())))
    now = told["now"]
    assert told["labels"] == {"source": "file", "events": 2, "denied": 0, "of_guards": 0}
    assert (now["recall"], now["events_found"]) == (0.5, 1)
    (alert,) = [one for one in now["alerts"] if one["listing"] == "room-0"]
    assert (alert["kind"], alert["verdict"], alert["ended"]) == ("conversion_drop", "true", None)
    assert FELL + timedelta(days=1) <= date.fromisoformat(alert["raised"]) <= FELL + timedelta(days=8)
    found, missed = now["events"]
    assert (date.fromisoformat(alert["raised"]) - FELL).days == found["delay_days"]
    assert missed["delay_days"] is None
    assert now["alerts_unjudged"] == 0
    # Of 31 and 16 labelled days the first event's are ranked high, the second is only told of.
    assert 0.3 < now["auc_pr"] < now["vus_pr"] + 0.3 < 1.3
    (clicks,) = [one for one in now["calibration"] if one["kind"] == "ctr_drop"]
    assert clicks["points"] == 22 * 31 + (FELL - START).days + 1 + (date(2026, 3, 5) - START).days + 1
    assert [limit for limit, _ in clicks["shares"]] == [0.1, 0.01, 0.001]


def test_verdicts_come_before_past_alerts(stored: Stored) -> None:
    told = stored.run()
    assert (told["labels"]["source"], told["now"]["recall"]) == ("nothing", None)
    assert (told["now"]["auc_pr"], told["now"]["vus_pr"]) == (None, None)
    assert {one["points"] for one in told["now"]["calibration"] if one["kind"] == "ctr_drop"} == {N * 31}
    first = _past_alert(stored, "room-0")
    told = stored.run()
    assert (told["labels"]["source"], told["now"]["recall"]) == ("alerts", 1.0)
    with stored.services.database.tenant(stored.tenant_id) as conn:
        verdicts.add(conn, first, False, "ana", given_at=AS_OF)
    told = stored.run()
    assert (told["labels"]["source"], told["labels"]["denied"]) == ("verdicts", 1)
    assert (told["now"]["precision"], told["now"]["alerts_false"]) == (0.0, 1)
    with stored.services.database.tenant(stored.tenant_id) as conn:
        verdicts.add(conn, first, True, "ana", given_at=AS_OF)
    assert stored.run()["now"]["precision"] == 1.0


def test_other_watches_stand_beside_those_that_run(stored: Stored, tmp_path: Path) -> None:
    text = DEFAULT_PATH.read_text().replace(
        "[conversion_drop.rule_params]", "[conversion_drop.rule_params]\nscan_days = 30"
    )
    other = tmp_path / "watches.toml"
    other.write_text(text)
    told = stored.run(replace(REQUEST, watches=other))
    assert told["now"]["alerts"] == told["other"]["alerts"]
    assert (told["changes"]["lost"], told["changes"]["gained"]) == ([], [])
    assert len(told["changes"]["both"]) == len(told["now"]["alerts"]) > 0
    told = stored.run(replace(REQUEST, budget=1e-9))
    assert [one["listing"] for one in told["changes"]["lost"] + told["changes"]["both"]].count("room-0") == 1
    assert len(told["other"]["alerts"]) < len(told["now"]["alerts"]) or told["other"]["median_delay_days"] is None


def test_the_command_prints_and_writes(stored: Stored, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(f"listing,kind,start,end\nroom-0,conversion_drop,{FELL},{END}\n")
    page, picture = tmp_path / "page.html", tmp_path / "picture.png"
    span = ("--from", str(START), "--to", str(END), "--labels", str(labels), "--budget", "0.5")
    code, said = stored.cli(*span, "--json", "--html", str(page), "--png", str(picture))
    assert code == 0, said
    told = json.loads(said)
    assert told["now"]["recall"] == 1.0
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert "Room room-0" in text
    assert "What would change, by kind" in text
    assert "p ≤ 0.001" in text
    assert "VUS-PR" in text
    code, said = stored.cli(*span)
    assert (code, "false alerts per 1000" in said, "vus pr" in said, "p ≤ 0.01" in said) == (0, True, True, True)


def test_what_cannot_be_looked_back_on_is_said(stored: Stored, tmp_path: Path) -> None:
    for start, end, words in (
        (END, START, "to: 2026-03-01 is before 2026-03-31"),
        (date(2024, 1, 1), END, "at most 366 days"),
        (START, date(2026, 4, 5), "figures are stored up to 2026-03-30, so 2026-03-31 is the last day"),
        (date(2025, 5, 1), date(2025, 8, 1), "from: no figures are stored before 2025-07-14"),
        (date(2025, 1, 1), date(2025, 2, 1), "from: no figures are stored before 2025-02-01"),
    ):
        code, said = stored.cli("--from", str(start), "--to", str(end))
        assert (code, words in said) == (2, True), said
    labels = tmp_path / "labels.csv"
    labels.write_text("listing,sort\n")
    span = ("--from", str(START), "--to", str(END))
    code, said = stored.cli(*span, "--labels", str(labels))
    assert (code, "unknown column 'sort'" in said) == (2, True)
    labels.write_text("listing,kind,start,end\nroom-0,x,2025-01-01,2025-01-02\n")
    code, said = stored.cli(*span, "--labels", str(labels))
    assert (code, "none of its 1 labels lies in 2026-03-01 to 2026-03-31" in said) == (2, True)
    assert stored.cli(*span, "--budget", "0") == (2, "nightporter: budget: must be more than 0\n")
    assert stored.cli(*span, "--watches", str(tmp_path / "none.toml"))[0] == 2
    assert stored.cli("--from", str(START))[1] == "nightporter: --from and --to: both are needed\n"
    assert stored.cli()[1] == "nightporter: either --from and --to, or --csv\n"
    assert stored.cli("--csv", str(labels), "--budget", "2")[0] == 2


def test_nothing_stored_is_said(bare: Stored) -> None:
    with pytest.raises(PermanentError, match="no figures are stored yet"):
        bare.run()


def test_no_listing_is_said(empty: Stored) -> None:
    with pytest.raises(PermanentError, match="there is no listing yet"):
        empty.run()


def test_a_demo_that_never_ran_is_said(stored: Stored, tmp_path: Path) -> None:
    span = ("--from", str(START), "--to", str(END))
    code, said = stored.cli(*span, "--demo", "--state-dir", str(tmp_path))
    assert (code, "run `make run` first" in said) == (2, True)
