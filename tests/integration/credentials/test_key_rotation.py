"""The secret key is replaced while connections are used, on a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import LargeBinary, insert

from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.domain.sealing import name_of, sealer
from python_nodes.errors import ConfigError
from python_nodes.steps import key_rotation
from python_nodes.steps.services import Services
from python_nodes.steps.vault import StoredCredentials
from python_nodes.store import connections, migrate, sealed
from python_nodes.store.table_parts import METADATA
from python_nodes.store.tables import connections as table
from python_nodes.vendors.resilience import TOKENS, RedisTokenCache
from tests.conftest import MigratedDatabase

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
EACH = key_rotation.BATCH + 40


@dataclass(frozen=True)
class Place:
    """Two tenants' connections, all under the old key."""

    services: Services
    settings: Settings
    tenant_ids: Sequence[int]
    cache: redis.Redis

    def under(self, keys: str) -> Services:
        return replace(self.services, fernet_key=keys)

    def rotate(self, keys: str = f"{NEW},{OLD}", told: key_rotation.Progress = lambda *_: None) -> dict[str, int]:
        done = key_rotation.rotate(self.under(keys), self.tenant_ids, told)
        return {one.place: one.changed for one in done}

    def fill(self, tenant_id: int, count: int, key: str, prefix: str = "c") -> None:
        rows = [
            {"vendor": "booking_com", "name": f"{prefix}{n}", "base_url": "http://x", "settings": {}, "is_active": True,
             "credentials": sealer(key).seal(json.dumps({"n": str(n)}).encode())}
            for n in range(count)
        ]  # fmt: skip
        with self.services.database.tenant(tenant_id) as conn:
            conn.execute(insert(table), rows)


@pytest.fixture
def place(database: MigratedDatabase, valkey_url: str, tmp_path: Path) -> Iterator[Place]:
    tenant_ids = [migrate.create_tenant(database.owner_url, name, "EUR") for name in ("tenant-a", "tenant-b")]
    # A numbered database of its own: other tests' tokens are under other keys.
    url = f"{valkey_url.rstrip('/')}/7" if valkey_url.startswith("redis://") else f"{valkey_url}?db=7"
    settings = Settings(
        database_url=SecretStr(database.app_url), owner_url=SecretStr(database.owner_url), redis_url=SecretStr(url),
        secret_key=SecretStr(OLD), raw_root=tmp_path, tenant_id=tenant_ids[0], retry_attempts=1,
    )  # fmt: skip
    services = wiring.build_services(settings)
    found = Place(services, settings, tenant_ids, redis.Redis.from_url(url))
    found.cache.flushdb()
    yield found
    found.cache.close()
    services.database.dispose()


def test_every_secret_is_encrypted_again_while_connections_are_used(place: Place) -> None:
    for tenant_id in place.tenant_ids:
        place.fill(tenant_id, EACH, OLD)
    RedisTokenCache(place.cache, OLD).set("booking_com:1-1:x", "jwt", 600)
    both, busy = place.under(f"{NEW},{OLD}"), place.tenant_ids[1]
    with both.database.tenant(busy) as conn:
        ids = [one.connection_id for one in connections.list_active(conn, both.fernet_key)]
    stop, turns = threading.Event(), [0]

    def use() -> None:
        # As a poll does whose vendor hands out a new refresh token each time.
        while not stop.is_set():
            vault = StoredCredentials(services=both, tenant_id=busy, connection_id=ids[turns[0] % len(ids)])
            vault.replace({"refresh_token": f"r{turns[0]}"})
            assert vault.read()["refresh_token"] == f"r{turns[0]}"
            turns[0] += 1

    worker = threading.Thread(target=use)
    worker.start()
    seen: list[tuple[str, int, int]] = []
    try:
        changed = place.rotate(told=lambda *told: seen.append(told))
    finally:
        stop.set()
        worker.join()
    assert turns[0] > 0
    # What the worker wrote meanwhile was under the new key already.
    assert 2 * EACH - turns[0] <= changed["connections.credentials"] <= 2 * EACH
    assert changed[key_rotation.TOKENS] == 1
    assert seen[-1][0] != "connections.credentials" or seen[-1][1:] == (2 * EACH, 2 * EACH)
    alone = place.under(NEW)
    for tenant_id in place.tenant_ids:
        with alone.database.tenant(tenant_id) as conn:
            opened = connections.list_active(conn, alone.fernet_key)
        assert {one.credentials["n"] for one in opened} == {str(n) for n in range(EACH)}
        kept = [one for one in opened if "refresh_token" in one.credentials]
        assert len(kept) == (min(turns[0], EACH) if tenant_id == busy else 0)
    assert RedisTokenCache(place.cache, NEW).get("booking_com:1-1:x") == "jwt"
    assert 0 < place.cache.ttl(f"{TOKENS}booking_com:1-1:x") <= 600
    assert sum(place.rotate().values()) == 0


