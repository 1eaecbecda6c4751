"""The ends of an amount lost hold it four times in five, whatever it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.alerts.interval import ends, product, summed


@pytest.mark.parametrize(("share", "share_sd"), [(0.1, 0.05), (0.5, 0.15), (0.93, 0.05)])
@pytest.mark.parametrize("worth_sd", [0.1, 0.5])
def test_ends_are_the_quantiles_of_what_is_drawn(worth_sd: float, share: float, share_sd: float) -> None:
    """Drawn from the same law by other means: 200,000 draws of a lognormal times a beta."""
    rng = np.random.default_rng(1)
    weight = share * (1 - share) / share_sd**2 - 1
    drawn = rng.lognormal(0.0, worth_sd, 200_000) * rng.beta(share * weight, (1 - share) * weight, 200_000)
    found = ends(np.array([worth_sd]), np.array([share]), np.array([share_sd]))
    low, high = np.quantile(drawn / share, [0.1, 0.9])
    assert found.low[0] == pytest.approx(low, rel=0.05)
    assert found.high[0] == pytest.approx(high, rel=0.05)


def test_the_amount_itself_lies_between_its_ends() -> None:
    share = np.array([0.0, 0.001, 0.3, 1.0])
    found = ends(np.full(4, 0.2), share, np.array([0.0, 0.5, 5.0, 0.0]))
    assert (found.low <= 1.0).all()
    assert (found.high >= 1.0).all()
    assert (found.low[0], found.high[0]) == (1.0, 1.0)
    assert np.isfinite([*found.low, *found.high]).all()


def test_what_is_surer_has_nearer_ends() -> None:
    found = ends(np.array([0.1, 0.1, 0.4]), np.full(3, 0.5), np.array([0.01, 0.2, 0.2]))
    assert (np.diff(found.high - found.low) > 0).all()


def test_errors_of_several_partly_cancel() -> None:
    amounts, lows, highs = [100.0] * 4, [60.0] * 4, [150.0] * 4
    assert 4 * 60 < summed(amounts, lows) < 400 - 40
    assert 400 + 50 < summed(amounts, highs) < 4 * 150
    assert summed([100.0], [60.0]) == pytest.approx(60.0)
    assert summed([100.0], [150.0]) == pytest.approx(150.0)
    assert summed([100.0, 50.0], [100.0, 50.0]) == 150.0


def test_a_product_is_less_sure_than_either_factor() -> None:
    low, high = product(1_000.0, (0.8, 1.25), (0.5, 2.0))
    assert low < 500.0
    assert high > 2_000.0
    assert product(1_000.0, (1.0, 1.0), (0.5, 2.0)) == (pytest.approx(500.0), pytest.approx(2_000.0))
