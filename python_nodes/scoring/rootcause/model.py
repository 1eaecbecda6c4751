"""The learnt weights: from how evidence fits patterns to calibrated probabilities of causes.

A conditional logit: a cause's score is its bias plus the fit of its pattern times weights, which are the weights that
all causes share plus the cause's own; probabilities are the softmax of the scores over a temperature. A pattern that
was not there when the weights were learnt has the shared ones, and the least bias of all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import optimize

from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.errors import ConfigError
from python_nodes.scoring.rootcause.match import FEATURES

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "data" / "root_cause.json"
TEMPERATURES = (0.2, 5.0)
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Model:
    """``shared`` (n_features,), ``own`` (n_causes, n_features) and ``bias`` (n_causes,) in the order of ``causes``."""

    causes: tuple[str, ...]
    shared: FloatArray
    own: FloatArray
    bias: FloatArray
    temperature: float = 1.0

    def scores(self, fits: FloatArray, causes: Sequence[str]) -> FloatArray:
        """Return logits, (n, n_causes), of ``fits`` (n, n_causes, n_features) in the order of ``causes``."""
        place = {name: at for at, name in enumerate(self.causes)}
        known = [place.get(name) for name in causes]
        zero, least = np.zeros_like(self.shared), float(self.bias.min())
        weights = np.stack([self.shared + (zero if at is None else self.own[at]) for at in known])
        bias = np.array([least if at is None else self.bias[at] for at in known])
        return np.asarray(np.einsum("ncf,cf->nc", fits, weights) + bias)

    def probabilities(
        self, fits: FloatArray, causes: Sequence[str], prior: Sequence[Mapping[str, float]] = ()
    ) -> FloatArray:
        """Return each cause's probability, (n, n_causes), rows adding up to 1.

        Parameters
        ----------
        fits : ndarray, shape (n, n_causes, n_features)
            As from `match.features`.
        causes : sequence of str
        prior : sequence of mapping, optional
            For each alert by how much likelier than when the weights were learnt causes have become, as by people's
            verdicts (`confirmed.factors`); 1 for those not named.
        """
        told = self.scores(fits, causes) / self.temperature
        for at, one in enumerate(prior):
            told[at] += np.log([one.get(name, 1.0) for name in causes])
        told = np.exp(told - told.max(axis=1, keepdims=True))
        return np.asarray(told / told.sum(axis=1, keepdims=True))


def learn(
    fits: FloatArray, causes: Sequence[str], truth: IntArray, group: IntArray, ridge: tuple[float, float, float]
) -> Model:
    """Learn weights, and by folds of whole groups the temperature at which they do not overstate.

    Parameters
    ----------
    fits : ndarray, shape (n, n_causes, n_features)
    causes : sequence of str
    truth, group : ndarray, shape (n,)
        The true cause's place, and the world it comes from.
    ridge : tuple of float
        Penalties of the squares of shared weights, own weights and biases.
    """
    folds = np.unique(group, return_inverse=True)[1] % FOLDS
    held = np.zeros(fits.shape[:2])
    for fold in range(FOLDS):
        part = folds != fold
        if part.any() and not part.all():
            held[~part] = _fitted(fits[part], causes, truth[part], ridge).scores(fits[~part], causes)

    def loss(temperature: float) -> float:
        told = held / temperature
        return float((np.logaddexp.reduce(told, axis=1) - told[np.arange(truth.size), truth]).mean())

    best = float(optimize.minimize_scalar(loss, bounds=TEMPERATURES, method="bounded").x)
    made = _fitted(fits, causes, truth, ridge)
    return Model(made.causes, made.shared, made.own, made.bias, best)


def _fitted(
    fits: FloatArray, causes: Sequence[str], truth: IntArray, ridge: tuple[float, float, float]
) -> Model:  # fmt: skip
    """Maximise the penalised likelihood with no weight under 0: what fits a pattern never speaks against it."""
    c, f = fits.shape[1:]
    one_hot = np.eye(c)[truth]

    def parted(flat: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return flat[:f], flat[f : f + c * f].reshape(c, f), flat[f + c * f :]

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        shared, weights, bias = parted(flat)
        told = np.einsum("ncf,cf->nc", fits, weights) + bias
        norm = np.logaddexp.reduce(told, axis=1)
        rest = np.exp(told - norm[:, None]) - one_hot
        own = weights - shared
        value = float((norm - (told * one_hot).sum(axis=1)).sum())
        value += 0.5 * sum(k * float((part**2).sum()) for k, part in zip(ridge, (shared, own, bias), strict=True))
        slope = [ridge[0] * shared - ridge[1] * own.sum(axis=0),
                 (np.einsum("nc,ncf->cf", rest, fits) + ridge[1] * own).ravel(),
                 rest.sum(axis=0) + ridge[2] * bias]  # fmt: skip
        return value, np.concatenate(slope)

    bounds = [(0.0, None)] * (f + c * f) + [(None, None)] * c
    found = optimize.minimize(
        loss, np.zeros(f + c * f + c), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 800}
    )
    shared, weights, bias = parted(np.asarray(found.x, dtype=np.float64))
    return Model(tuple(causes), shared, weights - shared, bias)


def to_json(model: Model) -> str:
    """Write weights down, rounded."""
    told = {
        "features": list(FEATURES), "temperature": round(model.temperature, 4),
        "shared": model.shared.round(4).tolist(),
        "causes": {
            name: {"bias": round(float(model.bias[at]), 4), "own": model.own[at].round(4).tolist()}
            for at, name in enumerate(model.causes)
        },
    }  # fmt: skip
    return json.dumps(told, indent=1) + "\n"


def read(path: Path = DEFAULT_PATH) -> Model:
    """Read weights; raises ConfigError where they are of other features than ours."""
    told = json.loads(path.read_text(encoding="utf-8"))
    if tuple(told["features"]) != FEATURES:
        raise ConfigError(f"{path.name}: features: were learnt of others; python -m bench._root_cause_weights")
    causes = told["causes"]
    return Model(
        tuple(causes), np.array(told["shared"]), np.array([one["own"] for one in causes.values()]),
        np.array([one["bias"] for one in causes.values()]), float(told["temperature"]),
    )  # fmt: skip


@cache
def shipped() -> Model:
    """Return the weights that come with the product."""
    return read()
