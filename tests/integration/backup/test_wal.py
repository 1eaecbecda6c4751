"""The log of changes, received elsewhere: what was accepted comes back, and nobody waits or loses untold."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from chaos import stores
from chaos.server import Server
from python_nodes.backup import wal
from python_nodes.errors import PermanentError
from python_nodes.local import processes

WITHIN_S = 60.0
SHORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A PostgreSQL of its own with a table, and folders for what is kept of it elsewhere."""

    root: Path
    server: Server

    @property
    def admin_url(self) -> str:
        """The administrator's address."""
        return stores.admin_url(self.server.port)

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """Where the log is received."""
        return self.root / "wal"

    def accept(self, number: int) -> None:
        """Write one row; it is accepted when this returns."""
        with create_engine(self.admin_url, poolclass=NullPool).begin() as conn:
            conn.execute(text("INSERT INTO accepted VALUES (:number)"), {"number": number})

    def numbers(self) -> set[int]:
        """What the server holds."""
        return set(map(int, self._asked("SELECT number FROM accepted")))

    def waits_for(self) -> str:
        """Whom commits wait for."""
        return self._asked("SHOW synchronous_standby_names")[0]

    def slots(self) -> list[str]:
        """For whom log is kept."""
        return self._asked("SELECT slot_name FROM pg_replication_slots")

    def _asked(self, query: str) -> list[str]:
        with create_engine(self.admin_url, poolclass=NullPool).connect() as conn:
            return [str(found) for found in conn.execute(text(query)).scalars()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    # PostgreSQL's own user must reach it, which no folder of pytest's lets it.
    root = Path("/var/tmp/nightporter-tests") / f"wal-{os.getpid()}-{tmp_path.name}"
    root.mkdir(mode=0o755, parents=True)
    server = stores.postgres(root / "data", root / "postgres.log", processes.free_port())
    found = Place(root, server)
    try:
        server.start()
        with create_engine(found.admin_url, poolclass=NullPool).begin() as conn:
            conn.execute(text("CREATE TABLE accepted (number int PRIMARY KEY)"))
        yield found
    finally:
        server.kill()
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def receiving(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Receive the log as the command does, by its own program alone, so that it can be killed."""
    receiver = subprocess.Popen(wal.stream_command(place.admin_url, place.log), stderr=subprocess.DEVNULL)
    try:
        wal.wait_for_receiver(place.admin_url, on=True)
        until(lambda: wal.is_received(place.admin_url))
        yield receiver
    finally:
        receiver.kill()
        receiver.wait()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def test_what_was_accepted_comes_back_after_the_server_and_its_disk_are_gone(place: Place, tmp_path: Path) -> None:
    told = tmp_path / "admin_url"
    told.write_text(place.admin_url)
    program = [str(Path(sys.executable).with_name("nightporter")), "backup"]
    base = place.root / "base"

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)

    refused = run("base", base, "--admin-url-file", told)
    assert (refused.returncode, "nobody receives the log" in refused.stderr, base.exists()) == (2, True, False)
    stream = subprocess.Popen([*program, "stream", str(place.log), "--admin-url-file", str(told)])
    try:
        until(lambda: wal.is_received(place.admin_url))
        assert run("received", "--admin-url-file", told).returncode == 0
        place.accept(0)
        done = run("base", base, "--admin-url-file", told)
        assert done.returncode == 0, done.stderr
        accepted = accept_until_it_dies(place)
        assert len(accepted) > 20
    finally:
        family = [psutil.Process(stream.pid), *psutil.Process(stream.pid).children(recursive=True)]
        stream.send_signal(signal.SIGTERM)
        stream.wait(WITHIN_S)
    assert not psutil.wait_procs(family, timeout=5)[1], "the receiver outlived its command"
    done = run("recover", base, place.log, place.data)
    assert done.returncode == 0, done.stderr
    for folder in (place.data, place.log):
        stores.prepare(folder, place.server.user)
    place.server.start()
    assert accepted | {0} <= place.numbers()
    until(lambda: not is_recovering(place))
    # Nobody receives yet, and nobody must wait for that.
    place.accept(-1)
    assert place.waits_for() == ""


def accept_until_it_dies(place: Place) -> set[int]:
    """Accept one after another until the server is killed in the midst of it and its data are deleted."""
    accepted: set[int] = set()

    def work() -> None:
        number = 1
        while True:
            try:
                place.accept(number)
            except DBAPIError:
                return
            accepted.add(number)
            number += 1

    writer = threading.Thread(target=work)
    writer.start()
    until(lambda: len(accepted) > 20)
    place.server.kill()
    shutil.rmtree(place.data)
    writer.join(WITHIN_S)
    return accepted


def is_recovering(place: Place) -> bool:
    with create_engine(place.admin_url, poolclass=NullPool).connect() as conn:
        return bool(conn.execute(text("SELECT pg_is_in_recovery()")).scalar_one())


def test_changes_wait_for_a_receiver_that_is_away_until_they_are_released(place: Place) -> None:
    with receiving(place):
        place.accept(1)
    waiting = threading.Thread(target=place.accept, args=(2,))
    waiting.start()
    waiting.join(SHORT_S)
    assert waiting.is_alive(), "it was accepted, and nobody has received it"
    until(lambda: not wal.is_received(place.admin_url))
    wal.release(place.admin_url)
    waiting.join(WITHIN_S)
    assert place.numbers() == {1, 2}
    assert (place.waits_for(), place.slots()) == ("", [])


def test_a_receiver_that_never_comes_stops_nobody_and_a_second_one_is_refused(place: Place) -> None:
    place.log.mkdir()
    # Half a segment, as another program's: pg_receivewal does not write on after it.
    broken = place.log / "000000010000000000000001.partial"
    broken.write_bytes(b"x" * 1000)
    with pytest.raises(PermanentError, match="did not begin"):
        wal.stream(place.admin_url, place.log, print, ready_s=SHORT_S)
    assert place.waits_for() == ""
    place.accept(1)
    broken.unlink()
    with receiving(place), pytest.raises(PermanentError, match="somebody receives the log already"):
        wal.stream(place.admin_url, place.root / "second", print)


def test_what_cannot_bring_everything_back_is_refused(place: Place) -> None:
    base, back = place.root / "base", place.root / "back"
    with receiving(place):
        wal.base(place.admin_url, base)
        with pytest.raises(PermanentError, match="is there already"):
            wal.base(place.admin_url, base)
        for number in range(3):
            place.accept(number)
            with create_engine(place.admin_url, poolclass=NullPool).begin() as conn:
                conn.execute(text("SELECT pg_switch_wal()"))
        place.accept(3)
    kept = sorted(place.log.iterdir())
    assert len(kept) >= 4
    with pytest.raises(PermanentError, match="is not empty"):
        wal.lay_out(base, place.log, place.data)
    with pytest.raises(PermanentError, match="is no base backup"):
        wal.lay_out(place.log, place.log, back)
    kept[-2].rename(place.root / "aside")
    with pytest.raises(PermanentError, match=f"a gap after {kept[-3].name}"):
        wal.lay_out(base, place.log, back)
    (place.root / "aside").rename(kept[-2])
    (place.root / "empty").mkdir()
    with pytest.raises(PermanentError, match="lacks 0000"):
        wal.lay_out(base, place.root / "empty", back)
    assert not back.exists()
    wal.lay_out(base, place.log, back)


def test_the_stacks_own_word_lets_a_receiver_in_and_none_without_the_password(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Path(__file__).parents[3] / "compose" / "postgres" / "pg_hba.conf"
    with create_engine(place.admin_url, poolclass=NullPool).begin() as conn:
        conn.execute(text("ALTER ROLE postgres PASSWORD 'of the stack'"))
    place.server.kill()
    # Where PostgreSQL's user can read it, as the container's can.
    kept = shutil.copy(rules, place.root / "pg_hba.conf")
    other = stores.postgres(place.data, place.root / "again.log", place.server.port, f"hba_file={kept}")
    url = make_url(place.admin_url).set(password="of the stack").render_as_string(hide_password=False)
    monkeypatch.setenv("PGPASSWORD", "")
    other.begin()
    try:
        until(lambda: stores.answers(url))
        assert not stores.answers(place.admin_url), "it lets in whoever knows no password"
        with pytest.raises(PermanentError, match="password"):
            wal.stream_command(place.admin_url, place.log)
        wal.stream_command(url, place.log)
        with create_engine(url, poolclass=NullPool).connect() as conn:
            assert conn.execute(text("SELECT slot_name FROM pg_replication_slots")).scalars().all() == [wal.RECEIVER]
            assert not conn.execute(text("SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL")).all()
    finally:
        other.kill()
