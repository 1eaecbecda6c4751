"""What the watches would have told of stored days, beside what is known of these, and beside other settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.findings import Alert
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import PermanentError
from python_nodes.scoring import backtest_ranked, labels_file, replay
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.peers import Near
from python_nodes.scoring.replay import Raised
from python_nodes.scoring.watches import Watch, load_watches, with_budget
from python_nodes.steps import backtest_view, cuts, doubts, peer_groups, places, snapshot, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import alerts, portfolio, verdicts

MOST_DAYS = 366
STAGES = 4
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which days, both included; ``labels`` is a file's name and content.

    What to try beside what runs: ``watches``, a file, and ``budget``, false alerts expected a week per 100 listings.
    """

    start: date
    end: date
    labels: tuple[str, bytes] | None = None
    watches: Path | None = None
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What is stored: figures, the days on which a listing was down, and the peers that were known at the start."""

    matrix: MetricMatrix
    listings: list[ListingInfo]
    down: BoolArray
    near: Near


@dataclass(frozen=True, slots=True)
class Played:
    """What some watches would have raised, and what they said of each day of the listings."""

    raised: list[Raised]
    listings: list[ListingInfo]
    said: list[backtest_ranked.Said]


@dataclass(frozen=True, slots=True)
class Known:
    """Labels, and where they are from: a ``file``, people's ``verdicts``, past ``alerts``, or ``nothing``."""

    source: str
    labels: list[Label]


