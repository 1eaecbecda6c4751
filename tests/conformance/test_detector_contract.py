"""What every baseline, rule and detector of single series promises, on series that Hypothesis draws and spoils."""

from __future__ import annotations

import pkgutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors import baselines, rules
from detectors.baselines import weekday_season, yearly_regression
from detectors.rules import band, sequential, trend
from detectors.series import Forecast, SeriesBatch
from detectors.single import offline, online
from detectors.single.contract import Scores, SeriesError

START = np.datetime64("2025-01-01")
SEASONED = weekday_season.Params(burst_cap_sd=3.0, season_weight=0.7)
SCANNED = 30
Fit = Callable[[SeriesBatch], Forecast]
Scan = Callable[[Forecast], np.ndarray]

FITS: dict[str, Fit] = {
    "weekday_season": lambda batch: weekday_season.fit_pooled(batch, SEASONED),
    "yearly_regression": lambda batch: yearly_regression.fit(
        SeriesBatch(batch.values, batch.days, None, batch.holidays), yearly_regression.Params(), SCANNED
    ),
}
SCANS: dict[str, Scan] = {
    "band": lambda told: band.scan(told, _groups(told), band.Params(min_expected=1.0, min_peers=99)).surprise,
    "sequential": lambda told: sequential.scan(told, np.full(len(told.expected), 8.0), sequential.Params())
    .log_statistic,
    "trend": lambda told: trend.scan(told, _groups(told), trend.Params(min_expected=1.0, min_peers=99)).z_value,
}  # fmt: skip
# Where there is nothing to say a rule says no more than this.
QUIET: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "band": lambda told: told == 0.0, "sequential": lambda told: told < -100.0, "trend": lambda told: told == 0.0,
}  # fmt: skip
SINGLES: dict[str, Callable[[np.ndarray], Scores]] = {
    "online": lambda values: online.detect(values, (7,)),
    "offline": lambda values: offline.detect(values, (7,)),
}
BASELINES, RULES, EACH = (pytest.mark.parametrize("name", sorted(each)) for each in (FITS, SCANS, SINGLES))
drawn = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _groups(told: Forecast) -> np.ndarray:
    return np.arange(len(told.expected))


@dataclass(frozen=True)
class Drawn:
    """A batch of counts with gaps, holidays and, of some, an exposure."""

    batch: SeriesBatch
    seed: int


@st.composite
def batches(draw: st.DrawFn, shortest: int = 1, longest: int = 430) -> Drawn:
    """Draw sizes, shares of gaps and a seed: what is drawn by the seed is Numpy's."""
    seed, n = draw(st.integers(0, 2**20)), draw(st.integers(1, 5))
    days, gaps = draw(st.integers(shortest, longest)), draw(st.sampled_from([0.0, 0.05, 0.5]))
    rng = np.random.default_rng(seed)
    offered = rng.poisson(draw(st.sampled_from([0.3, 60.0])), (n, days)).astype(float)
    values = rng.negative_binomial(offered * rng.uniform(0.2, 3.0, (n, 1)) + 0.01, 0.4).astype(float)
    values[rng.random((n, days)) < gaps] = np.nan
    exposure = offered if draw(st.booleans()) else None
    return Drawn(SeriesBatch(values, START + np.arange(days), exposure, rng.random((n, days)) < 0.03), seed)


def part(
    whole: SeriesBatch, rows: slice | list[int] | np.ndarray = slice(None), upto: int | None = None
) -> SeriesBatch:
    """Return some rows of a batch, up to a column."""
    cut = [None if each is None else each[rows][:, :upto] for each in (whole.values, whole.exposure, whole.holidays)]
    assert cut[0] is not None
    return SeriesBatch(cut[0], whole.days[:upto], cut[1], cut[2])


def test_every_baseline_and_rule_is_under_contract() -> None:
    for package, told in ((baselines, FITS), (rules, SCANS)):
        assert {module.name for module in pkgutil.iter_modules(package.__path__)} == set(told)


