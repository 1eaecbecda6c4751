"""What a change would have made of the last days' alerts: which come, which go, and which move."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from python_nodes.scoring import backtest
from python_nodes.scoring.backtest import Label
from python_nodes.scoring.replay import Raised


def of(
    now: Sequence[Raised], then: Sequence[Raised], labels: Sequence[Label], watched: Collection[str], start: date,
    end: date, listings: int,
) -> dict[str, Any]:  # fmt: skip
    """Hold the alerts after a change against those of what runs.

    Parameters
    ----------
    now, then : sequence of Raised
        Of the days from ``start`` to ``end``, as watches run, and with the change.
    labels : sequence of Label
        What people said of past alerts.
    watched : collection of str
        The kinds that watches tell.
    start, end : date
    listings : int

    Returns
    -------
    dict
        Plain JSON. ``now`` without ``lost`` and the first of each pair of ``moved``, with ``gained`` and the second of
        each, is exactly what is told then.
    """
    found = backtest.compare(now, then, end)
    days = (end - start).days + 1
    judged = backtest.judge(now, labels, watched, days * max(listings, 1), is_whole=False)
    word = dict.fromkeys(judged.true, "real") | dict.fromkeys(judged.false, "false")
    pairs = [(now[one.now], then[one.other]) for one in found.both]
    lost = [plain(now[at]) | {"verdict": word.get(at)} for at in found.lost]
    return {
        "from": start.isoformat(), "to": end.isoformat(), "days": days, "now": len(now), "then": len(then),
        "lost": lost, "gained": [plain(then[at]) for at in found.gained],
        "moved": [[plain(one), plain(other)] for one, other in pairs if one != other],
        "lost_false": sum(one["verdict"] == "false" for one in lost),
        "lost_real": sum(one["verdict"] == "real" for one in lost),
    }  # fmt: skip


def plain(one: Raised) -> dict[str, Any]:
    """Say an alert in plain JSON; a single listing's by its id, a wide one by its place."""
    return {
        "kind": one.kind, "scope": one.scope, "place": one.place,
        "listing_id": one.listing_ids[0] if one.scope == "listing" else None,
        "raised": one.raised_date.isoformat(), "ended": one.ended_date.isoformat() if one.ended_date else None,
    }  # fmt: skip