def run(
    services: Services, tenant_id: int, request: Request, as_of: datetime, tell: Tell = lambda done, total: None
) -> dict[str, Any]:
    """Replay the days; returns plain JSON (`backtest_view.view`). Nothing is stored."""
    _check_days(request)
    with log.stage("backtest", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            now = cuts.watches(services, conn, request.end)
        tried = _tried(request, now)
        if not listings:
            raise PermanentError("there is no listing yet: import a portfolio first")
        matrix = read(services, tenant_id, [*now, *(tried or [])], listings, request, as_of)
        tell(1, STAGES)
        with services.database.tenant(tenant_id) as conn:
            past = Past(
                matrix, listings, doubts.outage_days(conn, listings, matrix.days, as_of),
                peer_groups.load(conn, request.start),
            )  # fmt: skip
        ours = _played(now, past, request)
        tell(2, STAGES)
        other = _played(tried, past, request) if tried is not None else None
        tell(3, STAGES)
        known = _known(services, tenant_id, listings, now, request, as_of)
        told = backtest_view.view(
            backtest_view.Span(request.start, request.end), listings, known.source, known.labels,
            _side(now, ours, known, request), None if tried is None or other is None else
            _side(tried, other, known, request),
        )  # fmt: skip
        tell(4, STAGES)
        facts.update(days=told["days"], listings=len(listings), alerts=len(ours.raised))
    return told


def _check_days(request: Request) -> None:
    if request.end < request.start:
        raise PermanentError(f"to: {request.end} is before {request.start}", status=422, field="to")
    if (request.end - request.start).days >= MOST_DAYS:
        raise PermanentError(f"to: at most {MOST_DAYS} days at a time", status=422, field="to")


def _tried(request: Request, now: Sequence[Watch]) -> list[Watch] | None:
    """Return the watches to try beside those that run, None where there is nothing to try.

    What a tenant's own days have taught of a watch's statistic holds for the same watch in another file too.
    """
    if request.watches is None and request.budget is None:
        return None
    known = {one.name: one for one in now}
    named = list(now) if request.watches is None else load_watches(request.watches)
    tried = [_with_learnt(one, known.get(one.name), now) for one in named]
    if request.budget is None:
        return tried
    if not request.budget > 0:
        raise PermanentError("budget: must be more than 0", status=422, field="budget")
    return with_budget(tried, request.budget)


def _with_learnt(one: Watch, known: Watch | None, now: Sequence[Watch]) -> Watch:
    """Return a watch to try with what a tenant's days and verdicts have taught."""
    tails = one.tails if known is None or not one.tails else known.tails
    return replace(one, tails=tails, learnt=now[0].learnt if now else None)


def read(
    services: Services, tenant_id: int, watches: Sequence[Watch], listings: Sequence[ListingInfo], request: Request,
    as_of: datetime,
) -> MetricMatrix:  # fmt: skip
    """Read the days and as long before them as the watches look back; refused where they are not stored."""
    reach = max(one.history_days for one in watches) + replay.WARM_DAYS
    first, last = request.start - timedelta(days=reach), request.end - timedelta(days=1)
    longer = [replace(one, history_days=(last - first).days + 1) for one in watches]
    ids = [listing.listing_id for listing in listings]
    matrix = watched_series.read(services.metrics, tenant_id, longer, ids, first, last)
    told = np.logical_or.reduce([np.isfinite(values).any(axis=0) for values in matrix.values.values()])
    # A simulated channel may be ahead of the clock.
    until = max(snapshot.local_day(as_of, listings), request.end) + timedelta(days=1)
    names = sorted(matrix.values)
    ends = [services.metrics.last_told_day(tenant_id, name, ids, until) for name in names]
    newest = np.concatenate(ends)[~np.isnat(np.concatenate(ends))]
    if not newest.size:
        raise PermanentError("no figures are stored yet: nothing to look back on")
    if np.datetime64(last) > newest.max():
        raise PermanentError(f"to: figures are stored up to {newest.max()}, so {newest.max() + 1} is the last day")
    begun = matrix.days[told][0] if told.any() else None
    if begun is None or begun >= np.datetime64(request.start):
        raise PermanentError(f"from: no figures are stored before {begun or request.end}", status=422, field="from")
    return matrix


def _played(watches: Sequence[Watch], past: Past, request: Request) -> Played:
    looked, known = replay.look(
        watches, past.matrix, past.listings, request.start, request.end, unfit=past.down, near=past.near
    )  # fmt: skip
    days = (request.end - request.start).days + 1
    raised = replay.alerts(replay.of(looked, known, request.start, request.end))
    return Played(raised, known, backtest_ranked.said(looked, known, days))


def _side(watches: Sequence[Watch], played: Played, known: Known, request: Request) -> backtest_view.Side:
    """Return what is told of some watches: their alerts, and how well their p-values rank."""
    kinds = {one.kind for one in watches}
    ranked = backtest_ranked.rank(
        played.said, played.listings, known.labels, request.start, kinds, is_whole=known.source == "file"
    )  # fmt: skip
    return backtest_view.Side(watches, played.raised, ranked)


def _known(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], watches: Sequence[Watch], request: Request,
    as_of: datetime,
) -> Known:  # fmt: skip
    """Return the labels of the file, else what people said of past alerts, else the past alerts themselves."""
    if request.labels is not None:
        name, content = request.labels
        read = labels_file.read(content, name, listings)
        own = [one for one in read if one.start_date <= request.end and one.end_date >= request.start]
        if read and not own:
            raise PermanentError(f"{name}: none of its {len(read)} labels lies in {request.start} to {request.end}")
        return Known("file", own)
    kinds = sorted({one.kind for one in watches} | set(doubts.OUTAGE_KINDS))
    since = datetime.combine(request.start, datetime.min.time(), as_of.tzinfo)
    with services.database.tenant(tenant_id) as conn:
        past = [one for one in alerts.standing(conn, kinds, since, as_of) if one.onset_date <= request.end]
        judged = verdicts.last_by_alert(conn, [one.alert_id for one in past])
    said = [_of_alert(one, listings, as_of, judged[one.alert_id]) for one in past if one.alert_id in judged]
    if said:
        return Known("verdicts", said)
    return Known("alerts" if past else "nothing", [_of_alert(one, listings, as_of, True) for one in past])


def _of_alert(alert: Alert, listings: Sequence[ListingInfo], as_of: datetime, is_real: bool) -> Label:
    own = places.of(alert, listings)
    return Label(
        f"alert {alert.alert_id}", alert.kind, frozenset(one.listing_id for one in own),
        "market" if alert.scope == "market" else "listing", alert.market if alert.scope == "market" else None,
        min(alert.onset_date, alert.raised_at.date()), (alert.resolved_at or as_of).date(), is_real,
    )  # fmt: skip
