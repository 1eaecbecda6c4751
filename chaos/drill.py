"""``python -m chaos.drill``: fill a system, back it up, go on accepting, destroy the database, restore, count.

The worker's raw payloads lie on another disk than the database and are not destroyed; what a dump alone would have
lost is counted beside.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from chaos import build, cycle, stores, truth
from chaos.__main__ import HISTORY_DAYS, LIVE_DAYS, SCENARIO, WORLD_SEED
from chaos.count import Auditor
from chaos.play import STRUCK_AT
from chaos.stack import Stack
from python_nodes.backup import wal
from python_nodes.local import prepare, processes
from python_nodes.local.demo import CHANNELS
from python_nodes.local.servers import WorldArguments
from python_nodes.steps import backup
from python_nodes.steps.backup import System
from python_nodes.store import migrate

MOST_S = 300.0
ACCEPTING_S = 10.0
BACK_S = 240.0


@dataclass(slots=True)
class Accepted:
    """What was accepted by whom: notes written as fast as the worker takes them, and whole cycles."""

    mutes: set[int] = field(default_factory=set)
    refused: int = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the drill; 1 where anything accepted is lost or it took longer than five minutes."""
    parser = argparse.ArgumentParser(prog="python -m chaos.drill", description=__doc__)
    parser.add_argument("--listings", type=int, default=20)
    parser.add_argument("--accepting-s", type=float, default=ACCEPTING_S, help="how long it goes on after the backup")
    told = parser.parse_args(argv)
    world = WorldArguments(
        seed=WORLD_SEED, listings=told.listings, days=HISTORY_DAYS, live_days=LIVE_DAYS, scenario=SCENARIO,
        channels=CHANNELS,
    )  # fmt: skip
    began_s = time.monotonic()

    def say(word: str) -> None:
        print(f"{time.monotonic() - began_s:6.0f} s  {word}", flush=True)

    with build.running(world, store="postgres", with_n8n=False, say=say) as stack:
        return Drill(stack, truth.of(world), say).run(told.accepting_s)


