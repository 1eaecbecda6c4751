"""The audit log on a real PostgreSQL: what the application may do, and that whatever else is done to it is found."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from python_nodes.errors import PermanentError
from python_nodes.steps import audit_verify
from python_nodes.steps.audit_verify import Verified
from python_nodes.store import audit, migrate
from python_nodes.store.audit import Entry
from python_nodes.store.session import Database, engine_for
from tests.conftest import MigratedDatabase

MOMENT = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
STRANGE = 'Zoë "☃" \\ back\tslash\u202e\x00\ud800 </script> ' + "x" * 300


def entry(number: int) -> Entry:
    return Entry(
        at=MOMENT + timedelta(seconds=number), via="api", actor=f"key {number}", action="POST /v1/mutes",
        objects={"mute_id": number, "listing_ids": [1, 2]}, run_id=f"run-{number}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared(pg_admin_url: str) -> MigratedDatabase:
    """One database for all tests here; each has a tenant, and so a chain, of its own."""
    owner_url, app_url = migrate.provision(pg_admin_url, "np_audit", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    return MigratedDatabase(owner_url=owner_url, app_url=app_url)


@pytest.fixture(scope="module")
def app_database(shared: MigratedDatabase) -> Iterator[Database]:
    opened = Database(shared.app_url)
    yield opened
    opened.dispose()


@pytest.fixture
def tenant_id(shared: MigratedDatabase) -> int:
    return migrate.create_tenant(shared.owner_url, uuid4().hex, "EUR")


@pytest.fixture(scope="module")
def owner(shared: MigratedDatabase) -> Iterator[Engine]:
    """Whoever owns the schema."""
    engine = engine_for(shared.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture
def filled(app_database: Database, tenant_id: int) -> Database:
    """Ten entries, three in one transaction."""
    for number in range(7):
        with app_database.tenant(tenant_id) as conn:
            audit.record(conn, entry(number))
    with app_database.tenant(tenant_id) as conn:
        for number in range(7, 10):
            audit.record(conn, entry(number))
    return app_database


def verify(database: Database, tenant_id: int, expect: str | None = None) -> Verified:
    return audit_verify.run(database, tenant_id, lambda _done, _total: None, expect)


def tamper(owner: Engine, tenant_id: int, *statements: str) -> None:
    """Run statements as the owner, who is fenced too and so says whose rows are meant."""
    with owner.begin() as conn:
        conn.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(tenant_id)})
        for statement in statements:
            done = conn.execute(text(statement)).rowcount
            assert done or statement.startswith("ALTER"), statement


def at(position: int) -> str:
    """The entry at a position of the tenant's chain."""
    return f"(SELECT entry_id FROM audit_chain WHERE position = {position})"


def test_a_chain_that_nobody_touched_is_whole(filled: Database, tenant_id: int) -> None:
    found = verify(filled, tenant_id)
    assert (found.entries, found.broken) == (10, None)
    assert len(bytes.fromhex(found.head)) == 32
    assert verify(filled, tenant_id, found.head).broken is None


def test_what_is_strange_is_hashed_as_it_is_stored(app_database: Database, tenant_id: int) -> None:
    with app_database.tenant(tenant_id) as conn:
        objects = {"id": "ä\u2028\x00"}
        audit.record(conn, replace(entry(1), actor=STRANGE, action=STRANGE, run_id=STRANGE, objects=objects))
        told = audit.newest(conn, since=None, who=None, most=1)[0]["actor"]
    assert verify(app_database, tenant_id).broken is None
    assert len(told) == audit.LONGEST
    assert told.isprintable()


