"""Ranked causes in plain sentences, each kept with what it is made of so that it can be said in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from python_nodes.domain.said import Said, marked, said_many
from python_nodes.scoring.rootcause import match
from python_nodes.scoring.rootcause.evidence import Evidence
from python_nodes.scoring.rootcause.funnel import Change
from python_nodes.scoring.rootcause.logged import Line
from python_nodes.scoring.rootcause.patterns import UNKNOWN, Pattern

CLEAR_Z, CALM_Z = 2.0, 1.5
MOST_TEXT, MOST_LINES = 40, 2
MOST_RISE = 9.99
SHOWN = 3


def told(found: Evidence, at: int, pattern: Pattern, cause: str) -> list[Said]:
    """Say what speaks for a cause of the ``at``-th alert; of the unknown, what is known at all."""
    said = _seen(found, at, pattern, cause)
    fitting = match.fits(found.lines[at], pattern)[:MOST_LINES]
    said += [_change(one, found.since[at]) for one in fitting if one.timing > 0]
    moves = zip(pattern.funnel.moves(), found.own.z[at], strict=True)
    if cause == UNKNOWN or any(move != "same" and _clearly(float(z), move) for move, z in moves):
        said += _funnel(found, at)
    rank, neighbours = found.levels[at].tolist()
    if _clearly(float(found.levels_z[at, 0]), pattern.around.search_rank):
        said.append(
            Said(marked("the place in the results is {times} times what it was"), {"times": round(np.exp(rank), 1)})
        )
    if _clearly(float(found.levels_z[at, 1]), pattern.around.competitor_price):
        said.append(
            Said(marked("comparable listings cost {price_change}"), {"price_change": float(np.expm1(neighbours))})
        )
    return said + _around(found, at)


def _clearly(z: float, move: str) -> bool:
    """Whether a change is clear and goes the way a pattern has it."""
    return (move == "down" and z < -CLEAR_Z) or (move == "up" and z > CLEAR_Z)


def _seen(found: Evidence, at: int, pattern: Pattern, cause: str) -> list[Said]:
    asked = found.asked[at]
    if asked.is_seen and asked.cause == cause:
        return [
            Said(
                marked("seen at once, without statistics, on {onset_date}"),
                {"onset_date": asked.onset_date.isoformat()},
            )
        ]
    others = sorted(asked.also & frozenset(pattern.kinds))
    return (
        [Said(marked("also found on the same listings: {kinds}"), {"kinds": ", ".join(map(plain, others))})]
        if others
        else []
    )


def _change(line: Line, since: date) -> Said:
    """Say who changed what, and how long before the break."""
    one = line.change
    values: dict[str, Any] = {
        "field": plain(one.field), "actor": _short(one.actor), "old": _short(one.old), "new": _short(one.new),
        "change_date": one.changed_at.date().isoformat(), "when": _when((since - one.changed_at.date()).days),
    }  # fmt: skip
    if not one.new:
        return Said(marked("{field} was taken away ({old}) on {change_date} by {actor} (change log), {when}"), values)
    if not one.old:
        return Said(marked("{field} was set to {new} on {change_date} by {actor} (change log), {when}"), values)
    if line.direction == "raised":
        return Said(
            marked("{field} was raised from {old} to {new} on {change_date} by {actor} (change log), {when}"), values
        )
    if line.direction == "lowered":
        return Said(
            marked("{field} was lowered from {old} to {new} on {change_date} by {actor} (change log), {when}"), values
        )
    return Said(
        marked("{field} was changed from {old} to {new} on {change_date} by {actor} (change log), {when}"), values
    )


def _when(days: int) -> Said:
    if days == 0:
        return Said(marked("on the day it began"))
    if days > 0:
        return said_many("{count} day before it began", "{count} days before it began", days)
    return said_many("{count} day after it began", "{count} days after it began", -days)


def _funnel(found: Evidence, at: int) -> list[Said]:
    """Share the change of bookings out over the funnel's steps, each with twice its standard error."""
    own = found.own
    if not own.days[at] or not np.isfinite(own.ci_se[at]).all():
        return []
    values: dict[str, Any] = {"since_date": found.since[at].isoformat()}
    for place, step in enumerate(("seen", "opened", "booked")):
        change, error = own.log[at, place], own.ci_se[at, place]
        for name, value in (("", change), ("_low", change - 2 * error), ("_high", change + 2 * error)):
            values[f"{step}{name}_change"] = float(min(np.expm1(value), MOST_RISE))
    return [
        Said(
            marked(
                "since {since_date}, against the weeks before and the market: seen {seen_change} ({seen_low_change} to "
                "{seen_high_change}), opened when seen {opened_change} ({opened_low_change} to {opened_high_change}), "
                "booked when opened {booked_change} ({booked_low_change} to {booked_high_change})"
            ),
            values,
        )
    ]


def _around(found: Evidence, at: int) -> list[Said]:
    """Say whether it is only here: how the unit's other channels and the market stand."""
    said = []
    sides = (
        (found.siblings, marked("the unit's other channels are seen as often as before"),
         marked("the unit's other channels are seen {views_change}")),
        (found.market, marked("the market is seen as often as before"),
         marked("the market is seen {views_change}")),
    )  # fmt: skip
    for one, calm, moved in sides:
        if _known(one, at) and abs(one.z[at, 0]) < CALM_Z:
            said.append(Said(calm))
        elif _known(one, at) and abs(one.z[at, 0]) > CLEAR_Z:
            said.append(Said(moved, {"views_change": float(np.expm1(one.log[at, 0]))}))
    return said


def _known(one: Change, at: int) -> bool:
    return bool(one.days[at]) and bool(np.isfinite(one.ci_se[at, 0]))


def plain(word: str) -> str:
    """Return a word of ours as people read it."""
    return word.replace("_", " ")


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def lines(causes: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return one sentence for each of the first three causes of an alert's evidence, the likeliest first."""
    said = []
    for one in causes[:SHOWN]:
        because = "; ".join(one["evidence"])
        said.append(f"{_percent(one['probability'])}: {one['likely']}" + (f" ({because})" if because else ""))
    return tuple(said)


def _percent(share: float) -> str:
    if share < 0.01:
        return "under 1 %"
    return "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"
