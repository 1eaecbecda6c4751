"""What kind of change a series shows at its end: a step, a slope, more or less spread, a standstill, a gap.

Each kind is a hypothesis about the last seasons, weighed by its Bayes factor against "nothing but chance" and a prior
(Kass and Raftery, "Bayes Factors", JASA 90, 1995). With residuals ``y`` (of variance one, the level before taken out)
and gains ``g``, a change of height ``h`` and form ``r`` (0 before it came; 1 for a step, rising to 1 straight or as a
square for a slope) adds ``h g r``. Projected, ``X = sum(y g r)`` is normal of variance

    V0 = A + d^2 B^2  without,   V1 = V0 + t^2 A^2  with it,   A = sum(g^2 r^2),   B = sum(g^2 r)

where ``d`` is what a level drifts by itself and ``t`` how large changes are, so that

    log factor = X^2 / 2 * (1 / V0 - 1 / V1) - log(V1 / V0) / 2.

Factors are averaged over all onsets, which is what a long list of possible onsets costs. A spread that is ``s`` times
as large has the factor of a normal's likelihood. A run and a gap have what `flat_line` and `missing` say of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.inspect import flat_line, missing
from detectors.inspect.contract import Judged, Subjects, steps, trailing
from detectors.series import BoolArray, FloatArray, IntArray

KINDS = ("level_shift", "slow_decline", "variance", "flat_line", "missing")
CLIP, JUMP_CLIP = 25.0, 8.0
"""Far wider than where a change is looked for: what is known to have happened has a form."""


@dataclass(frozen=True, slots=True)
class Params:
    """Settings; spans are in seasons.

    ``drift`` and ``height`` are shares of the expectation; ``spreads`` the ratios asked for; ``prior`` the
    kinds' shares of all changes. A run or gap whose factor and prior come to ``certain`` is told whatever else the
    series shows.
    """

    longest: float = 8.0
    shortest_slope: float = 1.5
    past: float = 8.0
    drift: float = 0.02
    height: float = 0.5
    spreads: tuple[float, ...] = (2.0, 3.0)
    certain: float = 7.0
    overrides: float = 1000.0
    prior: tuple[float, ...] = (0.4, 0.4, 0.1, 0.05, 0.05)


@dataclass(frozen=True, slots=True)
class Told:
    """The likeliest kind at the end of each series.

    ``kind`` (n_series,) points into `KINDS`; ``posterior`` (n_series, n_kinds) is how sure each is, given that
    something changed; ``log_factor`` (n_series,) weighs that against chance; ``onset`` is a column; ``size`` a share of
    the expectation for steps and slopes (at their end), a ratio for spreads, points for runs and gaps.
    """

    kind: IntArray
    posterior: FloatArray
    log_factor: FloatArray
    onset: IntArray
    size: FloatArray


def tell(subjects: Subjects, params: Params | None = None) -> Told:
    """Weigh the kinds at the last column.

    Parameters
    ----------
    subjects : Subjects
    params : Params, optional

    Returns
    -------
    Told
    """
    params = params or Params()
    n_series, n_times = subjects.values.shape
    residual, gain = _levelled(subjects, params)
    span = min(int(params.longest * subjects.season), n_times)
    step, paired = _own_steps(residual, gain > 0, span, subjects.season)
    # In restless days a level is known less well.
    noise = _noise(step[:, -2 * subjects.season :], paired[:, -2 * subjects.season :])
    recent, weight = (one[:, n_times - span :] / noise[:, None] for one in (residual, gain))
    shortest = int(np.ceil(params.shortest_slope * subjects.season))
    found = [
        _change(recent, weight, _forms(span, 1, is_slope=False), params),
        _change(recent, weight, _forms(span, shortest, is_slope=True), params),
        _spread(step, paired, [weeks * subjects.season for weeks in (1, 2, 3, 4)], params),
    ]
    for one in (_not_of_nothing(flat_line.judge(subjects), subjects), missing.judge(subjects)):
        found.append((one.strength[:, -1], np.where(one.onset >= 0, n_times - one.onset, 1), one.size))
    factors = np.stack([one[0] for one in found], axis=1) + np.log(params.prior)
    # What is certain by itself needs no weighing: figures that stand still or lack also have a level and a spread.
    factors[:, 3:] += np.where(factors[:, 3:] >= params.certain, params.overrides, 0.0)
    kind = factors.argmax(axis=1)
    rows = np.arange(n_series)
    lengths, sizes = (np.stack([one[part] for one in found], axis=1) for part in (1, 2))
    total = special.logsumexp(factors, axis=1)
    return Told(
        kind, np.exp(factors - total[:, None]), total, np.maximum(n_times - lengths[rows, kind].astype(np.int64), 0),
        sizes[rows, kind],
    )  # fmt: skip


def _not_of_nothing(runs: Judged, subjects: Subjects) -> Judged:
    """Leave out the runs of nothing: a count that stays at 0 has fallen."""
    still = np.where(subjects.values[:, -1:] == 0, 0.0, runs.strength)
    return Judged(still, runs.onset, runs.size)


def _levelled(subjects: Subjects, params: Params) -> tuple[FloatArray, FloatArray]:
    """Return residuals without the level of the seasons before those looked at, and gains."""
    residual, gain = subjects.weighted(CLIP)
    past, gap = int(params.past * subjects.season), int(params.longest * subjects.season)
    product, power = (trailing(one, past, gap)[:, -1:] for one in (residual * gain, gain**2))
    # A level of the same drift as all others, so that a short past is believed little.
    bias = product / (power + 1.0 / params.drift**2)
    return np.where(gain > 0, residual - bias * gain, 0.0), gain


def _forms(span: int, shortest: int, *, is_slope: bool) -> FloatArray:
    """Return each length's form over the last ``span`` columns, shortest first, (n_forms, span)."""
    lengths = np.arange(min(shortest, span), span + 1)
    into = np.maximum(np.arange(span) - span + lengths[:, None] + 1.0, 0.0) / lengths[:, None]
    # A slope may be straight, or steeper day by day.
    return np.concatenate([into, into**2]) if is_slope else np.asarray(into > 0, dtype=np.float64)


