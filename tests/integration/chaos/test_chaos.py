"""The short form of `make chaos`: real servers, ten faults, nothing lost or doubled; and a count that would notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from chaos import build, faults, plan, truth
from chaos.__main__ import HISTORY_DAYS, LIVE_DAYS, SCENARIO, WORLD_SEED
from chaos.count import Auditor, Found
from chaos.play import Player
from chaos.stack import Stack
from python_nodes.local.demo import CHANNELS
from python_nodes.local.servers import WorldArguments

N_FAULTS, SEED = 10, 8
WORLD = WorldArguments(
    seed=WORLD_SEED, listings=12, days=HISTORY_DAYS, live_days=LIVE_DAYS, scenario=SCENARIO, channels=CHANNELS
)  # fmt: skip


@dataclass(frozen=True)
class Struck:
    """A system that ten faults have struck, what was found, and the moment of its last cycle."""

    stack: Stack
    auditor: Auditor
    found: Found
    last_at: datetime

    def count_after(self, statement: str) -> Found:
        """Count once more after somebody tampered with the database; a second statement undoes the first."""
        engine = create_engine(self.stack.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(text(statement))
        return self.auditor.count(self.last_at)


@pytest.fixture(scope="module")
def struck() -> Iterator[Struck]:
    with build.running(WORLD, store="postgres", with_n8n=False, say=print) as stack:
        real = truth.of(WORLD)
        auditor = Auditor(stack, real)
        player = Player(stack, real, auditor, print)
        played = player.play(plan.draw(faults.every(stack), N_FAULTS, 0.0, SEED))
        yield Struck(stack, auditor, played.found, player.last_at)


def test_ten_faults_lose_and_double_nothing(struck: Struck) -> None:
    assert (struck.found.lost, struck.found.doubled) == (set(), set())
    counted = struck.found.counted
    assert counted["bookings"] > 500
    assert counted["figures"] > 30
    assert counted["alerts due"] >= 1
    assert counted["Slack messages"] >= 1
    assert counted["rows of the other tenant"] > 10


def test_the_count_notices_what_is_missing_and_what_is_too_much(struck: Struck) -> None:
    taken = (
        "UPDATE bookings SET external_id = 'x' || external_id"
        " WHERE external_id = (SELECT min(external_id) FROM bookings)"
    )
    found = struck.count_after(taken)
    assert len(found.lost) == 1
    assert [item for item in found.doubled if "was never issued" in item]
    doubled = "UPDATE metrics_daily SET listing_views = listing_views * 2 + 1 WHERE listing_views IS NOT NULL"
    assert any(item.startswith("views") for item in struck.count_after(doubled).doubled)
    unsent = "UPDATE deliveries SET status = 'failed' WHERE status = 'sent' AND sender = 'slack'"
    found = struck.count_after(unsent)
    assert any(item.startswith("delivery") for item in found.lost)
    assert any("belongs to no delivery" in item for item in found.doubled)
    leaked = (
        "INSERT INTO mutes (tenant_id, start_at, end_at, reason, actor, origin, zone)"
        f" SELECT {struck.stack.other_tenant_id}, now(), now(), 'leaked', 'a', 'maintenance', 'UTC'"
    )
    assert any(item.startswith("other tenant: mutes") for item in struck.count_after(leaked).doubled)
