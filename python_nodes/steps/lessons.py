"""What a verdict teaches, put as a change with a name, a title for people, and the reasons behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.learn import levels
from python_nodes.scoring.learn.changes import Change, Confirmed, Cut, Doubtful, Event, Exposure, NewNormals, kind_of
from python_nodes.scoring.learn.segments import Disbelieved, Wanted
from python_nodes.scoring.look import Looked
from python_nodes.steps.services import Learning
from python_nodes.store.proposals import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One change to be proposed; ``alert_id`` and ``verdict_id`` are the newest of those it was learnt from."""

    name: str
    title: str
    alert_id: int
    verdict_id: int
    change: Change
    reasons: Mapping[str, Any]


def of_single(news: Sequence[Said], looked: Mapping[str, Looked], known: Sequence[ListingInfo]) -> list[Lesson]:
    """Return what verdicts on single alerts teach: events, new levels, days of which we heard wrong."""
    found = []
    for one in news:
        change = _change(one, looked, known)
        if change is not None:
            kind = kind_of(change)
            found.append(
                Lesson(
                    name=f"{kind}:{one.verdict_id}", title=_title(one, change), alert_id=one.alert_id,
                    verdict_id=one.verdict_id, change=change, reasons={"verdict": one.verdict, "by": one.actor},
                )
            )  # fmt: skip
    return found


def _change(one: Said, looked: Mapping[str, Looked], known: Sequence[ListingInfo]) -> Change | None:
    place = one.market if one.scope == "market" and one.market else one.title
    if one.verdict in ("expected_event", "data_problem"):
        days = Event if one.verdict == "expected_event" else Doubtful
        return days(
            listing_ids=one.listing_ids, scope=one.scope, place=place, start_date=one.onset_date,
            end_date=max(_over(one), one.onset_date),
        )  # fmt: skip
    if one.verdict == "new_normal":
        anchors = levels.anchors(looked, known, one.kind, one.metric, one.listing_ids, one.onset_date)
        return NewNormals(scope=one.scope, place=place, anchors=anchors) if anchors else None
    return None


def _over(one: Said) -> date:
    return (one.resolved_at or one.given_at).date()


def _title(one: Said, change: Change) -> str:
    if isinstance(change, Event):
        return f"An event, {change.start_date} to {change.end_date}: {one.title}"
    if isinstance(change, Doubtful):
        return f"Wrong data, {change.start_date} to {change.end_date}: {one.title}"
    if isinstance(change, NewNormals):
        told = ", ".join(f"{anchor.metric} × {anchor.ratio:g}" for anchor in change.anchors)
        return f"A new normal since {one.onset_date} ({told}): {one.title}"
    return one.title


def confirmed(news: Sequence[Said]) -> list[Lesson]:
    """Return the causes that people confirmed, one lesson a kind of alert and cause."""
    told: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for one in news:
        if one.verdict == "real" and one.cause != "unknown":
            told[one.kind, one.cause].append(one)
    found = []
    for (kind, cause), all_of in sorted(told.items()):
        last = max(all_of, key=lambda one: one.verdict_id)
        found.append(
            Lesson(
                name=f"cause:{kind}:{cause}:{last.verdict_id}", title=f"{kind}: {cause}, confirmed {len(all_of)} times",
                alert_id=last.alert_id, verdict_id=last.verdict_id,
                change=Confirmed(kind=kind, cause=cause, times=len(all_of)),
                reasons={"verdict_ids": [one.verdict_id for one in all_of]},
            )
        )  # fmt: skip
    return found


def of_cut(wanted: Wanted, last: Said) -> Lesson:
    """Say a cut to be moved; ``last`` is the newest verdict that moved it."""
    cut, moved = wanted.cut, wanted.moved
    rarer = f"{1.0 / cut.factor:,.3g} times stricter" if cut.factor < 1.0 else "back to the budget"
    return Lesson(
        name=f"cut:{cut.watch}:{cut.segment}:{last.verdict_id}", title=f"{cut.watch} on {cut.segment}: {rarer}",
        alert_id=last.alert_id, verdict_id=last.verdict_id, change=cut,
        reasons={
            "judged_false": wanted.false, "judged_real": wanted.real, "precision": round(moved.precision, 4),
            "false_expected": round(moved.false_expected, 2), "false_left": round(moved.false_left, 2),
            "real_lost_share": round(moved.real_lost, 4),
        },
    )  # fmt: skip


def of_exposure(one: Disbelieved, last: Said) -> Lesson:
    """Say an exposure that is believed less; ``last`` is the newest verdict that told it."""
    change = one.change
    return Lesson(
        name=f"exposure:{change.watch}:{change.segment}",
        title=f"{change.watch} on {change.segment}: more {change.exposure} than {change.above} bring "
        f"count by {change.follows:g}",
        alert_id=last.alert_id, verdict_id=last.verdict_id, change=change,
        reasons={
            "judged_false": one.false, "judged_real": one.real, "follows": round(one.follows.mean, 4),
            "sure": round(one.follows.doubted, 4),
        },
    )  # fmt: skip


def by_itself(change: Change, shown: Mapping[str, Any], allowed: Learning) -> str | None:
    """Say why a change needs nobody's approval; None where it does."""
    if kind_of(change) not in allowed.kinds or shown["lost_real"]:
        return None
    if isinstance(change, Cut | Exposure) and change.watch not in allowed.watches:
        return None
    if isinstance(change, Cut) and change.factor * allowed.most_change < 1.0:
        return None
    return "within the limits that the settings NIGHTPORTER_LEARN_… set"


def labels(said: Sequence[Said], as_of: datetime) -> list[Label]:
    """Return what people said of past alerts, as a backtest holds alerts against it; wrong data is neither."""
    return [
        Label(
            f"alert {one.alert_id}", one.kind, frozenset(one.listing_ids),
            "market" if one.scope == "market" else "listing", one.market if one.scope == "market" else None,
            min(one.onset_date, one.raised_at.date()), (one.resolved_at or as_of).date(),
            one.verdict == "real",
        )
        for one in said if one.verdict != "data_problem"
    ]  # fmt: skip