@BASELINES
@drawn
@given(batches(shortest=90), st.integers(1, 15))
def test_what_comes_later_changes_no_forecast(name: str, given_: Drawn, later: int) -> None:
    whole, before = given_.batch, given_.batch.values.copy()
    long, short = FITS[name](whole), FITS[name](part(whole, upto=whole.days.size - later))
    np.testing.assert_array_equal(whole.values, before)
    both = np.isfinite(long.expected[:, :-later]) & np.isfinite(short.expected)
    known = np.isfinite(short.expected)[:, -(SCANNED - later) :]
    np.testing.assert_array_equal(known, both[:, -(SCANNED - later) :])
    for field in ("expected", "dispersion", "relative_sd"):
        told, earlier = getattr(long, field)[:, :-later][both], getattr(short, field)[both]
        np.testing.assert_allclose(told, earlier, rtol=1e-7, err_msg=field)


@RULES
@drawn
@given(batches(shortest=120), st.integers(1, 15))
def test_what_comes_later_changes_no_statistic(name: str, given_: Drawn, later: int) -> None:
    told = FITS["weekday_season"](given_.batch)
    short = Forecast(told.expected[:, :-later], told.dispersion[:, :-later], told.relative_sd[:, :-later],
                     told.capped[:, :-later])  # fmt: skip
    long, early = SCANS[name](told)[:, :-later], SCANS[name](short)
    np.testing.assert_allclose(long, early[:, later:], rtol=1e-7, atol=1e-9)


@RULES
@drawn
@given(batches())
def test_the_order_of_series_does_not_matter(name: str, given_: Drawn) -> None:
    order = np.random.default_rng(given_.seed).permutation(len(given_.batch.values))
    told = SCANS[name](FITS["weekday_season"](given_.batch))
    turned = SCANS[name](FITS["weekday_season"](part(given_.batch, order)))
    np.testing.assert_allclose(turned, told[order], rtol=1e-6, atol=1e-9)


@drawn
@given(batches())
def test_a_series_scores_alone_as_in_a_batch_given_equal_priors(given_: Drawn) -> None:
    priors = weekday_season.learn_priors(given_.batch, SEASONED)
    together = weekday_season.fit(given_.batch, priors, SEASONED)
    alone = weekday_season.fit(part(given_.batch, [0]), priors, SEASONED)
    np.testing.assert_array_equal(together.expected[0], alone.expected[0])
    regressed = FITS["yearly_regression"]
    np.testing.assert_allclose(
        regressed(given_.batch).expected[0], regressed(part(given_.batch, [0])).expected[0], rtol=1e-7
    )


@drawn
@given(batches(shortest=90), st.floats(0.01, 1000.0))
def test_the_unit_of_a_size_does_not_matter_to_the_regression(given_: Drawn, scale: float) -> None:
    values = given_.batch.values * 1000.0
    plain = FITS["yearly_regression"](SeriesBatch(values, given_.batch.days)).expected
    scaled = FITS["yearly_regression"](SeriesBatch(values * scale, given_.batch.days)).expected
    np.testing.assert_allclose(scaled, plain * scale, rtol=1e-5)


