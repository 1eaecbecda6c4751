"""Chains in the real worker's database: each step once, whoever asks, whatever dies, until somebody takes it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from python_nodes.actions import Wish
from python_nodes.alerts import dedupe, routing_file
from python_nodes.domain.findings import AlertDraft
from python_nodes.steps import alert_act, alert_route, escalations_due
from python_nodes.steps.services import Services
from python_nodes.store import actions, alerts, deliveries, escalations, mutes

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

RAISED = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = (
    "INSERT INTO alerts (fingerprint, scope, market, metric, kind, cause, title, category, score, currency,"
    " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence)"
    " VALUES (gen_random_uuid()::text, 'market', %(market)s, 'availability', 'not_bookable', 'calendar_closed',"
    " 'Closed', 'critical', 90, 'EUR', 1, 1, 1, '2026-03-02', %(at)s, %(at)s, 1, '{}', '{}') RETURNING id"
)
FILE = """
[teams.ops.recipients]
slack = "#ops"
[teams.boss.recipients]
slack = "#boss"
[[routes]]
name = "all"
teams = ["ops"]
[[escalations]]
name = "wake"
market = "MARKET"
chain = "wake"
[chains.wake]
steps = [
  { wait = 10 },
  { if_unacknowledged = true },
  { notify = { teams = ["ops"] } },
  { wait = 10 },
  { repeat_from = 3, times = 1 },
  { if_more_than = { alerts = 1, minutes = 120 } },
  { hand_over = "boss" },
]
[chains.boss]
steps = [{ notify = { teams = ["boss"] } }]
[default]
teams = []
"""


class Case:
    """Alerts in a market of their own, as the worker's database is shared by the session's tests."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self.market, self.tenant_id = f"market-{uuid4().hex[:8]}", worker.settings.tenant_id
        self.services = replace(worker.services, policy=self.policy(folder))

    def policy(self, folder: Path, text: str = FILE) -> routing_file.RoutePolicy:
        path = folder / "routing.toml"
        path.write_text(text.replace("MARKET", self.market))
        return routing_file.load(path, ("slack", "email", "sms"), {})

    @contextmanager
    def conn(self) -> Iterator[Connection]:
        with self.services.database.tenant(self.tenant_id) as conn:
            yield conn

    def alert(self, after: int = 0) -> int:
        with self.conn() as conn:
            told = {"market": self.market, "at": RAISED + timedelta(minutes=after)}
            return int(conn.exec_driver_sql(ALERT, told).scalar_one())

    def due(self, minutes: int, services: Services | None = None) -> dict[str, Any]:
        return escalations_due.run(services or self.services, self.tenant_id, RAISED + timedelta(minutes=minutes))

    def steps(self, alert_id: int) -> list[str]:
        with self.conn() as conn:
            return [f"{one.recipient} {one.step}" for one in deliveries.list_for_alert(conn, alert_id)]

    def escalated(self, alert_id: int) -> list[str]:
        return [one for one in self.steps(alert_id) if " escalate-" in one]

    def told(self, alert_id: int, minutes: int) -> list[str]:
        self.due(minutes)
        return self.steps(alert_id)

    def act(self, alert_id: int, minutes: int) -> str:
        at, wish = RAISED + timedelta(minutes=minutes), Wish(kind="acknowledge", actor="ada")
        return alert_act.run(self.services, self.tenant_id, alert_id, wish, at).status

    def reopen(self, alert_id: int, *, after: int, at: datetime) -> None:
        """End an alert, and open it again as the pipeline does where its problem is back."""
        with self.conn() as conn:
            alerts.resolve(conn, alert_id, RAISED + timedelta(minutes=after), "gone")
            ended = alerts.get(conn, alert_id)
            names = [one.name for one in fields(AlertDraft)]
            draft = AlertDraft(**{name: getattr(ended, name) for name in names})
            change = dedupe.reopened(ended, draft, at, dedupe.Circumstances())
            alerts.update_open(conn, [alerts.Change(
                alert_id=alert_id, changes=change.fields, reason=change.reason, notify=True, reopens=True
            )], at=at)  # fmt: skip

    def ended(self, alert_id: int) -> str | None:
        with self.conn() as conn:
            (one,) = escalations.of_alerts(conn, [alert_id])[alert_id]
            return one.ended_because


