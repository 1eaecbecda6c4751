"""How many worker processes a portfolio gets, and what their memory is told."""

from __future__ import annotations

import pytest

from python_nodes.local.servers import MANY_LISTINGS, worker_processes


@pytest.mark.parametrize(
    ("listings", "cores", "expected"),
    [(200, 2, 1), (MANY_LISTINGS - 1, 8, 1), (MANY_LISTINGS, 2, 3), (3_000, 8, 3), (3_000, 1, 1)],
)
def test_more_processes_are_for_many_listings_and_a_second_core(listings: int, cores: int, expected: int) -> None:
    assert worker_processes(listings, cores) == expected