def _change(
    residual: FloatArray, gain: FloatArray, forms: FloatArray, params: Params
) -> tuple[FloatArray, NDArray[np.signedinteger], FloatArray]:
    """Return log factor, likeliest length and its height of steps or slopes."""
    power = gain**2
    product, own, flat = (residual * gain) @ forms.T, power @ (forms**2).T, power @ forms.T
    chance = own + params.drift**2 * flat**2
    with_it = chance + params.height**2 * own**2
    safe = np.maximum(chance, 1e-9)
    factor = product**2 / 2.0 * (1.0 / safe - 1.0 / np.maximum(with_it, 1e-9))
    factor = np.where(own > 0, factor - np.log(np.maximum(with_it, 1e-9) / safe) / 2.0, 0.0)
    best = factor.argmax(axis=1)
    rows = np.arange(len(best))
    height = product[rows, best] * params.height**2 * own[rows, best] / np.maximum(with_it[rows, best], 1e-9)
    lengths = forms.shape[1] - np.argmax(forms > 0, axis=1)
    return special.logsumexp(factor, axis=1) - np.log(len(forms)), lengths[best], height


def _own_steps(residual: FloatArray, known: BoolArray, span: int, season: int) -> tuple[FloatArray, BoolArray]:
    """Return the residuals' steps in units of those before the last ``span`` columns, and where they are known."""
    step, paired = steps(residual, known, JUMP_CLIP)
    before = slice(None, residual.shape[1] - span)
    # Shrunk to what residuals should have, by as many points as a season has.
    usual = (step[:, before] ** 2).sum(axis=1) + season
    return step / np.sqrt(usual / (paired[:, before].sum(axis=1) + season))[:, None], paired


def _noise(step: FloatArray, paired: BoolArray) -> FloatArray:
    """Return the steps' root mean square without the largest, which may be the change itself; one at least."""
    squares = step**2
    rest = squares.sum(axis=1) - squares.max(axis=1, initial=0.0)
    return np.asarray(np.sqrt(np.maximum(rest / np.maximum(paired.sum(axis=1) - 1, 1), 1.0)), dtype=np.float64)


def _spread(
    step: FloatArray, paired: BoolArray, lengths: Sequence[int], params: Params
) -> tuple[FloatArray, NDArray[np.signedinteger], FloatArray]:
    """Return log factor, likeliest length and ratio of a wider spread, by the residuals' steps without the largest."""
    factors, spreads = [], []
    for length in lengths:
        part = step[:, -length:] ** 2
        squares = part.sum(axis=1) - part.max(axis=1, initial=0.0)
        count = np.maximum(paired[:, -length:].sum(axis=1) - 1, 0)
        spreads.append(np.sqrt(squares / np.maximum(count, 1)))
        # Neighbouring steps share a point, so that they tell two thirds of what as many points would.
        factors += [
            (squares / 2.0 * (1.0 - 1.0 / ratio**2) - count * np.log(ratio)) * 2.0 / 3.0 for ratio in params.spreads
        ]
    stacked = np.stack(factors, axis=1)
    best, rows = stacked.argmax(axis=1) // len(params.spreads), np.arange(len(step))
    return (
        special.logsumexp(stacked, axis=1) - np.log(len(factors)), np.array(lengths)[best],
        np.stack(spreads, axis=1)[rows, best],
    )  # fmt: skip
