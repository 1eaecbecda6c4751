"""Learn from what people said of alerts: each lesson a proposal, with what it would have made of the last 90 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.metrics import FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import PermanentError
from python_nodes.scoring import replay, sweep
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.learn import applied, changes, evidence, preview, segments, surplus
from python_nodes.scoring.learn.applied import Learnt
from python_nodes.scoring.learn.changes import Change, Confirmed
from python_nodes.scoring.learn.evidence import Verdict
from python_nodes.scoring.look import Looked
from python_nodes.scoring.replay import Raised
from python_nodes.scoring.watches import Watch
from python_nodes.steps import backtest, cuts, doubts, lessons, peer_groups, proposal_admin, proposals, snapshot
from python_nodes.steps.lessons import Lesson
from python_nodes.steps.services import Services
from python_nodes.store import portfolio
from python_nodes.store import proposals as store
from python_nodes.store.proposals import Said

WINDOW_DAYS = 90
FEWEST = 5
"""New false alarms of a watch before its cut is moved, or moved again: one is no estimate."""
MOST_A_RUN = 10
"""Each preview replays all days; what is left over is proposed by the next run."""


@dataclass(frozen=True, slots=True)
class Book:
    """The days replayed, with what the watches said on them: as they run, and without what moved their cuts."""

    watches: list[Watch]
    past: backtest.Past
    request: backtest.Request
    labels: list[Label]
    known: list[ListingInfo]
    plain: Mapping[str, Looked]
    now: list[Raised]


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Propose what the verdicts teach that nothing was proposed of; asked again, nothing is proposed twice."""
    with log.stage("learn", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            today = snapshot.local_day(as_of, listings)
            watches = cuts.watches(services, conn, today)
            said = store.said_since(conn, as_of - timedelta(days=WINDOW_DAYS), as_of)
            seen, covered = store.learnt_from(conn), store.covered(conn)
        news = _news([one for one in said if one.verdict_id not in seen], watches, covered)
        made: dict[str, Any] = {"verdicts": len(said), "news": len(news), "waits": None, "proposed": [], "approved": []}
        if news and listings:
            try:
                book = _read(services, tenant_id, watches, listings, said, today, as_of)
            except PermanentError as error:
                # Verdicts wait until there are days enough to see what they would change.
                book, made["waits"] = None, str(error)
            if book is not None:
                found = _lessons(book, said, news, covered)[:MOST_A_RUN]
                made |= _stored(services, tenant_id, book, found, as_of)
        with services.database.tenant(tenant_id) as conn:
            made["send"] = proposal_admin.plan(conn, services.policy)
        facts.update({name: made[name] if name == "news" else len(made[name]) for name in ("news", "proposed", "send")})
    return made


def _news(said: Sequence[Said], watches: Sequence[Watch], covered: Mapping[str, int]) -> list[Said]:
    """Return the verdicts of which something may be learnt; false alarms only where a watch has enough new ones."""
    found = [one for one in said if one.listing_ids and one.verdict in ("expected_event", "data_problem")]
    found += [one for one in said if one.verdict == "real" and one.cause != "unknown"]
    for watch in watches:
        own = [one for one in said if one.kind == watch.kind and one.listing_ids]
        found += [one for one in own if one.verdict == "new_normal"]
        learnt = _covered(covered, watch.name)
        false = [one for one in own if one.verdict == "false_alarm" and one.verdict_id > learnt]
        found += false if watch.tails and len(false) >= FEWEST else []
    unique = {one.verdict_id: one for one in found}
    return [unique[verdict_id] for verdict_id in sorted(unique)]


def _covered(covered: Mapping[str, int], watch: str) -> int:
    """Return the newest verdict from which a watch's cut, or what it believes of its exposure, was learnt."""
    return max(covered.get(f"cut:{watch}", 0), covered.get(f"exposure:{watch}", 0))


def _read(
    services: Services, tenant_id: int, watches: list[Watch], listings: list[ListingInfo], said: Sequence[Said],
    today: date, as_of: datetime,
) -> Book:  # fmt: skip
    """Read the days and let the watches look at them."""
    ids = [one.listing_id for one in listings]
    names = sorted({one.metric for one in watches})
    told = [services.metrics.last_told_day(tenant_id, name, ids, today - timedelta(days=1)) for name in names]
    newest = np.concatenate(told)[~np.isnat(np.concatenate(told))]
    if not newest.size:
        raise PermanentError("no figures are stored yet: nothing to look back on")
    end = newest.max().astype("datetime64[D]").item() + timedelta(days=1)
    request = backtest.Request(start=end - timedelta(days=WINDOW_DAYS - 1), end=end)
    matrix = backtest.read(services, tenant_id, watches, listings, request, as_of)
    with services.database.tenant(tenant_id) as conn:
        past = backtest.Past(
            matrix, listings, doubts.outage_days(conn, listings, matrix.days, as_of),
            peer_groups.load(conn, request.start),
        )  # fmt: skip
    running = _looked(watches, past, request)
    learnt = watches[0].learnt
    plain, known = running
    if learnt is not None and learnt.cuts:
        plain, known = _looked([replace(one, learnt=learnt.without_cuts()) for one in watches], past, request)
    now = replay.alerts(replay.of(*running, request.start, request.end))
    return Book(watches, past, request, lessons.labels(said, as_of), known, plain, now)


def _looked(
    watches: Sequence[Watch], past: backtest.Past, request: backtest.Request
) -> tuple[dict[str, Looked], list[ListingInfo]]:
    played = replay.scanning(watches, (request.end - request.start).days + 1)
    return sweep.look_all(played, past.matrix, past.listings, None, request.end, past.down, past.near)


def _lessons(
    book: Book, said: Sequence[Said], news: Sequence[Said], covered: Mapping[str, int]
) -> list[Lesson]:  # fmt: skip
    """Return what there is to learn, cuts first: they are what makes a watch quieter."""
    found = _cuts(book, said, news, covered)
    found += lessons.of_single(news, book.plain, book.known)
    return found + lessons.confirmed(news)


def _cuts(book: Book, said: Sequence[Said], news: Sequence[Said], covered: Mapping[str, int]) -> list[Lesson]:
    learnt = book.watches[0].learnt or Learnt()
    judged = [one for one in said if one.verdict in ("false_alarm", "real") and one.listing_ids]
    parted = segments.partitions(book.known, _weekly(book))
    found = []
    for name, looked in book.plain.items():
        own = [one for one in judged if one.kind == looked.watch.kind]
        fresh = [one for one in own if one in news and one.verdict_id > _covered(covered, name)]
        enough = sum(one.verdict == "false_alarm" for one in fresh) >= FEWEST
        told = evidence.of(looked, book.known) if enough else None
        if told is None:
            continue
        verdicts, last = [_verdict(one) for one in own], max(fresh, key=lambda each: each.verdict_id)
        if f"exposure:{name}" not in covered:
            # Wrong figures are mended before anything is cut: what is still false then will be told anew.
            doubted = segments.disbelieved(told, looked, _above(book, looked), verdicts, parted)
            found += [lessons.of_exposure(one, last) for one in doubted]
            if doubted:
                continue
        factors = learnt.factors(name, np.array([one.listing_id for one in book.known], dtype=np.int64))
        now = {} if factors is None else {
            one.listing_id: float(factor) for one, factor in zip(book.known, factors, strict=True)
        }  # fmt: skip
        found += [lessons.of_cut(one, last) for one in segments.wanted(told, verdicts, parted, now)]
    return found


def _above(book: Book, looked: Looked) -> FloatArray | None:
    """Return the step of the funnel before a watch's exposure, on its days; None where there is none."""
    matrix, name = book.past.matrix, surplus.ABOVE.get(looked.watch.exposure or "")
    if name is None or name not in matrix.values:
        return None
    row_of = {int(one): row for row, one in enumerate(matrix.listing_ids)}
    rows = [row_of[one.listing_id] for one in book.known]
    return np.asarray(matrix.values[name][rows][:, np.isin(matrix.days, looked.batch.days)], dtype=np.float64)


def _verdict(one: Said) -> Verdict:
    return Verdict(
        alert_id=one.alert_id, kind=one.kind, listing_ids=one.listing_ids, start_date=one.raised_at.date(),
        end_date=(one.resolved_at or one.given_at).date(), is_real=one.verdict == "real",
    )  # fmt: skip


def _weekly(book: Book) -> FloatArray:
    """Return each listing's bookings a week over the days replayed."""
    row_of = {int(one): row for row, one in enumerate(book.past.matrix.listing_ids)}
    booked = book.past.matrix.values["booking_velocity"][[row_of[one.listing_id] for one in book.known], -WINDOW_DAYS:]
    told = np.isfinite(booked).sum(axis=1)
    return np.asarray(7.0 * np.nansum(booked, axis=1) / np.maximum(told, 1), dtype=np.float64)


def _stored(
    services: Services, tenant_id: int, book: Book, found: Sequence[Lesson], as_of: datetime
) -> dict[str, list[int]]:
    """Store each lesson with its preview, and approve what the settings let be approved by itself."""
    proposed, approved = [], []
    for lesson in found:
        shown = previewed(book, lesson.change)
        draft = store.Draft(
            name=lesson.name, kind=changes.kind_of(lesson.change), title=lesson.title, alert_id=lesson.alert_id,
            verdict_id=lesson.verdict_id, change=changes.to_json(lesson.change), reasons=lesson.reasons, preview=shown,
        )  # fmt: skip
        with services.database.tenant(tenant_id) as conn:
            made = store.add(conn, draft, as_of=as_of, made_at=services.clock())
            if made is None:
                continue
            proposed.append(made)
            why = lessons.by_itself(lesson.change, shown, services.learning)
            if why is not None:
                proposals.decide_within(conn, store.hold(conn, made), "approve", "nightporter", why, as_of)
                approved.append(made)
    return {"proposed": proposed, "approved": approved}


def previewed(book: Book, change: Change) -> dict[str, Any]:
    """Return what a change would have made of the days replayed."""
    then = book.now
    if not isinstance(change, Confirmed):
        learnt = (book.watches[0].learnt or applied.Learnt()).plus(change)
        tried = [replace(one, learnt=learnt) for one in book.watches]
        then = replay.alerts(replay.of(*_looked(tried, book.past, book.request), book.request.start, book.request.end))
    watched = {one.kind for one in book.watches}
    return preview.of(book.now, then, book.labels, watched, book.request.start, book.request.end, len(book.known))
