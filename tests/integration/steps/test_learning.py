"""Verdicts become proposals; the preview is what then runs, in a backtest and in the sweep; an undo is exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.findings import AlertDraft
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.errors import PermanentError
from python_nodes.steps import backtest, learn, metrics_score, proposals
from python_nodes.steps.services import Learning, Services
from python_nodes.store import alerts, anomalies, portfolio, verdicts
from python_nodes.store import proposals as store

ROOMS, DAYS = 24, 300
AS_OF = datetime(2026, 3, 31, 12, tzinfo=UTC)
LAST, FELL = date(2026, 3, 30), date(2026, 3, 12)
DIPS = {room: date(2026, 1, 12) + timedelta(days=5 * (room - 12)) for room in range(12, 20)}
"""Short dips of some rooms on one channel, each longer than chance and harmless."""


@dataclass(frozen=True)
class Stored:
    """A portfolio with its history: room 0 lost most of its bookings on 12 March, others dipped for some days."""

    services: Services
    tenant_id: int
    ids: dict[str, int]

    def replayed(self) -> list[dict[str, Any]]:
        request = backtest.Request(start=date(2026, 1, 1), end=date(2026, 3, 31))
        found: list[dict[str, Any]] = backtest.run(self.services, self.tenant_id, request, AS_OF)["now"]["alerts"]
        return found

    def swept(self) -> list[tuple[int, str]]:
        metrics_score.run(self.services, self.tenant_id, AS_OF)
        with self.services.database.tenant(self.tenant_id) as conn:
            found = anomalies.current(conn, AS_OF)
        return sorted((one.listing_id, one.kind) for one in found if one.kind == "conversion_drop")

    def said(self, room: int, word: str, onset: date, days: int | None = None, cause: str | None = None) -> int:
        raised = datetime.combine(onset + timedelta(days=3), datetime.min.time(), UTC)
        draft = AlertDraft(
            fingerprint=f"conversion_drop-{room}", scope="listing", listing_id=self.ids[f"room-{room}"],
            property_id=None, market=None, metric="conversion_rate", kind="conversion_drop", cause="unknown",
            title=f"Room {room}", category="high", score=1.0, currency="EUR", impact_minor=1, loss_per_day_minor=1,
            lost_so_far_minor=1, onset_date=onset, raised_at=raised, evidence={}, parts={},
        )  # fmt: skip
        with self.services.database.tenant(self.tenant_id) as conn:
            made = alerts.insert(conn, draft, reason="test", notify=False)
            over = AS_OF if days is None else raised + timedelta(days=days)
            if word != "real" or days is not None:
                alerts.resolve(conn, made, over, "test", notify=False)
            is_real = word in ("real", "data_problem")
            return verdicts.add(conn, made, is_real, "ada", given_at=over, verdict=word, cause=cause)

    def learnt(self) -> list[store.Proposal]:
        learn.run(self.services, self.tenant_id, AS_OF)
        with self.services.database.tenant(self.tenant_id) as conn:
            return store.list_all(conn)

    def decide(self, one: store.Proposal, answer: proposals.Answer) -> proposals.Outcome:
        return proposals.decide(self.services, self.tenant_id, one.proposal_id, answer, "ada", "", AS_OF)


def _portfolio() -> Portfolio:
    place = Property(
        external_id="hotel", name="Hotel", market="Lisbon", country="PT", subdivision=None, timezone="Europe/Lisbon",
        currency="EUR", priority=0.5,
    )  # fmt: skip
    names = [f"room-{row}" for row in range(ROOMS)]
    units = [
        Unit(external_id=name, property_external_id="hotel", name=name, unit_count=20, base_price_minor=10_000,
             floor_price_minor=5_000)
        for name in names
    ]  # fmt: skip
    listings = [
        Listing(external_id=name, unit_external_id=name, channel="booking_com" if row < 12 else "expedia",
                title=f"Room {name}", rate_plan_external_id="bar")
        for row, name in enumerate(names)
    ]  # fmt: skip
    return Portfolio(properties=(place,), units=tuple(units), listings=tuple(listings))


def _history() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    shown = rng.poisson(rng.uniform(600, 900, (ROOMS, 1)) * np.ones((ROOMS, DAYS)))
    views = rng.binomial(shown, 0.2)
    kept = np.ones((ROOMS, DAYS))
    kept[0, -((LAST - FELL).days + 1) :] = 0.15
    for room, first in DIPS.items():
        at = DAYS - 1 - (LAST - first).days
        kept[room, at : at + 5] = 0.3
    bookings = rng.poisson(views * 0.05 * kept)
    told = {"search_impressions": shown, "listing_views": views, "booking_velocity": bookings}
    return {name: values.astype(np.float64) for name, values in told.items()}


def _crawled() -> dict[str, np.ndarray]:
    """Nothing fell; on one channel bots come in spells, and views with them."""
    rng = np.random.default_rng(12)
    shown = rng.poisson(rng.uniform(600, 900, (ROOMS, 1)) * np.ones((ROOMS, DAYS)))
    views = rng.binomial(shown, 0.2)
    bookings = rng.poisson(views * 0.05)
    for room in range(12, ROOMS):
        for first in range(40 + room, DAYS - 6, 43):
            views[room, first : first + 6] = views[room, first : first + 6] * 5 // 2
    told = {"search_impressions": shown, "listing_views": views, "booking_velocity": bookings}
    return {name: values.astype(np.float64) for name, values in told.items()}


def _write(services: Services, tenant_id: int, ids: dict[str, int], history: dict[str, np.ndarray]) -> None:
    days = np.datetime64(LAST) - np.arange(DAYS)[::-1]
    values = {name: np.full(ROOMS * DAYS, np.nan) for name in METRICS}
    services.metrics.write(tenant_id, MetricPoints(
        listing_id=np.repeat([ids[f"room-{row}"] for row in range(ROOMS)], DAYS), day_date=np.tile(days, ROOMS),
        source="booking_com", as_of_at=AS_OF, values=values | {name: one.reshape(-1) for name, one in history.items()},
    ))  # fmt: skip


@pytest.fixture
def stored(services: Services, tenant_id: int) -> Stored:
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _portfolio())
        ids = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
    _write(services, tenant_id, ids, _history())
    return Stored(services, tenant_id, ids)


def _expected(now: list[dict[str, Any]], shown: dict[str, Any], ids: dict[str, int]) -> list[tuple[Any, ...]]:
    """Return the alerts that a preview says will be told, of those told before."""
    gone = [*shown["lost"], *(pair[0] for pair in shown["moved"])]
    come = [*shown["gained"], *(pair[1] for pair in shown["moved"])]
    before = _keys(now, ids)
    for one in gone:
        before.remove(_key(one))
    return sorted([*before, *map(_key, come)], key=str)


def _key(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["kind"], one["place"] if one["listing_id"] is None else one["listing_id"], one["raised"], one["ended"]


def _keys(told: list[dict[str, Any]], ids: dict[str, int]) -> list[tuple[Any, ...]]:
    return sorted(
        ((one["kind"], one["market"] if one["listing"] is None else ids[one["listing"]], one["raised"], one["ended"])
         for one in told),
        key=str,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["new_normal", "expected_event", "data_problem"])
def test_the_preview_is_what_then_runs_and_an_undo_is_exact(stored: Stored, word: str) -> None:
    stored.said(0, word, FELL)
    (one,) = stored.learnt()
    assert one.status == "waiting"
    before, swept = stored.replayed(), stored.swept()
    assert (stored.ids["room-0"], "conversion_drop") in swept
    assert [lost["listing_id"] for lost in one.preview["lost"]] == [stored.ids["room-0"]]

    assert stored.decide(one, "approve").status == "recorded"
    assert stored.decide(one, "approve").status == "unchanged"
    assert _keys(stored.replayed(), stored.ids) == _expected(before, dict(one.preview), stored.ids)
    assert stored.swept() == [found for found in swept if found[0] != stored.ids["room-0"]]

    assert stored.decide(one, "undo").status == "recorded"
    assert stored.replayed() == before
    assert stored.swept() == swept
    assert stored.learnt() == [replace(one, status="undone", actor="ada", note="", decided_at=AS_OF,
                                       decision_id=stored.learnt()[0].decision_id)]  # fmt: skip


def test_false_alarms_move_the_cut_of_their_segment_and_real_ones_confirm_a_cause(stored: Stored) -> None:
    told = {
        one["listing"]: date.fromisoformat(one["raised"])
        for one in stored.replayed()
        if one["kind"] == "conversion_drop"
    }
    dips = [room for room in DIPS if f"room-{room}" in told]
    assert len(dips) >= 5
    stored.said(0, "real", FELL, cause="photos_changed")
    for room in dips:
        stored.said(room, "false_alarm", told[f"room-{room}"] - timedelta(days=2), days=4)
    found = {one.kind: one for one in stored.learnt()}
    assert found.keys() == {"cut", "cause"}
    cut, cause = found["cut"], found["cause"]
    assert cut.change["watch"] == "conversion_drop"
    assert stored.ids["room-0"] not in cut.change["listing_ids"]
    assert cut.preview["lost_false"] >= 1
    assert cut.preview["lost_real"] == 0

    before = stored.replayed()
    stored.decide(cut, "approve")
    assert _keys(stored.replayed(), stored.ids) == _expected(before, dict(cut.preview), stored.ids)
    with stored.services.database.tenant(stored.tenant_id) as conn:
        assert store.confirmed_causes(conn) == {}
    stored.decide(cause, "approve")
    with stored.services.database.tenant(stored.tenant_id) as conn:
        assert store.confirmed_causes(conn) == {"conversion_drop": {"photos_changed": 1}}
    stored.decide(cut, "undo")
    assert stored.replayed() == before


def test_views_that_nobody_books_are_believed_less_and_nothing_is_cut(stored: Stored) -> None:
    _write(stored.services, stored.tenant_id, stored.ids, _crawled())
    before, swept = stored.replayed(), stored.swept()
    alarms = [one for one in before if one["kind"] == "conversion_drop"]
    assert len(alarms) >= 6
    for one in alarms:
        room = int(one["listing"].removeprefix("room-"))
        assert room >= 12
        stored.said(room, "false_alarm", date.fromisoformat(one["raised"]) - timedelta(days=2), days=4)
    (found,), before = stored.learnt(), stored.replayed()
    assert (found.kind, found.change["above"]) == ("exposure", "search_impressions")
    assert found.change["follows"] < 0.3
    assert found.preview["lost_false"] >= len(alarms) - 1

    stored.decide(found, "approve")
    assert _keys(stored.replayed(), stored.ids) == _expected(before, dict(found.preview), stored.ids)
    assert set(stored.swept()) <= set(swept)
    assert [one.kind for one in stored.learnt()] == ["exposure"]
    stored.decide(found, "undo")
    assert stored.replayed() == before
    assert stored.swept() == swept


def test_nothing_is_approved_by_itself_but_within_the_limits(stored: Stored) -> None:
    stored.said(0, "expected_event", FELL)
    assert [one.status for one in stored.learnt()] == ["waiting"]
    lax = replace(stored, services=replace(stored.services, learning=Learning(kinds=frozenset({"data_problem"}))))
    lax.said(12, "data_problem", DIPS[12], days=4)
    assert [one.status for one in lax.learnt()] == ["waiting", "approved"]


def test_an_answer_that_makes_no_sense_is_refused(stored: Stored) -> None:
    stored.said(0, "expected_event", FELL)
    (one,) = stored.learnt()
    with pytest.raises(PermanentError, match="waiting"):
        stored.decide(one, "undo")
    stored.decide(one, "reject")
    with pytest.raises(PermanentError, match="rejected by ada"):
        stored.decide(one, "undo")


def test_real_ones_and_open_ones_teach_nothing_while_they_are_judged(stored: Stored) -> None:
    stored.said(0, "real", FELL)
    with stored.services.database.tenant(stored.tenant_id) as conn:
        spans = store.incidents(conn, ["conversion_drop"], date(2026, 1, 1), AS_OF.date())
        assert spans == [((stored.ids["room-0"],), FELL, None)]
        assert store.incidents(conn, ["rank_drop"], date(2026, 1, 1), AS_OF.date()) == []
    assert (stored.ids["room-0"], "conversion_drop") in stored.swept()
