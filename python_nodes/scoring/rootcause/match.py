"""How well each alert's evidence fits each pattern, as numbers that the learnt weights multiply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring.rootcause.evidence import Evidence
from python_nodes.scoring.rootcause.funnel import STEPS
from python_nodes.scoring.rootcause.logged import Line
from python_nodes.scoring.rootcause.patterns import Move, Pattern

FEATURES = (
    "named", "kind", "kind_also", "found_too", "scope", "changed", "timing", *STEPS, "search_rank", "competitor_price",
    "market", "siblings", "shape",
)  # fmt: skip
"""What a fit is made of, in this order."""
CLEAR_Z = 3.0
MOST_Z = 10.0
"""A change counts in units of ``CLEAR_Z`` standard errors, and no further than ``MOST_Z`` of them."""


def features(found: Evidence, patterns: Mapping[str, Pattern]) -> FloatArray:
    """Return how each of ``n`` alerts fits each pattern, (n, n_causes, n_features).

    Parameters
    ----------
    found : Evidence
    patterns : mapping
        By cause; the second axis has their order.

    Returns
    -------
    ndarray
        In the order of ``FEATURES``. ``named``: the finder gave this cause; ``kind`` and ``kind_also``: the alert is
        called so; ``found_too``: another finding on the same listings is; ``scope``: it is as wide. ``changed``: a
        fitting line of the change log, by the share of listings it was made on, and ``timing``: the log of how much
        likelier the break is just after it than on any day. The rest: a move as the pattern has it, in units of
        ``CLEAR_Z`` standard errors, less than 0 where it is the other way.
    """
    blocks = [_of_words(found, cause, one) + _of_moves(found, one) for cause, one in patterns.items()]
    return np.stack([np.stack(block, axis=1) for block in blocks], axis=1)


def _of_words(found: Evidence, cause: str, pattern: Pattern) -> list[FloatArray]:
    asked = found.asked
    fitting = [fits(lines, pattern) for lines in found.lines]
    kinds = frozenset(pattern.kinds)
    return [
        np.array([float(one.cause == cause) for one in asked]),
        np.array([float(one.kind in kinds) for one in asked]),
        np.array([float(one.kind in pattern.also) for one in asked]),
        np.array([float(bool(kinds & one.also)) for one in asked]),
        np.array([float(one.scope in pattern.scopes) for one in asked]),
        np.array([one[0].share if one else 0.0 for one in fitting]),
        np.array([one[0].timing if one else 0.0 for one in fitting]),
    ]


def fits(lines: Sequence[Line], pattern: Pattern) -> list[Line]:
    """Return the lines that can have done what the pattern says, best timed first."""
    allowed = {(one.field, direction) for one in pattern.changes for direction in one.directions}
    return [line for line in lines if (line.change.field, line.direction) in allowed]


def _of_moves(found: Evidence, pattern: Pattern) -> list[FloatArray]:
    moves: list[FloatArray] = [
        moved(found.own.z[:, at], move) for at, move in enumerate(pattern.funnel.moves())
    ]  # fmt: skip
    around = pattern.around
    moves += [moved(found.levels_z[:, 0], around.search_rank), moved(found.levels_z[:, 1], around.competitor_price)]
    moves += [moved(found.market.z[:, 0], around.market), moved(found.siblings.z[:, 0], around.siblings)]
    slow = moved(found.sinking, "up")
    return [*moves, slow if pattern.shape == "slow" else -slow if pattern.shape == "sudden" else np.zeros_like(slow)]


def moved(z: FloatArray, move: Move) -> FloatArray:
    """Return how well a change in standard errors fits a move."""
    clipped = np.clip(z, -MOST_Z, MOST_Z) / CLEAR_Z
    signs = {"down": -clipped, "up": clipped, "same": -np.abs(clipped), "any": np.zeros_like(clipped)}
    return signs[move]
