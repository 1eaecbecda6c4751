"""Every change as it is committed: PostgreSQL's log, received elsewhere before anybody is told that it was accepted.

A nightly dump loses what came after it. Here a base backup (`pg_basebackup`) is followed by the log of changes, which
`pg_receivewal --synchronous` writes to another disk; while PostgreSQL is told to wait for it, no commit returns before
its log lies there. What was accepted can then be restored to the last transaction.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import tenacity
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from python_nodes.backup.databases import program
from python_nodes.errors import PermanentError

RECEIVER = "nightporter_wal"
"""What the receiver calls itself, by which PostgreSQL knows whom to wait for; also the name of its slot."""
STATUS_S = 1
READY_S = 30.0
_BEGINS = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)$", re.MULTILINE)
_SEGMENT = re.compile(r"[0-9A-F]{24}(\.partial)?$")


def stream_command(admin_url: str, folder: Path) -> list[str]:
    """Build the command that receives the log for as long as it runs; it makes its slot where that is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = ("--directory", str(folder), "--slot", RECEIVER, "--no-password", "--dbname", _conninfo(admin_url))
    make = [program("pg_receivewal"), *place, "--create-slot", "--if-not-exists"]
    made = subprocess.run(make, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise PermanentError(f"pg_receivewal failed: {made.stderr.strip()[-500:]}", status=500)
    return [program("pg_receivewal"), *place, "--synchronous", "--status-interval", str(STATUS_S)]


def stream(admin_url: str, folder: Path, tell: Callable[[str], None], *, ready_s: float = READY_S) -> None:
    """Receive the log until stopped; from when the receiver is there, commits wait for it, and go on doing so."""
    if _receives(admin_url):
        raise PermanentError("somebody receives the log already: one receiver, one folder", status=409)
    receiver = subprocess.Popen(stream_command(admin_url, folder))
    try:
        # Only then: whoever waits for a receiver that never came would wait for nothing.
        if not _comes(lambda: _receives(admin_url), receiver, ready_s):
            raise PermanentError("pg_receivewal did not begin, see above: changes count as before", status=500)
        wait_for_receiver(admin_url, on=True)
        if _comes(lambda: is_received(admin_url), receiver, ready_s):
            tell(f"every change is on {folder} before it counts as accepted")
        receiver.wait()
        raise PermanentError("pg_receivewal ended: changes wait for it; start it again", status=500)
    finally:
        receiver.terminate()
        receiver.wait()


def _comes(holds: Callable[[], bool], receiver: subprocess.Popen[bytes], within_s: float) -> bool:
    """Whether something comes to hold while the receiver runs."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda done: not done), stop=tenacity.stop_after_delay(within_s),
        wait=tenacity.wait_fixed(0.1), retry_error_callback=lambda _: False,
    )  # fmt: skip
    return bool(retrying(lambda: receiver.poll() is not None or holds())) and receiver.poll() is None


def release(admin_url: str) -> None:
    """Let commits wait for nobody, and keep no log for a receiver that does not come."""
    wait_for_receiver(admin_url, on=False)
    engine = create_engine(_sqlalchemy(admin_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    gone = text(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :name AND NOT active"
    )
    with engine.connect() as conn:
        conn.execute(gone, {"name": RECEIVER})


def wait_for_receiver(admin_url: str, *, on: bool) -> None:
    """Let commits wait until the receiver has them on its disk, or no longer."""
    engine = create_engine(_sqlalchemy(admin_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(f"ALTER SYSTEM SET synchronous_standby_names = '{RECEIVER if on else ''}'")
        conn.execute(text("SELECT pg_reload_conf()"))


def is_received(admin_url: str) -> bool:
    """Whether commits wait for a receiver that is there."""
    return _receives(admin_url, "sync_state = 'sync'")


def _receives(admin_url: str, how: str = "state = 'streaming'") -> bool:
    """Whether a receiver is there, waited for or not."""
    engine = create_engine(_sqlalchemy(admin_url), poolclass=NullPool)
    query = text(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = :name AND {how}")
    with engine.connect() as conn:
        return bool(conn.execute(query, {"name": RECEIVER}).scalar_one())


def base(admin_url: str, folder: Path) -> None:
    """Copy the whole server as it runs; the log received from here on belongs to it."""
    if folder.exists():
        raise PermanentError(f"{folder} is there already: a base backup is written into a folder of its own")
    command = [
        program("pg_basebackup"), "--pgdata", str(folder), "--dbname", _conninfo(admin_url), "--checkpoint=fast",
        "--wal-method=stream", "--no-password",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PermanentError(f"pg_basebackup failed: {done.stderr.strip()[-500:]}", status=500)


def lay_out(base_folder: Path, log: Path, data_dir: Path) -> None:
    """Copy a base backup to where a server shall run, ready to replay all of the received log."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise PermanentError(f"{data_dir} is not empty: what is there might be the only copy")
    label = base_folder / "backup_label"
    if not (base_folder / "PG_VERSION").exists() or not label.exists():
        raise PermanentError(f"{base_folder} is no base backup: it was not written by `nightporter backup base`")
    _hold_whole(log, label.read_text(encoding="utf-8"))
    shutil.copytree(base_folder, data_dir, dirs_exist_ok=True)
    data_dir.chmod(0o700)
    prepare_recovery(data_dir, log)


def _hold_whole(log: Path, label: str) -> None:
    """Refuse a log that does not go on from the base backup without a gap: what it lacks would be lost in silence."""
    found = _BEGINS.search(label)
    first = found[1] if found else ""
    held = {file.name.removesuffix(".partial"): file for file in log.iterdir() if _SEGMENT.match(file.name)}
    if first not in held:
        raise PermanentError(f"{log} lacks {first or 'all'}, with which the base backup goes on: is it of another one?")
    per_file = 2**32 // max(1, held[first].stat().st_size)
    later = sorted(name for name in held if name[:8] == first[:8] and name >= first)
    numbers = [int(name[8:16], 16) * per_file + int(name[16:], 16) for name in later]
    for name, number, after in zip(later, numbers, numbers[1:], strict=False):
        if after != number + 1:
            raise PermanentError(f"{log} has a gap after {name}: take a newer base backup, or bring what is missing")


def prepare_recovery(data_dir: Path, log: Path) -> None:
    """Have the server on a copy of a base backup replay all of the received log at its start, and then go on."""
    kept = shlex.quote(str(log))
    # The segment that was being received has a name of its own, and holds the newest commits.
    fetch = f"cp {kept}/%f %p 2>/dev/null || cp {kept}/%f.partial %p"
    with (data_dir / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"restore_command = '{fetch.replace(chr(39), chr(39) * 2)}'\n")
        # Nobody receives yet: the restored server must not wait for anybody.
        settings.write("synchronous_standby_names = ''\n")
    (data_dir / "recovery.signal").touch()


def _sqlalchemy(admin_url: str) -> str:
    return make_url(admin_url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _conninfo(admin_url: str) -> str:
    """The address as PostgreSQL's programs take it; the password goes by the environment, which others cannot read."""
    url = make_url(admin_url)
    if url.password:
        os.environ["PGPASSWORD"] = url.password
    told = {
        "host": url.query.get("host", url.host), "port": url.query.get("port", url.port), "user": url.username,
        "application_name": RECEIVER,
    }  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in told.items() if value)