class Drill:
    """One system that is lost and restored."""

    def __init__(self, stack: Stack, real: truth.Truth, say: Callable[[str], None]) -> None:
        self._stack, self._real, self._say = stack, real, say
        self._log = stack.root / "wal"
        self._at = datetime.combine(real.world.t0, STRUCK_AT, tzinfo=UTC)
        self._admin = stores.admin_url(stack.postgres_port)

    def run(self, accepting_s: float) -> int:
        """Fill, back up, accept, destroy, restore, count."""
        auditor = Auditor(self._stack, self._real)
        self._cycle()
        with self._receiving():
            self._back_up()
            accepted = self._accept(accepting_s)
            self._say(f"{len(accepted.mutes)} notes and a cycle accepted since the backup; the database is destroyed")
        restored_s = self._restore()
        self._say(f"restored and accepting after {restored_s:.1f} s")
        found = auditor.count(self._at, whole=True)
        lost = sorted(accepted.mutes - self._mutes(self._stack.admin_url))
        behind = len(accepted.mutes - self._from_dump())
        total = len(accepted.mutes) + sum(found.counted[name] for name in ("bookings", "figures", "alerts due"))
        for item in sorted(found.lost)[:20]:
            print(f"lost: {item}")
        print(
            f"counted: {len(accepted.mutes)} notes, {', '.join(f'{n:,} {what}' for what, n in found.counted.items())}"
        )
        print(f"from the dump alone {behind} of the notes would be lost: all that came after it")
        print(f"RPO {total} accepted, {len(lost) + len(found.lost)} lost")
        print(f"RTO {restored_s:.1f} s")
        return 1 if lost or found.lost or restored_s > MOST_S else 0

    def _cycle(self) -> None:
        self._real.write_downloads(self._at.date(), self._stack.sandbox_dir)
        self._stack.control("/control/clock", {"now": self._at.isoformat()})
        outcome = cycle.by_worker(self._stack, self._at.isoformat())
        if outcome.failed:
            raise SystemExit(f"a cycle failed before anything was destroyed: {outcome.failed[:3]}")

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        """Receive the log on another disk, and have commits wait for it."""
        command = wal.stream_command(self._admin, self._log)
        with (self._stack.root / "logs" / "receivewal.log").open("wb") as output:
            receiver = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wal.wait_for_receiver(self._admin, on=True)
            _until(lambda: wal.is_received(self._admin), 30.0, "the log is not received")
            yield
        finally:
            receiver.kill()
            receiver.wait()

    def _back_up(self) -> None:
        began_s = time.monotonic()
        wal.base(self._admin, self._stack.root / "base")
        backup.write(self._system(self._admin, self._stack.raw_disk.root), self._stack.root / "dump", self._at, _quiet)
        self._say(f"base backup and dump written in {time.monotonic() - began_s:.1f} s")

    def _accept(self, seconds: float) -> Accepted:
        """Accept a day's cycle and, beside it, notes one after another, until the database is gone."""
        accepted, ending = Accepted(), threading.Event()
        writer = threading.Thread(target=self._write, args=(accepted, ending))
        writer.start()
        began_s = time.monotonic()
        self._at += timedelta(days=1)
        self._cycle()
        time.sleep(max(0.0, seconds - (time.monotonic() - began_s)))
        # In the midst of what the writer asks for: what it was not answered was not accepted.
        self._stack.servers["postgres"].kill()
        shutil.rmtree(self._stack.postgres_disk.root / "data")
        ending.set()
        writer.join()
        return accepted

    def _write(self, accepted: Accepted, ending: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self._stack.saved.operator_api_key}"}
        with httpx2.Client(
            base_url=self._stack.saved.worker_url, headers=headers, timeout=60, trust_env=False
        ) as client:
            number = 0
            while not ending.is_set():
                number += 1
                answer = client.post("/v1/mutes", json=_note(number, self._at))
                if answer.is_success:
                    accepted.mutes.add(int(answer.json()["mute_id"]))
                else:
                    accepted.refused += 1

    def _restore(self) -> float:
        """From nothing to a system that accepts again; seconds that it took."""
        began_s = time.monotonic()
        server, data = self._stack.servers["postgres"], self._stack.postgres_disk.root / "data"
        wal.lay_out(self._stack.root / "base", self._log, data)
        stores.prepare(data, server.user)
        stores.prepare(self._log, server.user)
        server.start()
        _until(self._is_primary, BACK_S, "the log is not replayed")
        _until(lambda: processes.answers(f"{self._stack.saved.worker_url}/readyz"), BACK_S, "the worker is not ready")
        headers = {"Authorization": f"Bearer {self._stack.saved.operator_api_key}"}
        url = f"{self._stack.saved.worker_url}/v1/mutes"
        httpx2.post(url, json=_note(0, self._at), headers=headers, trust_env=False, timeout=60).raise_for_status()
        return time.monotonic() - began_s

    def _is_primary(self) -> bool:
        with create_engine(self._admin, poolclass=NullPool).connect() as conn:
            return not conn.execute(text("SELECT pg_is_in_recovery()")).scalar_one()

    def _mutes(self, url: str) -> set[int]:
        with create_engine(url, poolclass=NullPool).connect() as conn:
            return set(conn.execute(text("SELECT id FROM mutes")).scalars())

    def _from_dump(self) -> set[int]:
        """Which notes last night's dump alone would have given back, on a server of its own."""
        port, saved = processes.free_port(), self._stack.saved
        server = stores.postgres(self._stack.root / "elsewhere", self._stack.folder.log("elsewhere"), port)
        admin = stores.admin_url(port)

        def make() -> str:
            return migrate.provision(admin, prepare.DATABASE, saved.app_password, saved.owner_password)[0]

        system = self._system(admin, self._stack.root / "elsewhere-raw")
        server.start()
        try:
            backup.restore(system, self._stack.root / "dump", make, _quiet)
            return self._mutes(stores.admin_url(port, prepare.DATABASE))
        finally:
            server.kill()

    def _system(self, admin_url: str, raw_root: Path) -> System:
        return System(
            admin_url=admin_url, database=prepare.DATABASE, beside=(), raw_root=raw_root,
            archive_root=raw_root / "archive", keys={"secret_key": self._stack.saved.secret_key}, release="drill",
        )  # fmt: skip


def _note(number: int, at: datetime) -> dict[str, Any]:
    return {
        "actor": "drill", "reason": f"note {number}", "kind": "drill", "start_at": at.isoformat(),
        "end_at": (at + timedelta(minutes=1)).isoformat(),
    }  # fmt: skip


def _until(holds: Callable[[], bool], within_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.05)


def _quiet(_: str, __: int, ___: int) -> None:
    """A drill shows no bars."""


if __name__ == "__main__":
    sys.exit(main())
