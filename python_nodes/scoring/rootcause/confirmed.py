"""How much likelier people's verdicts make a cause: what they confirmed weighs as cases beside those learnt on."""

from __future__ import annotations

from collections.abc import Mapping

STRENGTH = 20.0
"""So many cases the learnt weights are worth, of each kind of alert."""


def factors(confirmed: Mapping[str, int], n_causes: int) -> Mapping[str, float]:
    """Return by how much each cause of one kind of alert has become likelier.

    With a Dirichlet prior of ``STRENGTH`` cases spread evenly over K causes, n of N confirmed cases make a cause
    (STRENGTH / K + n) / (STRENGTH + N) likely: (STRENGTH + K n) / STRENGTH times as likely as one never confirmed.

    Parameters
    ----------
    confirmed : mapping
        How often each cause was confirmed.
    n_causes : int
        How many causes there are.

    Returns
    -------
    mapping
        By cause, of those confirmed; all others became less likely alike, which a softmax takes care of.
    """
    return {name: (STRENGTH + n_causes * n) / STRENGTH for name, n in confirmed.items()}