def test_what_was_stopped_goes_on_where_it_stopped(place: Place) -> None:
    for tenant_id in place.tenant_ids:
        place.fill(tenant_id, EACH, OLD)

    def dies(name: str, done: int, _total: int) -> None:
        if name == "connections.credentials" and done > EACH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.rotate(told=dies)
    (found,) = (
        one
        for one in key_rotation.check(place.under(f"{NEW},{OLD}"), place.tenant_ids, lambda *_: None)
        if one.place == "connections.credentials"
    )
    in_use, old = found.by_key
    assert in_use + old == 2 * EACH
    assert 0 < old < 2 * EACH
    assert place.rotate()["connections.credentials"] == old


def test_a_secret_under_no_key_is_named_left_as_it_is_and_hinders_nothing(place: Place) -> None:
    place.fill(place.tenant_ids[0], 3, OLD)
    place.fill(place.tenant_ids[1], 1, LOST, "lost")
    done = key_rotation.rotate(place.under(f"{NEW},{OLD}"), place.tenant_ids, lambda *_: None)
    found = next(one for one in done if one.place == "connections.credentials")
    assert (found.by_key, found.changed, len(found.unknown)) == ((3, 0), 3, 1)
    assert f"of tenant {place.tenant_ids[1]}" in found.unknown[0]
    with (
        place.services.database.tenant(place.tenant_ids[1]) as conn,
        pytest.raises(ConfigError, match=r"NIGHTPORTER_SECRET_KEY: connection \d+ is encrypted with a key"),
    ):
        connections.list_active(conn, NEW)
    with place.services.database.tenant(place.tenant_ids[1]) as conn:
        assert connections.list_active(conn, f"{NEW},{LOST}")[0].credentials == {"n": "0"}


def _nightporter(place: Place, keys: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = place.settings
    assert told.owner_url is not None
    environ = {
        "DATABASE_URL": told.database_url.get_secret_value(), "OWNER_URL": told.owner_url.get_secret_value(),
        "REDIS_URL": told.redis_url.get_secret_value(), "SECRET_KEY": keys, "RAW_ROOT": str(told.raw_root),
        "TENANT_ID": str(told.tenant_id),
    }  # fmt: skip
    return subprocess.run(
        [str(Path(sys.executable).with_name("nightporter")), "keys", *arguments], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], **{f"NIGHTPORTER_{name}": value for name, value in environ.items()}},
        check=False, timeout=120,
    )  # fmt: skip


def test_the_commands_tell_what_is_under_which_key_and_show_none(place: Place) -> None:
    place.fill(place.tenant_ids[0], 2, OLD)
    place.fill(place.tenant_ids[1], 3, OLD)
    done = _nightporter(place, f"{NEW}\n{OLD}\n", "rotate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "5 encrypted again"
    assert f"nothing is under {name_of(OLD)} any more" in done.stdout
    missing = _nightporter(place, OLD, "check", "--tenant", str(place.tenant_ids[1]))
    assert missing.returncode == 2
    assert missing.stderr.count("under a key that is not set") == 3
    assert not any(key in run.stdout + run.stderr for key in (OLD, NEW) for run in (done, missing))


def test_every_column_of_bytes_is_known_to_be_under_the_secret_key_or_not() -> None:
    # Digests, packed numbers, and what rests under a tenant's key, which is itself under the secret key.
    others = ("hash", "sha256", "_ref", "series_queue.points", "guest_keys.salt", "rejected.raw")
    found = {
        f"{one.name}.{column.name}"
        for one in METADATA.sorted_tables
        for column in one.columns
        if isinstance(column.type, LargeBinary)
    }
    places = {str(one) for one in sealed.places()}
    assert "connections.credentials" in places
    assert {name for name in found - places if not name.endswith(others)} == set()
