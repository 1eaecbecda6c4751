"""One shard of a sweep, in whichever process: what it is given, what it finds, and how both are written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import numpy as np

from python_nodes.domain.columns import BoolArray
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import input_mark, shards, sweep
from python_nodes.steps import apart, metrics_derive, peer_groups, snapshot, swept, swept_kept
from python_nodes.steps.services import Services
from python_nodes.store import booked, portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What all shards are given: the moment, the day it is everywhere, how many listings there are, known bookings."""

    as_of: datetime
    today: date
    of_all: int
    span: metrics_derive.Span

    def as_json(self) -> dict[str, Any]:
        """Write it down."""
        span = {channel: [one.isoformat() for one in ends] for channel, ends in self.span.items()}
        days = {"as_of": self.as_of.isoformat(), "today": self.today.isoformat()}
        return {**days, "of_all": self.of_all, "span": span}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Given:
        """Read what `as_json` wrote."""
        span = {
            channel: (datetime.fromisoformat(first), datetime.fromisoformat(last))
            for channel, (first, last) in told["span"].items()
        }
        moment, today = datetime.fromisoformat(told["as_of"]), date.fromisoformat(told["today"])
        return cls(as_of=moment, today=today, of_all=int(told["of_all"]), span=span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Series with data, points scored, what was found, and the listings that could not be looked at."""

    series: int
    scored: int
    found: Sequence[Anomaly]
    failed: Sequence[int]

    def as_text(self) -> str:
        """Write it down; to the same numbers, since every float is written in full."""
        names = [one.name for one in fields(Anomaly)]
        found = [{name: getattr(one, name) for name in names} for one in self.found]
        told = {"series": self.series, "scored": self.scored, "found": found, "failed": list(self.failed)}
        return json.dumps(told, default=str)

    @classmethod
    def of_text(cls, text: str) -> Looked:
        """Read what `as_text` wrote."""
        told = json.loads(text)
        found = [Anomaly(**{**one, "onset_date": date.fromisoformat(one["onset_date"])}) for one in told["found"]]
        return cls(series=told["series"], scored=told["scored"], found=found, failed=told["failed"])


def survey(services: Services, tenant_id: int, as_of: datetime) -> tuple[list[list[ListingInfo]], Given]:
    """Part the portfolio, and tell what all parts are given."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        span = booked.span_by_channel(conn, as_of)
    given = Given(as_of=as_of, today=snapshot.local_day(as_of, listings), of_all=len(listings), span=span)
    return shards.plan(listings, services.sweep_shard_listings), given


def derive(services: Services, tenant_id: int, part: Sequence[ListingInfo], given: Given) -> None:
    """Derive what no channel reports of a shard's listings."""
    own = metrics_derive.Part(listings=part, span=given.span)
    metrics_derive.run(services, tenant_id, given.as_of, part=own)


def look(
    services: Services, tenant_id: int, part: Sequence[ListingInfo], given: Given, at_once: int = sweep.AT_ONCE
) -> Looked:  # fmt: skip
    """Run every watch on a shard."""
    own = swept.Part(listings=part, today=given.today, of_all=given.of_all)
    seen = swept.read(services, tenant_id, given.as_of, own)
    with services.database.tenant(tenant_id) as conn:
        near = peer_groups.load(conn, seen.today, None if own.is_whole else [one.listing_id for one in part])
    valuable = shards.share(services.inspect_listings, len(part), given.of_all)

    def score(some: list[ListingInfo]) -> list[Anomaly]:
        rows, masked = _rows_of(seen.matrix, seen.down, some)
        return sweep.score_all(seen.watches, rows, some, None, seen.today, masked, near, valuable, at_once)

    done = apart.by_property(seen.listings, score)
    looked = Looked(
        series=snapshot.told(seen.matrix), scored=len(seen.listings) * len(seen.watches),
        found=[anomaly for each in done.results for anomaly in each],
        failed=[listing.listing_id for listing in done.failed],
    )  # fmt: skip
    if seen.listings and not looked.failed:
        rows, masked = _rows_of(seen.matrix, seen.down, seen.listings)
        marks = input_mark.of(seen.watches, rows, seen.listings, seen.today, masked, near, valuable)
        swept_kept.keep(services, tenant_id, seen.listings, swept_kept.Kept(marks=marks, found=looked.as_text()))
    return looked


def _rows_of(matrix: MetricMatrix, down: BoolArray, listings: Sequence[ListingInfo]) -> tuple[MetricMatrix, BoolArray]:
    """Return the rows of some listings, in their order."""
    row_of = {int(one): row for row, one in enumerate(matrix.listing_ids)}
    rows = np.array([row_of[listing.listing_id] for listing in listings], dtype=np.int64)
    values = {name: told[rows] for name, told in matrix.values.items()}
    return MetricMatrix(listing_ids=matrix.listing_ids[rows], days=matrix.days, values=values), down[rows]
