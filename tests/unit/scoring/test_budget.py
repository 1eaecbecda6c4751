"""One budget for all watches: how it is read, parted, spent by series and days, and what is cut by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from detectors import calibrate
from detectors.calibrate import LEVELS, Tails
from detectors.series import Forecast
from python_nodes.errors import ConfigError
from python_nodes.scoring import budget, cuts
from python_nodes.scoring.budget import Budget, Dated
from python_nodes.scoring.watches import Watch, load_watches, with_budget

DAYS = np.arange("2025-06-01", "2026-04-11", dtype="datetime64[D]")


def the(name: str) -> Watch:
    return next(one for one in load_watches() if one.name == name)


def flat(*levels: float) -> Forecast:
    expected = np.repeat(np.array(levels)[:, None], DAYS.size, axis=1)
    return Forecast(expected, np.ones(expected.shape), np.full(expected.shape, 0.05), expected)


def exponential(scale: float) -> Tails:
    return Tails(np.zeros(0), -scale * np.log(LEVELS)[None, :], 0.25)


def test_the_shipped_watches_part_one_budget() -> None:
    for asked in (0.06, 0.5):
        parts = [one.budget for one in with_budget(load_watches(), asked)]
        assert all(one.share > 0 for one in parts)
        assert sum(one.false_alerts / one.listings / one.days for one in parts) == pytest.approx(asked / 700)


def test_what_a_watch_cannot_spend_is_the_others() -> None:
    total = Budget(false_alerts=1.0, listings=0, days=1.0)
    shares = [Budget(share=1.0), Budget(share=1.0)]
    sparing = replace(exponential(1.0), spends=0.25)
    parts = budget.parted(total, shares, [None, sparing])
    assert [one.false_alerts for one in parts] == pytest.approx([0.8, 0.2])
    # Both cuts allow the same, and of what the second allows a quarter comes.
    allowed = [cuts.rates(replace(the("rank_drop"), budget=one), flat(1.0), 1, 1).sum() for one in parts]
    assert allowed == pytest.approx([0.8, 0.8])


def test_nothing_is_spent_on_series_that_another_watch_sees_sooner() -> None:
    told = flat(0.05, 0.2, 0.69, 0.71, 6.0)
    quiet, whole = (cuts.spend(told, 0.1, 4, none_from) for none_from in (0.7, 0.0))
    assert (quiet[3:] == 0).all()
    assert (quiet[:3] > 0).all()
    assert (whole > 0).all()
    silence = the("conversion_silence")
    limits = cuts.of(silence, told, DAYS, 4, 5).limits
    assert np.isfinite(limits[:3]).all()
    assert np.isinf(limits[3:]).all()


def test_every_shipped_watch_has_tails_of_its_own() -> None:
    assert {one.name for one in load_watches() if not one.tails} == set()


def test_shares_are_what_a_watch_gets_beside_the_others(tmp_path: Path) -> None:
    head = 'metric="adr"\nbaseline="weekday_season"\nrule="band"\n'
    path = tmp_path / "watches.toml"
    path.write_text(
        f"[budget]\nfalse_alerts=3\nlistings=0\ndays=7\n[a]\n{head}budget={{share=1.0}}\n[b]\n{head}budget={{share=2.0}}\n"
        f"[c]\n{head}budget={{false_alerts=0.1}}\n"
    )
    told = load_watches(path)
    assert [one.budget.false_alerts for one in told] == pytest.approx([1.0, 2.0, 0.1])
    allowed = cuts.rates(told[0], flat(1.0, 1.0), 5, 2)
    assert allowed.sum(axis=0) == pytest.approx(np.full(5, 1.0 / 7.0))


@pytest.mark.parametrize(
    "text", ["budget = 3", "[budget]\nfalse_alerts = true", "[budget]\ndays = 0", "[budget]\nweeks = 1",
             "[budget]\nfalse_alerts = -1", "[budget]\nlistings = 0.5"],
)  # fmt: skip
def test_a_budget_that_makes_no_sense_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "watches.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="budget"):
        load_watches(path)


def test_what_is_allowed_grows_with_the_listings_and_is_spent_where_drops_show() -> None:
    watch = the("conversion_drop")
    few, many = (cuts.rates(watch, flat(*levels), 10, len(levels)) for levels in ([5.0] * 10, [5.0] * 20))
    assert many.sum() == pytest.approx(2 * few.sum())
    mixed = cuts.rates(watch, flat(*[5.0] * 10, *[0.1] * 10), 10, 20)
    assert mixed[0, 0] > 100 * mixed[-1, 0] > 0


def test_a_larger_budget_cuts_lower_and_none_never_alarms() -> None:
    forecast = flat(5.0, 5.0)
    shown = [
        cuts.of(one, forecast, DAYS, 10, 2).limits[0, -1]
        for asked in (1.0, 0.1, 0.0)
        for one in with_budget([the("conversion_drop")], asked)
    ]
    assert shown[0] < shown[1] < shown[2] == np.inf


def test_theory_cuts_where_nothing_was_learnt() -> None:
    watch = replace(the("conversion_drop"), tails=())
    cut = cuts.of(watch, flat(5.0, 5.0), DAYS, 10, 2)
    rate = cuts.rates(watch, flat(5.0, 5.0), 10, 2)
    assert cut.limits == pytest.approx(-np.log(rate))
    assert cut.p_value(np.array([np.log(2_800.0), -3.0])) == pytest.approx([0.01, 1.0])


def test_a_days_cut_is_the_same_whenever_it_is_looked_at() -> None:
    learnt = (Dated(None, exponential(1.0)), Dated(date(2026, 4, 1), exponential(2.0)))
    watch = replace(the("conversion_drop"), tails=learnt)
    late = cuts.of(watch, flat(5.0), DAYS, 30, 1).limits
    early = cuts.of(replace(watch, tails=learnt[:1]), flat(5.0), DAYS[:-20], 10, 1).limits
    assert late[0, -31 + 1 : -20] == pytest.approx(early[0])
    # Of the 30 days to 10 April the last ten are cut by what was learnt then.
    assert (late[0, :20] == late[0, 0]).all()
    assert late[0, 20:] == pytest.approx(2.0 * late[0, 0])


def test_theory_cuts_while_all_that_is_known_is_new() -> None:
    watch = replace(the("conversion_drop"), tails=(Dated(None, exponential(0.1)),))
    whole = flat(5.0, 5.0)
    young = replace(whole, capped=np.where(np.arange(DAYS.size) < DAYS.size - 60, np.nan, whole.capped))
    by_theory = cuts.of(replace(watch, tails=()), young, DAYS, 10, 2).limits
    assert cuts.of(watch, young, DAYS, 10, 2).limits == pytest.approx(by_theory)
    assert (cuts.of(watch, whole, DAYS, 10, 2).limits < by_theory).all()


def test_volume_decides_the_segment() -> None:
    tails = Tails(np.array([1.0]), np.stack([-np.log(LEVELS), -3.0 * np.log(LEVELS)]), 0.25)
    watch = replace(the("ctr_drop"), tails=(Dated(None, tails),))
    limits = cuts.of(watch, flat(0.5, 50.0), DAYS, 5, 2).limits
    assert limits[1, 0] > 2.0 * limits[0, 0]


def test_tails_survive_being_written_down() -> None:
    tails = the("conversion_drop").tails[0].tails
    again = budget.from_json(budget.to_json(tails))
    assert (again.values == tails.values).all()
    assert again.clustering == tails.clustering
    asked = np.full(1, 1e-5)
    assert calibrate.limits(again, np.array([3]), asked) == calibrate.limits(tails, np.array([3]), asked)


def test_shipped_tails_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "tails.json"
    path.write_text('{"conversion_drop": {"edges": [], "values": [[1.0]], "clustering": 1, "spends": 1}}')
    with pytest.raises(ConfigError, match=r"tails\.json"):
        budget.shipped(path)