@pytest.fixture
def case(worker: Worker, tmp_path: Path) -> Case:
    return Case(worker, tmp_path)


def test_a_chain_runs_to_its_end_and_its_history_says_why(case: Case) -> None:
    one, other = case.alert(), case.alert(5)
    assert case.told(one, 9) == []
    assert case.told(one, 10) == ["#ops escalate-wake"]
    assert case.told(one, 20) == ["#ops escalate-wake", "#ops escalate-wake-2"]
    assert case.told(one, 30) == ["#ops escalate-wake", "#ops escalate-wake-2", "#boss escalate-wake-3"]
    assert case.ended(one) == "all steps are done"
    with case.conn() as conn:
        reasons = [event.reason for event in alerts.history(conn, one) if event.event == "escalated"]
    assert reasons == [
        "wake: wake, step 1: wait 10 min",
        "wake: wake, step 2: go on if nobody has it in hand; wake, step 3: notify ops; wake, step 4: wait 10 min",
        "wake: wake, step 5: repeat from step 3, at most 1 time; wake, step 3: notify ops; wake, step 4: wait 10 min",
        "wake: wake, step 5: repeat from step 3, at most 1 time; wake, step 6: go on if more than 1 such alert within"
        " 2 h; wake, step 7: hand over to boss; boss, step 1: notify boss; ended: all steps are done",
    ]
    assert case.steps(other)[0] == "#ops escalate-wake"


def test_a_lone_alert_does_not_reach_those_who_want_to_hear_of_storms_only(case: Case) -> None:
    one = case.alert()
    for minutes in (10, 20, 30):
        case.due(minutes)
    assert case.steps(one) == ["#ops escalate-wake", "#ops escalate-wake-2"]
    assert case.ended(one) == "1 such alerts, not more than 1"


def test_an_acknowledgement_between_two_levels_stops_the_second(case: Case) -> None:
    one = case.alert()
    case.due(10)
    with case.conn() as conn:
        actions.add(conn, one, "acknowledge", "ada", taken_at=RAISED + timedelta(minutes=15))
    assert case.told(one, 40) == ["#ops escalate-wake"]
    assert case.ended(one) == "somebody has it in hand"


def test_a_resolution_stops_it_and_a_problem_that_comes_back_begins_again(case: Case) -> None:
    one = case.alert()
    case.due(10)
    with case.conn() as conn:
        alerts.resolve(conn, one, RAISED + timedelta(minutes=15), "gone")
    assert case.told(one, 20) == ["#ops escalate-wake"]
    assert case.ended(one) == "resolved"
    with case.conn() as conn:
        reopened = "UPDATE alerts SET resolved_at = NULL, version = version + 1 WHERE id = %(id)s"
        conn.exec_driver_sql(reopened, {"id": one})
    assert case.told(one, 60) == ["#ops escalate-wake"]
    assert case.told(one, 70) == ["#ops escalate-wake", "#ops escalate-wake-2"]


def test_what_people_did_before_a_problem_came_back_does_not_count(case: Case) -> None:
    one, back = case.alert(), RAISED + timedelta(minutes=60)
    case.due(10)
    case.act(one, 15)
    case.due(20)
    assert (case.escalated(one), case.ended(one)) == (["#ops escalate-wake"], "somebody has it in hand")
    case.reopen(one, after=30, at=back)
    with case.conn() as conn:
        assert alert_act.standing(conn, one).acknowledged is None, "so that the message offers it again"
    case.due(61)
    case.due(71)
    assert case.escalated(one) == ["#ops escalate-wake", "#ops escalate-wake-2"]
    assert case.act(one, 72) == "recorded"
    case.due(82)
    assert (len(case.escalated(one)), case.ended(one)) == (2, "somebody has it in hand")


