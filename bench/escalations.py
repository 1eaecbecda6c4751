"""10,000 open alerts under escalation: what the minute costs in which nothing is due, all begin, or all are due.

By the step itself on a real PostgreSQL, without HTTP. The flow `escalate-alerts` asks each minute and gives up after
one: half of that is the goal. There is nothing to tune and no seed: alerts are drawn alike, each alone in its market.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from bench import _stack
from python_nodes.alerts import routing_file
from python_nodes.steps import escalations_due
from python_nodes.store import migrate
from python_nodes.store.session import Database

N_ALERTS, GOAL_S, QUIET_GOAL_S = 10_000, 30.0, 0.5
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECIPIENTS = {"NIGHTPORTER_SLACK_CHANNEL": "C1", "NIGHTPORTER_EMAIL_TO": "a@example.com", "NIGHTPORTER_SMS_TO": "+351"}
SENDERS = ("slack", "email", "sms")
_ALERTS = text(
    "INSERT INTO alerts (fingerprint, scope, market, metric, kind, cause, title, category, score, currency,"
    " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, evidence)"
    " SELECT 'bench-' || n, 'market', 'm' || n, 'availability', 'not_bookable', 'calendar_closed', 'Calendar closed',"
    " 'critical', 90, 'EUR', 1, 1, 1, '2026-03-01', :noon, :noon, '{}' FROM generate_series(1, :count) AS n"
)


def _minute(database: Database, tenant_id: int, after: int) -> tuple[float, dict[str, int]]:
    policy = routing_file.load(routing_file.DEFAULT_PATH, SENDERS, RECIPIENTS)
    with database.tenant(tenant_id) as conn:
        began = time.perf_counter()
        counts = escalations_due.carry_out(conn, policy, NOON + timedelta(minutes=after))
        taken_s = time.perf_counter() - began
        _analyze(conn)
    return taken_s, counts


def _analyze(conn: Connection) -> None:
    # What autovacuum does by itself a minute later.
    conn.execute(text("ANALYZE alerts"))


def run() -> list[dict[str, Any]]:
    """Three rows: all begin, nothing is due, all are due."""
    with ExitStack() as stack:
        urls = stack.enter_context(_stack.postgres(stack.enter_context(_stack.scratch())))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        database = Database(urls.app)
        stack.callback(database.dispose)
        with database.tenant(tenant_id) as conn:
            conn.execute(_ALERTS, {"noon": NOON, "count": N_ALERTS})
        begin_s, first = _minute(database, tenant_id, 1)
        quiet_s, second = _minute(database, tenant_id, 2)
        due_s, third = _minute(database, tenant_id, 30)
    if (first["checked"], second["due"], third["due"]) != (N_ALERTS, 0, 3 * N_ALERTS):
        raise SystemExit(f"not every alert was escalated once by three ways: {first}, {second}, {third}")
    of = f"{N_ALERTS:,} open alerts, the minute in which"
    rows = (("all begin", begin_s, GOAL_S), ("nothing is due", quiet_s, QUIET_GOAL_S), ("all are due", due_s, GOAL_S))
    return [
        {"name": f"{of} {what}", "value": taken_s, "unit": "s", "peer": "nothing due", "peer_value": quiet_s,
         "ratio": taken_s / quiet_s, "goal": goal, "holds": taken_s <= goal}
        for what, taken_s, goal in rows
    ]  # fmt: skip
