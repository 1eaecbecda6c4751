"""Plays the rounds: a cycle while faults strike, the next cycle in peace, then the count."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any

import tenacity
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.pool import NullPool

from chaos import cycle
from chaos.count import Auditor, Found
from chaos.plan import Round, Strike
from chaos.stack import Stack
from chaos.truth import Truth

STRUCK_AT, HOURS_APART = clock_time(10), 3
MOST_CYCLES = 4
"""How many peaceful cycles a day has to recover in; one should do."""
USUAL_S = 6.0
_JOBS = text("SELECT kind, state, error FROM jobs WHERE job_id = ANY(:ids) AND state NOT IN ('done', 'failed')")
_RENEWING = text("SELECT id FROM connections WHERE renewing_since_at IS NOT NULL")
_ARRIVING = text(
    "SELECT id FROM deliveries WHERE arrives_by_at > clock_timestamp()"
    " UNION ALL SELECT id FROM outbox WHERE arrives_by_at > clock_timestamp()"
)
ARRIVING_S = 90.0
"""How long what was sent may still arrive, longer than any sender waits; hours pass between two cycles."""
JOBS_S = 60.0
MINUTES, MINUTE_S = 8, 60.0
"""How many minutes pass after a strike at most: fewer than a vendor takes a replaced refresh token for (assumed)."""
STRIKE_S = 800.0
"""How long a fault may take with all that it needs to be over: three starts of the slowest server."""
RECOVER_S = 600.0
"""How long a day's peaceful cycles may take; then what is missing is lost."""


@dataclass(slots=True)
class Played:
    """What was found over all rounds, which they were, and how many needed more than one cycle."""

    found: Found = field(default_factory=Found)
    late: int = 0
    jobs: list[str] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)


