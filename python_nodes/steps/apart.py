"""Work on all listings at once; where that fails, property by property, so that one costs the others nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import RetryableError

Result = TypeVar("Result")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart(Generic[Result]):
    """What came of each part, and the listings of the properties that failed on their own."""

    results: Sequence[Result]
    failed: Sequence[ListingInfo]


def by_property(listings: Sequence[ListingInfo], work: Callable[[list[ListingInfo]], Result]) -> Apart[Result]:
    """Run ``work`` on all, on halves of what fails, in the end on single properties.

    A store that does not answer is nobody's property: that is raised, and so is what fails for every single one.
    """
    done, failed, last = _halved(list(listings), work)
    if last is not None and not done:
        raise last
    return Apart(results=done, failed=failed)


def _halved(
    listings: list[ListingInfo], work: Callable[[list[ListingInfo]], Result]
) -> tuple[list[Result], list[ListingInfo], Exception | None]:
    try:
        return [work(listings)], [], None
    except (RetryableError, OperationalError):
        raise
    except Exception as error:
        places = sorted({listing.property_id for listing in listings})
        if len(places) <= 1:
            # The type alone: the words of an error that is not ours may hold what must not be logged.
            name = listings[0].property_external_id if listings else ""
            _log.error("property_failed", property=name, error=type(error).__name__)
            return [], listings, error
        first = set(places[: len(places) // 2])
        halves = ([one for one in listings if (one.property_id in first) is wanted] for wanted in (True, False))
        (done, failed, problem), (more, also, other) = (_halved(half, work) for half in halves)
        return [*done, *more], [*failed, *also], other or problem