def spike(values: np.ndarray) -> None:
    values[0, values.shape[1] // 2] = 1000.0 * (np.nanmax(values) + 1.0)


def infinite(values: np.ndarray) -> None:
    values[0, ::5], values[-1, 1::7] = np.inf, -np.inf


def huge(values: np.ndarray) -> None:
    values[0, ::9] = 1e300


def all_missing(values: np.ndarray) -> None:
    values[:] = np.nan


def one_missing(values: np.ndarray) -> None:
    values[0] = np.nan


def constant(values: np.ndarray) -> None:
    values[0] = 4.0


def zeros(values: np.ndarray) -> None:
    values[:] = 0.0


SPOILERS = (spike, infinite, huge, all_missing, one_missing, constant, zeros)
SPOILED = pytest.mark.parametrize("spoil", SPOILERS)
LENGTHS = pytest.mark.parametrize("days", [1, 2, 20, 300])


def spoiled(spoil: Callable[[np.ndarray], None], days: int, exposure: bool = False) -> SeriesBatch:
    rng = np.random.default_rng(days)
    values = rng.negative_binomial(20.0, 0.4, (4, days)).astype(float)
    spoil(values)
    offered = np.where(rng.random((4, days)) < 0.3, 0.0, 50.0)
    return SeriesBatch(values, START + np.arange(days), offered if exposure else None, rng.random((4, days)) < 0.03)


@BASELINES
@SPOILED
@LENGTHS
@pytest.mark.parametrize("exposure", [False, True])
def test_a_baseline_has_an_answer_to_bad_input(
    name: str, spoil: Callable[[np.ndarray], None], days: int, exposure: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = FITS[name](spoiled(spoil, days, exposure))
    known = np.isfinite(told.expected)
    assert not np.isinf(told.expected).any()
    for field in (told.dispersion, told.relative_sd):
        assert np.isfinite(field[known]).all()
        assert (field[known] > 0).all()


@RULES
@SPOILED
@LENGTHS
@pytest.mark.parametrize("exposure", [False, True])
def test_a_rule_has_an_answer_to_bad_input(
    name: str, spoil: Callable[[np.ndarray], None], days: int, exposure: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = SCANS[name](FITS["weekday_season"](spoiled(spoil, days, exposure)))
    assert not np.isnan(told).any()
    if spoil in (all_missing, zeros):
        assert QUIET[name](told).all()


def test_a_spike_in_history_hides_nothing_and_raises_nothing() -> None:
    rng = np.random.default_rng(7)
    values = rng.poisson(50.0, (2, 300)).astype(float)
    values[1] = values[0]
    values[1, 200] *= 1000.0
    values[:, -5:] = np.round(values[:, -5:] * 0.3)
    told = FITS["weekday_season"](SeriesBatch(values, START + np.arange(300)))
    np.testing.assert_allclose(told.expected[1, -10:], told.expected[0, -10:], rtol=0.15)
    found = SCANS["sequential"](told)
    assert (found[:, -1] > 8.0).all()
    assert (found[:, :-6] < 8.0).all()


@pytest.mark.parametrize(
    "days",
    [
        START + np.array([0, 2, 1]), START + np.array([0, 1, 1]), START + np.array([0, 1, 3]),
        np.array(["2025-01-01", "NaT", "2025-01-03"], dtype="datetime64[D]"),
    ],
    ids=["unsorted", "doubled", "gap", "no day"],
)  # fmt: skip
def test_days_out_of_order_are_refused_by_name(days: np.ndarray) -> None:
    with pytest.raises(ValueError, match="days must be contiguous and ascending"):
        SeriesBatch(np.ones((1, 3)), days)


@EACH
@drawn
@given(st.integers(0, 2**20), st.sampled_from(["none", "spike", "inf", "gap", "flat", "huge", "two"]))
def test_a_single_series_is_always_answered_in_numbers(name: str, seed: int, what: str) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 5.0, int(rng.integers(2, 300)))
    at = int(rng.integers(len(values)))
    if what in ("spike", "inf", "huge"):
        values[at] = {"spike": 1000.0 * values.max(), "inf": -np.inf, "huge": 1e308}[what]
    elif what == "gap":
        values[: at // 2] = np.nan
    elif what in ("flat", "two"):
        values = np.full(len(values), 3.0) if what == "flat" else values[:2]
    if not np.isfinite(values).any():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = SINGLES[name](values)
    assert np.isfinite(told.score).all()
    assert ((told.p_value > 0) & (told.p_value <= 1)).all()
    assert not told.is_anomaly[~np.isfinite(values)].any()
    if what in ("flat", "two"):
        assert not told.is_anomaly.any()


@EACH
@pytest.mark.parametrize("values", [np.full(9, np.nan), np.full(9, np.inf), np.array([])])
def test_nothing_known_is_an_error_with_a_name(name: str, values: np.ndarray) -> None:
    with pytest.raises(SeriesError, match="no value is known"):
        SINGLES[name](values)