class Player:
    """Plays rounds on one stack, a simulated day each."""

    def __init__(self, stack: Stack, truth: Truth, auditor: Auditor, say: Callable[[str], None]) -> None:
        self._stack, self._truth, self._auditor, self._say = stack, truth, auditor, say
        self._usual_s = USUAL_S
        self.played = Played()
        self.last_at = datetime.combine(truth.world.t0, STRUCK_AT, tzinfo=UTC)

    def play(self, rounds: Sequence[Round], within_s: float = math.inf) -> Played:
        """Play all of them, or as many as begin within the time, and count everything in the end."""
        began_s = time.monotonic()
        for number, one in enumerate(rounds, start=1):
            if time.monotonic() - began_s > within_s:
                self._say(f"{within_s:.0f} s are over: the rounds from {number} on are not played")
                break
            day = self._truth.world.t0 + timedelta(days=number - 1)
            self.last_at = self._round(one, datetime.combine(day, STRUCK_AT, tzinfo=UTC), f"{number}/{len(rounds)}")
            self.played.rounds.append(one)
        self._jobs()
        self._note(self._auditor.count(self.last_at, whole=True))
        self.played.found.counted["jobs"] = len(self.played.jobs)
        return self.played

    def _round(self, one: Round, struck_at: datetime, name: str) -> datetime:
        drive = cycle.by_n8n if one.by_n8n else cycle.by_worker
        began_s = time.monotonic()
        self._at(struck_at)
        errors: list[Exception] = []
        threads = [threading.Thread(target=self._strike, args=(strike, errors), daemon=True) for strike in one.strikes]
        for thread in threads:
            thread.start()
        outcome = drive(self._stack, struck_at.isoformat())
        cycle_s = time.monotonic() - began_s
        for thread, strike in zip(threads, one.strikes, strict=True):
            thread.join(max(1.0, began_s + STRIKE_S - time.monotonic()))
            if thread.is_alive():
                raise SystemExit(f"round {name}: {strike} is not over after {STRIKE_S:.0f} s")
        for error in errors:
            # Whatever does not come back is lost; the others go on.
            self._say(f"  {error}")
            self.played.found.lost.add(f"round {name}: {str(error).splitlines()[0]}")
        self._stack.revive()
        up_s = time.monotonic() - began_s
        told = f"round {name}{' through n8n' if one.by_n8n else ''}: {'; '.join(map(str, one.strikes))}"
        self.played.jobs += outcome.jobs
        self._minutes(struck_at)
        moment_at, found = self._recover(drive, struck_at)
        took = (
            f"{len(outcome.failed)} requests failed; struck {cycle_s:.0f}, up {up_s:.0f},"
            f" recovered {time.monotonic() - began_s:.0f} s"
        )
        self._say(f"{told}: {took}, {len(found.lost)} lost, {len(found.doubled)} doubled")
        self._note(found)
        return moment_at

    def _minutes(self, struck_at: datetime) -> None:
        """Let some minutes pass as the flow `escalate-alerts` does: what cannot wait for the next poll is asked for."""
        for number in range(1, MINUTES + 1):
            moment_at = struck_at + timedelta(minutes=number)
            self._at(moment_at)
            failed = cycle.minute(self._stack, moment_at.isoformat()).failed
            left = self._until_none(_RENEWING, MINUTE_S)
            if failed:
                self._say(f"  minute {number}: {failed[:3]}")
            if not left and not failed:
                return
            self._say(f"  minute {number}: {len(left)} renewals of access are not settled")
            self._until_none(_ARRIVING, ARRIVING_S)

    def _strike(self, strike: Strike, errors: list[Exception]) -> None:
        time.sleep(strike.at_share * self._usual_s)
        try:
            try:
                strike.fault.begin(self._stack)
                time.sleep(strike.hold_s)
            finally:
                strike.fault.end(self._stack)
        except Exception as error:
            errors.append(RuntimeError(f"{strike}: {error}"))

    def _recover(self, drive: Callable[[Stack, str], cycle.Outcome], struck_at: datetime) -> tuple[datetime, Found]:
        """Run peaceful cycles until nothing is lost, or the day is over."""
        found, first_s = Found(), time.monotonic()
        for number in range(1, MOST_CYCLES + 1):
            moment_at = struck_at + timedelta(hours=HOURS_APART * number)
            self._at(moment_at)
            began_s = time.monotonic()
            outcome = drive(self._stack, moment_at.isoformat())
            self._usual_s = 0.7 * self._usual_s + 0.3 * (time.monotonic() - began_s)
            self.played.jobs += outcome.jobs
            found = self._auditor.count(moment_at)
            if not outcome.failed and not found.lost:
                return moment_at, found
            self.played.late += number == 1
            self._say(f"  cycle {number}: {outcome.failed[:3]} {sorted(found.lost)[:3]}")
            if time.monotonic() - first_s > RECOVER_S:
                self._say(f"  no more cycles: {RECOVER_S:.0f} s are over")
                break
            # Not before the first: who sends again too early must be refused, not lucky.
            self._until_none(_ARRIVING, ARRIVING_S)
        return moment_at, found

    def _at(self, moment_at: datetime) -> None:
        self._truth.write_downloads(moment_at.date(), self._stack.sandbox_dir)
        self._stack.control("/control/clock", {"now": moment_at.isoformat()})

    def _note(self, found: Found) -> None:
        kept = self.played.found
        kept.lost |= found.lost
        kept.doubled |= found.doubled
        kept.counted, kept.mails_again = found.counted, found.mails_again

    def _jobs(self) -> None:
        """Whatever was accepted is carried out, or ends with a reason; what its queue lost half an hour later."""
        left = self._unended()
        if left:
            # Nobody waits so long here: the jobs are made to have been silent for as long as it takes.
            self._say(f"  {len(left)} jobs were lost with their queue: half an hour passes")
            self._execute("UPDATE jobs SET updated_at = updated_at - interval '1 hour' WHERE job_id = ANY(:ids)")
            moment_at = self.last_at + timedelta(hours=1)
            self._at(moment_at)
            cycle.by_worker(self._stack, moment_at.isoformat())
            left = self._unended()
        for number, word in enumerate(left):
            self.played.found.lost.add(f"{word} ({number})")

    def _unended(self) -> list[str]:
        """Give jobs that run the time to end; return those that did not."""
        rows = self._until_none(_JOBS, JOBS_S)
        return [f"job {row.kind}: {row.state} {row.error}" for row in rows]

    def _until_none(self, query: TextClause, within_s: float) -> list[Any]:
        """Ask the database until nothing is left; returns what still is after that time."""
        engine = create_engine(self._stack.admin_url, poolclass=NullPool)
        told = dict.fromkeys(query.compile().params, self.played.jobs)

        def left() -> list[Any]:
            with engine.connect() as conn:
                return list(conn.execute(query, told))

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(bool), stop=tenacity.stop_after_delay(within_s), wait=tenacity.wait_fixed(1),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
        )  # fmt: skip
        return list(retrying(left))

    def _execute(self, statement: str) -> None:
        with create_engine(self._stack.admin_url, poolclass=NullPool).begin() as conn:
            conn.execute(text(statement), {"ids": self.played.jobs})