FORGED = (
    "INSERT INTO audit_log (at, via, actor, action, objects, outcome, run_id)"
    " VALUES (now(), 'api', 'key 1', 'POST /v1/mutes', '{}', 'done', 'x')"
)
CHANGES: dict[str, tuple[str, ...]] = {
    r"position 4: entry \d+ is not what was": (f"UPDATE audit_log SET actor = 'nobody' WHERE id = {at(4)}",),
    r"position 5: entry \d+ is gone": (f"DELETE FROM audit_log WHERE id = {at(5)}",),
    "position 6 is missing": (
        f"DELETE FROM audit_log WHERE id = {at(6)}", "DELETE FROM audit_chain WHERE position = 6",
    ),
    "position 1 is missing": (
        f"DELETE FROM audit_log WHERE id = {at(1)}", "DELETE FROM audit_chain WHERE position = 1",
    ),
    r"position 3: entry \d+ is not what": ("UPDATE audit_chain SET hash = sha256('x') WHERE position = 3",),
    "position 11: .* written by nightporter_owner": (FORGED,),
    "is in no link": (
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_linked", FORGED,
        "ALTER TABLE audit_log ENABLE TRIGGER audit_log_linked",
    ),
    r"position 8: entry \d+ is not what": (
        f"DELETE FROM audit_log WHERE id = {at(8)}", "DELETE FROM audit_chain WHERE position = 8",
        "UPDATE audit_chain SET position = position - 1 WHERE position > 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", CHANGES)
def test_what_the_owner_changes_is_found_and_named(told: str, filled: Database, owner: Engine, tenant_id: int) -> None:
    tamper(owner, tenant_id, *CHANGES[told])
    broken = verify(filled, tenant_id).broken
    assert broken is not None
    assert re.search(told, broken), broken


def test_an_end_that_was_cut_off_is_found_by_whoever_kept_the_head(
    filled: Database, owner: Engine, tenant_id: int
) -> None:
    kept = verify(filled, tenant_id).head
    cut = f"DELETE FROM audit_log WHERE id > {at(8)}"
    tamper(owner, tenant_id, cut, "DELETE FROM audit_chain WHERE position > 8")
    # The chain alone cannot tell: it is whole, only shorter.
    assert verify(filled, tenant_id).broken is None
    broken = verify(filled, tenant_id, kept).broken
    assert broken is not None
    assert "cut off" in broken


def test_a_kept_head_holds_after_more_was_appended(filled: Database, tenant_id: int) -> None:
    kept = verify(filled, tenant_id).head
    with filled.tenant(tenant_id) as conn:
        audit.record(conn, entry(11))
    found = verify(filled, tenant_id, kept)
    assert (found.entries, found.broken) == (11, None)
    assert found.head != kept


@pytest.mark.parametrize("expect", ["", "xyz", "ab" * 31])
def test_a_hash_that_is_none_is_refused(expect: str, filled: Database, tenant_id: int) -> None:
    with pytest.raises(PermanentError, match="64 hexadecimal"):
        verify(filled, tenant_id, expect)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log",
        "UPDATE audit_chain SET position = 1", "DELETE FROM audit_chain", "TRUNCATE audit_chain",
        "INSERT INTO audit_chain (position, entry_id, written_by, hash) VALUES (99, 99, 'x', 'x')",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL", "SET session_replication_role = replica",
    ],
)  # fmt: skip
def test_the_application_can_only_append(statement: str, filled: Database, tenant_id: int) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), filled.tenant(tenant_id) as conn:
        conn.execute(text(statement))


def test_what_was_rolled_back_is_in_no_chain(filled: Database, tenant_id: int) -> None:
    with filled.engine.connect() as conn:
        conn.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(tenant_id)})
        audit.record(conn, entry(11))
        conn.rollback()
    assert verify(filled, tenant_id).entries == 10


def test_each_tenant_has_a_chain_of_its_own(
    filled: Database, shared: MigratedDatabase, tenant_id: int, owner: Engine
) -> None:
    other = migrate.create_tenant(shared.owner_url, uuid4().hex, "USD")
    with filled.tenant(other) as conn:
        audit.record(conn, entry(1))
    assert verify(filled, other).entries == 1
    tamper(owner, tenant_id, f"UPDATE audit_log SET outcome = 'refused' WHERE id = {at(2)}")
    assert verify(filled, other).broken is None
    assert verify(filled, tenant_id).broken is not None


def test_many_at_once_make_one_chain_and_wait_only_for_commits(filled: Database, tenant_id: int) -> None:
    reached = threading.Barrier(6)

    def work(number: int) -> None:
        for turn in range(5):
            with filled.tenant(tenant_id) as conn:
                audit.record(conn, entry(number))
                if turn == 0:
                    # All have appended and none has committed: nobody waits for another's work.
                    reached.wait(timeout=20)
                audit.record(conn, entry(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    found = verify(filled, tenant_id)
    assert (found.entries, found.broken) == (10 + 6 * 5 * 2, None)


def test_it_is_shown_newest_first_by_who_and_since(filled: Database, tenant_id: int) -> None:
    def show(see: Callable[[Connection], list[dict[str, object]]]) -> list[object]:
        with filled.tenant(tenant_id) as conn:
            return [one["actor"] for one in see(conn)]

    assert show(lambda conn: audit.newest(conn, since=None, who=None, most=3)) == ["key 9", "key 8", "key 7"]
    assert show(lambda conn: audit.newest(conn, since=None, who="KEY 4", most=9)) == ["key 4"]
    late = MOMENT + timedelta(seconds=8)
    assert show(lambda conn: audit.newest(conn, since=late, who=None, most=9)) == ["key 9", "key 8"]