def test_whoever_takes_what_came_back_before_the_next_minute_has_it_in_hand(case: Case) -> None:
    one, back = case.alert(), RAISED + timedelta(minutes=60)
    case.due(10)
    case.reopen(one, after=30, at=back)
    assert case.act(one, 60) == "recorded"
    case.due(61)
    case.due(71)
    assert (case.escalated(one), case.ended(one)) == (["#ops escalate-wake"], "somebody has it in hand")


def test_a_snooze_pauses_it_and_it_goes_on_afterwards(case: Case) -> None:
    one = case.alert()
    with case.conn() as conn:
        mutes.add(
            conn, start_at=RAISED, end_at=RAISED + timedelta(minutes=60), reason="later", actor="ada",
            origin="snooze", fingerprint=alerts.get(conn, one).fingerprint,
        )  # fmt: skip
    assert case.told(one, 30) == []
    assert case.told(one, 59) == []
    assert case.told(one, 70) == ["#ops escalate-wake"]


def test_two_callers_at_once_carry_out_each_step_once(case: Case) -> None:
    ids, together = [case.alert() for _ in range(12)], Barrier(6)

    def ask(_: int) -> int:
        together.wait()
        return int(case.due(10)["due"])

    with ThreadPoolExecutor(6) as pool:
        planned = list(pool.map(ask, range(6)))
    assert sum(planned) == len(ids)
    assert [case.steps(one) for one in ids] == [["#ops escalate-wake"]] * len(ids)
    with case.conn() as conn:
        where = [progress.told for one in escalations.of_alerts(conn, ids).values() for progress in one]
    assert where == [1] * len(ids)


class Died(Exception):
    """A process ends here."""


def test_whoever_dies_before_the_commit_has_neither_moved_nor_planned(case: Case) -> None:
    one = case.alert()

    def dies() -> None:
        with case.conn() as conn:
            escalations_due.carry_out(conn, case.services.policy, RAISED + timedelta(minutes=10))
            planned = conn.exec_driver_sql("SELECT count(*) FROM deliveries WHERE alert_id = %(id)s", {"id": one})
            assert planned.scalar_one() == 1, "within the transaction it is planned"
            raise Died

    with pytest.raises(Died):
        dies()
    assert case.steps(one) == []
    assert case.told(one, 10) == ["#ops escalate-wake"]
    assert case.told(one, 11) == ["#ops escalate-wake"]


def test_an_alert_on_which_somebody_acts_this_moment_is_left_for_the_next_minute(case: Case) -> None:
    one = case.alert()
    case.due(5)
    with case.conn() as acting:
        actions.hold(acting, one)
        case.due(10)
        actions.add(acting, one, "acknowledge", "ada", taken_at=RAISED + timedelta(minutes=10))
    assert case.told(one, 11) == []
    assert case.ended(one) == "somebody has it in hand"


def test_a_new_file_takes_up_what_is_open_already(case: Case, tmp_path: Path) -> None:
    one = case.alert()
    none = replace(case.services, policy=case.policy(tmp_path, "[teams.ops.recipients]\nslack = '#ops'\n[default]\n"))
    case.due(10, none)
    assert case.steps(one) == []
    assert case.told(one, 15) == ["#ops escalate-wake"]


def test_an_alert_whose_listing_is_gone_is_routed_and_escalated(case: Case) -> None:
    one = case.alert()
    with case.conn() as conn:
        gone = "UPDATE alerts SET evidence = '{\"listing_ids\": [987654321]}', version = 2 WHERE id = %(id)s"
        conn.exec_driver_sql(gone, {"id": one})
    routed = alert_route.run(case.services, case.tenant_id, one, RAISED)
    assert [target["recipient"] for target in routed["send"]] == ["#ops"]
    assert case.told(one, 10)[-1] == "#ops escalate-wake"
