"""The archive's batches on a real disk and database: order, duplicates, and what is left of a killed process."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, text

from python_nodes.store.raw import RawArchive
from python_nodes.store.session import Database
from python_nodes.vendors.base import RawPayload
from tests.conftest import MigratedDatabase

SECRET = Fernet.generate_key().decode()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MANY = """
import sys
from datetime import UTC, datetime
from python_nodes.store.raw import RawArchive
from python_nodes.store.session import Database
from python_nodes.vendors.base import RawPayload
url, root, tenant, SECRET = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
at = datetime(2026, 3, 2, 12, tzinfo=UTC)
for batch in range(1000):
    told = [
        RawPayload(operation="ari", content=b"%d/%d " % (batch, n) * 500, content_type="", fetched_at=at, key="")
        for n in range(40)
    ]
    with Database(url).tenant(tenant) as conn:
        RawArchive(root, SECRET).put_all(conn, "ota", told)
    print(batch, flush=True)
"""


def payload(content: bytes, operation: str = "ari") -> RawPayload:
    return RawPayload(operation=operation, content=content, content_type="text/xml", fetched_at=NOON, key="")


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_ids_come_in_the_payloads_order_and_the_same_payload_of_an_operation_has_one(
    conn: Connection, tmp_path: Path
) -> None:
    archive = RawArchive(tmp_path, SECRET)
    alone = archive.put(conn, "ota", "ari", b"3", "text/xml", NOON)
    told = [payload(b"%d" % number) for number in (5, 3, 4, 5)] + [payload(b"3", "health")]
    ids = archive.put_all(conn, "ota", told)
    assert [archive.get(conn, one) for one in ids] == [b"5", b"3", b"4", b"5", b"3"]
    assert (ids[0], ids[1]) == (ids[3], alone)
    assert len(set(ids)) == 4
    assert len(files(tmp_path)) == 2, "one that came alone, one for all that came together"
    assert archive.put_all(conn, "ota", told) == ids
    assert len(files(tmp_path)) == 2, "nothing was new"
    assert archive.put_all(conn, "ota", []) == []


def test_where_one_cannot_be_written_none_is_indexed_and_a_repeat_keeps_all(conn: Connection, tmp_path: Path) -> None:
    archive = RawArchive(tmp_path, SECRET)
    told = [payload(b"%d" % number * (9_000 if number == 7 else 1)) for number in range(20)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            archive.put_all(conn, "ota", told)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert conn.execute(text("SELECT count(*) FROM raw_index")).scalar_one() == 0
    assert not [path for path in files(tmp_path) if path.name.startswith(".part-")]
    assert [archive.get(conn, one) for one in archive.put_all(conn, "ota", told)] == [one.content for one in told]


def test_what_a_killed_process_indexed_is_whole(database: MigratedDatabase, tenant_id: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, database.app_url, str(tmp_path), str(tenant_id), SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    with Database(database.app_url).tenant(tenant_id) as conn:
        known = [tuple(row) for row in conn.execute(text("SELECT id, sha256, size_bytes FROM raw_index"))]
        assert len(known) >= 120
        for raw_id, digest, size in known:
            content = RawArchive(tmp_path, SECRET).get(conn, raw_id)
            assert (hashlib.sha256(content).digest(), len(content)) == (bytes(digest), size)
