"""Alerts, deliveries, keys, quarantine and the raw archive on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from python_nodes.domain.findings import AlertDraft, Anomaly
from python_nodes.domain.records import Rejected
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.store import alerts, anomalies, apikeys, connections, deliveries, idempotency, outbox, rejected
from python_nodes.store.raw import RawArchive
from python_nodes.store.redis import RedisStore
from python_nodes.store.session import Database
from python_nodes.store.tenant_keys import KeyRings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def draft(listing_id: int) -> AlertDraft:
    return AlertDraft(
        fingerprint="listing:1:no_price", scope="listing", listing_id=listing_id, property_id=None, market=None,
        metric="listed_price", kind="no_price", cause="rate_missing", title="No price", category="high", score=0.7,
        currency="EUR", impact_minor=90000, loss_per_day_minor=30000, lost_so_far_minor=0,
        onset_date=date(2026, 3, 2), raised_at=NOON, evidence={"nights": 90}, parts={},
    )  # fmt: skip


@dataclass(frozen=True)
class Told:
    sender: str
    recipient: str = "ops"
    step: str = "raised"
    reason: str = "category high"


@pytest.fixture
def alert_id(conn: Connection, listing_ids: dict[str, int]) -> int:
    return alerts.insert(conn, draft(listing_ids["r-1"]), reason="first seen")


def test_an_alert_lives_in_place_and_keeps_its_reasons(conn: Connection, alert_id: int) -> None:
    later = NOON + timedelta(days=1)
    assert alerts.update(conn, alert_id, {"category": "critical"}, "worse", at=later, notify=True) == 2
    assert [one.category for one in alerts.open_all(conn)] == ["critical"]
    assert alerts.resolve(conn, alert_id, later, "price is back", notify=False) == 3
    stored = alerts.get(conn, alert_id)
    assert (stored.resolved_at, stored.version, stored.raised_at, stored.evidence) == (later, 3, NOON, {"nights": 90})
    assert alerts.open_all(conn) == []
    assert alerts.list_all(conn, "resolved") == [stored]
    told = [(one.event, one.version, one.reason) for one in alerts.history(conn, alert_id)]
    assert told == [("raised", 1, "first seen"), ("updated", 2, "worse"), ("resolved", 3, "price is back")]
    assert [row.version for row in outbox.pending(conn, alerts.NOTIFY)] == [1, 2]
    # A quiet change is in the alert's history alone: what nobody dispatches would wait in the outbox for ever.
    written = conn.exec_driver_sql("SELECT version FROM outbox WHERE entity = %s ORDER BY id", (str(alert_id),))
    assert written.scalars().all() == [1, 2]
    with pytest.raises(NotFoundError):
        alerts.update(conn, alert_id, {"score": 0.1}, "too late", at=later, notify=True)


def test_a_cycle_changes_alerts_as_one_by_one(conn: Connection, alert_id: int, listing_ids: dict[str, int]) -> None:
    later = NOON + timedelta(hours=1)
    first = draft(listing_ids["r-1"])
    made = {
        word: alerts.insert(conn, replace(first, fingerprint=f"listing:1:{word}"), reason="first seen")
        for word in ("alone", "ended", "closed", "gone")
    }
    for word in ("ended", "closed"):
        alerts.resolve(conn, made[word], NOON, "over")
    fields = {
        "score": 0.1 + 0.2, "impact_minor": -3, "title": "O'Hara: 100 % \\ ü \"?\"", "onset_date": date(2026, 2, 27),
        "evidence": {"chart": {"days": ["2026-03-01"], "observed": [None, 1e-17]}}, "parts": {"share_lost": 1 / 3},
        "updated_at": later,
    }  # fmt: skip
    wanted = {
        "alone": alerts.Change(alert_id=made["alone"], changes=fields, reason="worse", notify=False),
        "closed": alerts.Change(alert_id=made["closed"], changes=fields, reason="too late", notify=True),
        "ended": alerts.Change(alert_id=made["ended"], changes={**fields, "resolved_at": None}, reason="back",
                               notify=True, reopens=True),
        "told": alerts.Change(alert_id=alert_id, changes={"category": "critical"}, reason="told", notify=True),
    }  # fmt: skip
    alerts.update_open(conn, list(wanted.values()), at=later)
    for word, version in (("alone", 2), ("ended", 3)):
        now = alerts.get(conn, made[word])
        assert {name: getattr(now, name) for name in fields} == fields
        assert (now.version, now.resolved_at, now.category) == (version, None, "high")
    assert alerts.get(conn, alert_id).category == "critical"
    # Who closed one has the last word, and of what was not asked for nothing changes.
    assert (alerts.get(conn, made["closed"]).score, alerts.get(conn, made["closed"]).version) == (0.7, 2)
    assert alerts.get(conn, made["gone"]).version == 1
    assert [(one.event, one.version) for one in alerts.history(conn, made["ended"])][-1] == ("reopened", 3)
    assert (alerts.history(conn, made["alone"])[-1].changes["onset_date"]) == "2026-02-27"
    told = [(row.entity, row.version) for row in outbox.pending(conn, alerts.NOTIFY) if row.version > 1]
    assert told[-2:] == [(str(made["ended"]), 3), (str(alert_id), 2)]


def test_one_open_alert_a_fingerprint(conn: Connection, alert_id: int, listing_ids: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), conn.begin_nested():
        alerts.insert(conn, draft(listing_ids["r-1"]), reason="again")
    alerts.resolve(conn, alert_id, NOON, "over")
    assert alerts.insert(conn, draft(listing_ids["r-1"]), reason="back") != alert_id


def test_the_outbox_tells_once(conn: Connection, alert_id: int) -> None:
    outbox.add(conn, alerts.NOTIFY, str(alert_id), 1, {"twice": True})
    (row,) = outbox.pending(conn, alerts.NOTIFY)
    assert row.payload["event"] == "raised"
    outbox.mark_done(conn, [row.outbox_id], NOON)
    assert outbox.pending(conn, alerts.NOTIFY) == []


def test_planning_twice_plans_once_and_a_sent_one_is_never_claimed(conn: Connection, alert_id: int) -> None:
    held = [Told("sms", reason="category below critical")]
    (one,) = deliveries.plan(conn, alert_id, [Told("slack")], held, NOON)
    assert deliveries.plan(conn, alert_id, [Told("slack")], held, NOON) == [one]
    claimed = deliveries.claim(conn, one.delivery_id)
    assert claimed is not None
    assert (claimed.status, claimed.attempts) == ("sending", 1)
    assert deliveries.claim(conn, one.delivery_id) is None
    deliveries.finish(conn, one.delivery_id, at=NOON, error="time-out")
    assert deliveries.claim(conn, one.delivery_id) is not None
    deliveries.finish(conn, one.delivery_id, at=NOON, provider_ref="1.2")
    assert deliveries.claim(conn, one.delivery_id) is None
    assert deliveries.get(conn, one.delivery_id).provider_ref == "1.2"
    assert deliveries.counts(conn) == {"slack": 1, "suppressed": 1}
    with pytest.raises(NotFoundError):
        deliveries.finish(conn, one.delivery_id, at=NOON, provider_ref="again")


def test_of_many_at_once_one_claims(app_database: Database, tenant_id: int, conn: Connection, alert_id: int) -> None:
    (one,) = deliveries.plan(conn, alert_id, [Told("slack")], [], NOON)
    conn.commit()

    def attempt(_: int) -> bool:
        with app_database.tenant(tenant_id) as own:
            return deliveries.claim(own, one.delivery_id) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(8))) == [False] * 7 + [True]


def test_anomalies_of_the_latest_run_hold(conn: Connection, listing_ids: dict[str, int]) -> None:
    found = Anomaly(
        listing_id=listing_ids["r-1"], kind="no_price", metric="listed_price", onset_date=NOON.date(), observed=None,
        expected=1.5, lower=None, upper=None, p_value=None, share_lost=1.0, confidence=1.0, cause="rate_missing",
        evidence={"nights": 3},
    )  # fmt: skip
    later = NOON + timedelta(hours=1)
    for _ in range(2):
        anomalies.replace(conn, NOON, "guards", [found])
    assert anomalies.current(conn, NOON) == [found]
    anomalies.replace(conn, later, "guards", [])
    assert anomalies.current(conn, later) == []
    assert anomalies.current(conn, NOON) == [found]


def test_a_key_is_stored_hashed_and_expires(app_database: Database, tenant_id: int) -> None:
    with app_database.tenant(tenant_id) as own:
        key = apikeys.create(own, "n8n", ["steps"], created_at=NOON, expires_at=NOON + timedelta(days=1))
        assert key.encode() not in bytes(own.execute(text("SELECT key_hash FROM api_keys")).scalar_one())
    with app_database.anonymous() as nobody:
        caller = apikeys.authenticate(nobody, key, NOON)
        assert caller is not None
        assert (caller.tenant_id, caller.scopes) == (tenant_id, frozenset({"steps"}))
        assert apikeys.authenticate(nobody, key, NOON + timedelta(days=1)) is None
        assert apikeys.authenticate(nobody, key + "x", NOON) is None


def test_credentials_rest_encrypted(conn: Connection) -> None:
    key = Fernet.generate_key().decode()
    made = connections.create(
        conn, vendor="v", name="main", base_url="http://127.0.0.1:1", settings={"a": 1},
        credentials={"client_secret": "hunter2"}, fernet_key=key,
    )  # fmt: skip
    assert b"hunter2" not in bytes(conn.execute(text("SELECT credentials FROM connections")).scalar_one())
    stored = connections.get(conn, made, key)
    assert stored.credentials == {"client_secret": "hunter2"}
    assert "hunter2" not in repr(stored)
    assert connections.list_active(conn, key) == [stored]
    with pytest.raises(NotFoundError):
        connections.get(conn, made + 1, key)


def test_an_idempotency_key_answers_the_same_and_refuses_another_request(conn: Connection) -> None:
    assert idempotency.begin(conn, "/v1/x", "k", b"body", NOON) is None
    idempotency.finish(conn, "/v1/x", "k", 200, {"n": 1})
    assert idempotency.begin(conn, "/v1/x", "k", b"body", NOON) == idempotency.Answer(status=200, body={"n": 1})
    with pytest.raises(PermanentError, match="another request"):
        idempotency.begin(conn, "/v1/x", "k", b"other", NOON)


def test_quarantine_keeps_the_record_whole_and_once(conn: Connection) -> None:
    item = Rejected(
        source="ota", operation="reservations", reason="unknown currency", field="currency", raw=b"\x00<a/>"
    )
    keys = KeyRings(Fernet.generate_key().decode()).of(conn)
    for _ in range(2):
        rejected.add(conn, None, [item], rejected_at=NOON, keys=keys)
    (stored,) = rejected.list_open(conn, keys)
    assert stored.item == item
    rejected.mark_replayed(conn, [stored.rejected_id], NOON)
    assert (rejected.list_open(conn, keys), rejected.count_open(conn)) == ([], 0)


def test_the_archive_keeps_a_payload_once_and_whole(conn: Connection, tmp_path: Path) -> None:
    archive = RawArchive(tmp_path, Fernet.generate_key().decode())
    first = archive.put(conn, "ota", "ari", b"<a/>\r\n", "text/xml", NOON)
    assert archive.put(conn, "ota", "ari", b"<a/>\r\n", "text/xml", NOON) == first
    assert archive.put(conn, "ota", "ari", b"<b/>", "text/xml", NOON) != first
    assert archive.get(conn, first) == b"<a/>\r\n"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {path.parent.name for path in files} == {"2026-03-02"}
    with pytest.raises(NotFoundError):
        archive.get(conn, 999)


def test_readiness_is_the_server_s_own_answer(valkey_url: str) -> None:
    RedisStore(valkey_url).ping()
    with pytest.raises(RedisError):
        RedisStore("redis://127.0.0.1:1/0").ping()
