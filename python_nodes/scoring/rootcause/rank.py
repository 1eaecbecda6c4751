"""From evidence to ranked causes as an alert's evidence holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import SAID, Said
from python_nodes.scoring.rootcause import case, logged, match, words
from python_nodes.scoring.rootcause.case import Asked, LoggedChange, Place
from python_nodes.scoring.rootcause.confirmed import factors
from python_nodes.scoring.rootcause.evidence import Evidence, weigh
from python_nodes.scoring.rootcause.model import Model
from python_nodes.scoring.rootcause.patterns import UNKNOWN, Pattern

TOLD = 5
"""So many causes are told one by one; what the others have together goes to ``unknown``."""


def causes(
    asked: Sequence[Asked], places: Sequence[Place], matrix: MetricMatrix, changes: Sequence[LoggedChange],
    listings: Sequence[ListingInfo], patterns: Mapping[str, Pattern], model: Model,
    confirmed: Mapping[str, Mapping[str, int]] | None = None,
) -> list[list[dict[str, Any]]]:  # fmt: skip
    """Rank the causes of alerts.

    Parameters
    ----------
    asked : sequence of Asked
    places : sequence of Place
        As from `case.places`, one an alert.
    matrix : MetricMatrix
        The last `case.SPAN_DAYS` days that are over, of all listings that the places name.
    changes : sequence of LoggedChange
        Lines of the last `case.SCAN_DAYS` days and a few more.
    listings : sequence of ListingInfo
    patterns : mapping
        By cause.
    model : Model
    confirmed : mapping, optional
        How often people confirmed each cause of each kind of alert.

    Returns
    -------
    list of list of dict
        For each alert the likeliest causes and ``unknown``, as plain JSON; probabilities add up to 1.
    """
    if not asked:
        return []
    found = weigh(asked, case.panel(places, matrix), logged.relevant(asked, changes, listings))
    names = list(patterns)
    prior = [factors((confirmed or {}).get(one.kind, {}), len(names)) for one in asked]
    said = model.probabilities(match.features(found, patterns), names, prior)
    spoken: dict[str, str] = {}
    return [_ranked(found, at, names, said[at], patterns, spoken) for at in range(len(asked))]


def _ranked(
    found: Evidence, at: int, names: Sequence[str], said: Any, patterns: Mapping[str, Pattern], spoken: dict[str, str]
) -> list[dict[str, Any]]:  # fmt: skip
    order = np.argsort(-said, kind="stable").tolist()
    chosen = order[:TOLD]
    chosen += [place for place in order[TOLD:] if names[place] == UNKNOWN]
    ranked = [
        _one(names[place], float(said[place]), patterns[names[place]],
             words.told(found, at, patterns[names[place]], names[place]), spoken)
        for place in chosen
    ]  # fmt: skip
    rest = round(1.0 - sum(one["probability"] for one in ranked), 4)
    unknown = next(one for one in ranked if one["cause"] == UNKNOWN)
    unknown["probability"] = round(unknown["probability"] + rest, 4)
    return sorted(ranked, key=lambda one: -one["probability"])


def _one(
    cause: str, probability: float, pattern: Pattern, speaks: Sequence[Said], spoken: dict[str, str]
) -> dict[str, Any]:  # fmt: skip
    """Put one cause together; ``spoken`` keeps sentences, which several causes and alerts share."""
    evidence = []
    for one in speaks:
        name = repr(one)
        if name not in spoken:
            spoken[name] = one.english()
        evidence.append(spoken[name])
    return {
        "cause": cause, "probability": round(probability, 4), "likely": pattern.likely, "evidence": evidence,
        SAID: [one.as_json() for one in speaks], "action": pattern.action, "team": pattern.team,
        "wanted": list(pattern.wanted),
    }  # fmt: skip
