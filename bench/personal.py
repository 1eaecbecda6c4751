"""What it costs that the raw archive is encrypted and guests are masked: polls with and without it, in turns.

What is compared is the worker's own CPU time: what PostgreSQL does is the same either way. Parting payloads by guest is
no part of a poll; it is timed by itself.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection

from bench import _stack, ingest
from bench.ingest import Bench, Given
from python_nodes import config, vendors, wiring
from python_nodes.steps import guest_part, poll
from python_nodes.steps.connect import Link
from python_nodes.store import migrate
from python_nodes.store.raw import RawArchive
from python_nodes.vendors.base import RawPayload

ROUNDS, BOOKINGS = 3, 5_000
GOAL_RATIO = 1.15
"""At most, together with row-level security and the audit log."""
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = ("performance", "ari", "reservation_history")


@dataclass(frozen=True, slots=True)
class Plain:
    """Keys that leave everything as it is, only as much longer as the real ones would."""

    def of(self, conn: Connection, tenant_id: int | None = None) -> Plain:
        """The same for everybody."""
        return self

    @staticmethod
    def seal(content: bytes) -> bytes:
        """Nothing is sealed."""
        return content


class PlainArchive(RawArchive):
    """An archive as it was before there were keys."""

    def __init__(self, root: Any, secret: str) -> None:
        super().__init__(root, secret)
        self.keys: Any = Plain()


@dataclass(frozen=True, slots=True)
class History(Given):
    """A client that tells of reservations too."""

    def fetch_reservation_history(self, *, as_of: datetime, **_: Any) -> Iterator[RawPayload]:
        """As ``booking_com.client``."""
        return self._answers("reservation_history", as_of)


def reservations_csv(count: int, listings: int, seed: int) -> bytes:
    """A report of bookings, each of another guest."""
    draw = random.Random(seed)
    head = "reservation_id,property_id,room_id,rate_id,status,booked_at,cancelled_at,checkin,checkout,guest_name,"
    rows = [head + "total_price,currency,modified_at"]
    for number in range(count):
        key, day = f"{draw.randrange(listings):05d}", date(2025, 1, 1) + timedelta(days=draw.randrange(400))
        name = f"{''.join(draw.choices('abcdefgh', k=6)).title()} {''.join(draw.choices('klmnoprst', k=9)).title()}"
        rows.append(
            f"{seed * count + number:09d},p{key},r{key},standard,ok,{day}T10:00:00Z,,{day},{day + timedelta(days=3)},"
            f"{name},{draw.randrange(8000, 90000) / 100:.2f},EUR,{day}T10:00:00Z"
        )
    return "\n".join(rows).encode()


def _contents(kind: str, turn: int) -> list[bytes]:
    if kind == "reservation_history":
        return [reservations_csv(BOOKINGS, ingest.N_LISTINGS, turn + 1)]
    return ingest._contents(kind, turn)


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _poll(bench: Bench, kind: str, contents: list[bytes]) -> float:
    link = Link(
        connection=bench.connection, vendor=vendors.load("booking_com"), client=History(contents),
        listings=bench.listings,
    )  # fmt: skip
    return _cpu_s(lambda: poll.record(bench.services, bench.tenant_id, link, kind, AS_OF, None))


def _measured(sealed: Bench, plain: Bench) -> dict[str, list[float]]:
    """By kind, how many times as much CPU each round took; the first round only warms up."""
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(ROUNDS + 1):
        for kind in KINDS:
            contents = _contents(kind, turn)
            # Now one begins, now the other.
            took = {one: _poll(one, kind, contents) for one in ((sealed, plain), (plain, sealed))[turn % 2]}
            if turn:
                ratios[kind].append(took[sealed] / took[plain])
    return ratios


def run() -> list[dict[str, Any]]:
    """Measure polls both ways, each for a tenant of its own, then parting by guest."""
    with _stack.scratch() as directory, _stack.postgres(directory) as urls:
        ours, other = (migrate.create_tenant(urls.owner, name, "EUR") for name in ("sealed", "plain"))
        told = _stack.environment(urls.app, "redis://127.0.0.1:1", directory, ours)
        settings = config.load({k: v for k, v in told.items() if k not in os.environ})
        services = wiring.build_services(settings)
        archive = PlainArchive(settings.raw_root, settings.secret_key.get_secret_value())
        before = replace(services, archive=archive, life=replace(services.life, keeps_guests=True))
        engine, parted = services.database.engine, dict[str, int]()
        try:
            ratios = _measured(Bench(services, ours, engine), Bench(before, other, engine))
            took = _cpu_s(lambda: parted.update(guest_part.run(services, ours, AS_OF)))
        finally:
            services.database.dispose()
    return [*_rows(ratios), _parting(parted["reservations"] / took)]


def _rows(ratios: dict[str, list[float]]) -> list[dict[str, Any]]:
    return [
        {"name": f"a poll of {kind}, encrypted and masked", "value": round(median(found), 3),
         "unit": "of the CPU without", "peer": "neither", "peer_value": 1.0, "ratio": round(median(found), 3),
         "goal": GOAL_RATIO, "holds": median(found) <= GOAL_RATIO}
        for kind, found in ratios.items()
    ]  # fmt: skip


def _parting(rate: float) -> dict[str, Any]:
    return {
        "name": "parting payloads by guest, at night", "value": round(rate), "unit": "guests/CPU s", "peer": None,
        "peer_value": None, "ratio": None, "goal": None, "holds": None,
    }  # fmt: skip
