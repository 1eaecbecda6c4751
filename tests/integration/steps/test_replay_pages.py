"""A quarantine replayed page by page: what fails holds up nothing behind it, and no page is longer than it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bench import _documents
from python_nodes.domain.records import Rejected
from python_nodes.errors import NotFoundError
from python_nodes.steps import replay
from python_nodes.steps.services import Services
from python_nodes.store import portfolio, rejected

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROWS = 7
BAD = frozenset({1, 4})
"""Those whose listing nobody knows: they fail however often they are tried."""


@dataclass(frozen=True)
class House:
    """Services with a portfolio and a quarantine of ``ROWS`` nights, in order of id."""

    services: Services
    tenant_id: int
    ids: list[int]

    def page(
        self, rejected_ids: list[int] | None = None, *, after: int = 0, most: int = 3, within_s: float = 600
    ) -> replay.Replayed:  # fmt: skip
        return replay.run(
            self.services, self.tenant_id, AS_OF, rejected_ids, after=after, most=most, within_s=within_s
        )  # fmt: skip

    def waiting(self) -> list[int]:
        with self.services.database.tenant(self.tenant_id) as conn:
            return rejected.open_ids(conn)


@pytest.fixture
def house(services: Services, tenant_id: int) -> House:
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _documents.portfolio_of(ROWS))
        keys = services.archive.keys.of(conn, tenant_id)
        rejected.add(conn, None, [_night(n) for n in range(ROWS)], rejected_at=AS_OF, keys=keys)
        ids = rejected.open_ids(conn)
    return House(services, tenant_id, ids)


def _night(number: int) -> Rejected:
    return Rejected(
        source="booking_com", operation="ari", reason="external_id: unknown", field="external_id", raw_id=None,
        raw=_documents.ari_xml([number + 100 if number in BAD else number], AS_OF.date(), 1, seed=1),
    )  # fmt: skip


def told(replayed: int, still_rejected: int, left: int, next_after: int | None) -> replay.Replayed:
    return replay.Replayed(replayed=replayed, still_rejected=still_rejected, left=left, next_after=next_after)


def test_pages_go_on_behind_those_that_still_fail(house: House) -> None:
    first = house.page()
    assert first == told(2, 1, 4, house.ids[2])
    second = house.page(after=house.ids[2])
    assert second == told(2, 1, 1, house.ids[5])
    assert house.page(after=house.ids[5]) == told(1, 0, 0, None)
    assert house.waiting() == [house.ids[n] for n in sorted(BAD)]
    # From the beginning again only those are tried.
    assert house.page() == told(0, 2, 0, None)


def test_a_page_without_time_still_looks_at_one(house: House) -> None:
    assert house.page(within_s=0) == told(1, 0, 6, house.ids[0])
    assert house.page(within_s=0, after=house.ids[0]) == told(0, 1, 5, house.ids[1])


def test_named_records_go_by_pages_too_and_those_behind_the_cursor_may_be_gone(house: House) -> None:
    named = [house.ids[n] for n in (6, 0, 3, 5)]
    assert house.page(named) == told(3, 0, 1, house.ids[5])
    with pytest.raises(NotFoundError, match=f"record {house.ids[0]} "):
        house.page(named)
    assert house.page(named, after=house.ids[5]) == told(1, 0, 0, None)
    assert house.waiting() == [house.ids[n] for n in (1, 2, 4)]


def test_nothing_is_replayed_where_a_named_record_is_not_there(house: House) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        house.page([*house.ids, house.ids[-1] + 1])
    assert house.waiting() == house.ids


def test_what_can_never_be_read_holds_up_no_other(house: House) -> None:
    with house.services.database.tenant(house.tenant_id) as conn:
        conn.exec_driver_sql("UPDATE rejected SET source = 'gone' WHERE id = %s", (house.ids[0],))
        # Sealed by a key that is no more.
        conn.exec_driver_sql("UPDATE rejected SET raw = 'NPs1' || raw WHERE id = %s", (house.ids[2],))
    assert house.page(most=ROWS) == told(3, 4, 0, None)


def test_page_by_page_to_the_end(house: House) -> None:
    seen: list[tuple[int, int]] = []
    done = replay.to_the_end(
        house.services, house.tenant_id, AS_OF, None, lambda done, total: seen.append((done, total)), most=3
    )  # fmt: skip
    assert done == {"replayed": ROWS - len(BAD), "still_rejected": len(BAD)}
    assert seen == [(3, ROWS), (6, ROWS), (ROWS, ROWS)]
