"""Which alarms count for which events, and what a file of them is worth."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evaluation import calibration, events, nab


def flags(text: str) -> np.ndarray:
    return np.array([character != "." for character in text])


def test_events_alerts_and_delays_are_matched() -> None:
    #                      two events, one told after two points; one alert of two touches nothing
    told = events.tally(flags("..xxxx...xx...."), flags("....xx.......xx"))
    assert (told.events, told.delays, told.alerts, told.false_alerts, told.points) == (2, (2,), 2, 1, 15)
    assert told.recall == 0.5
    assert told.precision == 0.5
    assert told.false_per_thousand_days(24) == pytest.approx(1000 * 24 / 15)


def test_an_alarm_raised_before_an_event_counts_while_it_holds() -> None:
    assert events.tally(flags("...xx"), flags(".xxx.")).delays == (0,)


def test_an_event_never_told_is_late_without_end() -> None:
    told = events.tally(flags("x.x.x"), flags("x...."))
    assert told.median_delay == float("inf")
    assert (told + events.tally(flags("x.x"), flags("x.x"))).median_delay == 0.0


def test_nothing_there_and_nothing_told_is_no_fault() -> None:
    assert events.NOTHING.recall == events.NOTHING.precision == 1.0
    assert np.isnan(events.NOTHING.median_delay)


def test_stretches_near_one_another_are_one_alert() -> None:
    assert events.onsets(flags("x..x.....x"), gap=3).tolist() == flags("x........x").tolist()
    assert events.onsets(flags("..."), gap=3).tolist() == [False] * 3


def test_calibration_says_what_was_reached_on_quiet_points() -> None:
    p_values = np.arange(1, 1001) / 1000.0
    quiet = np.ones(1000, dtype=bool)
    quiet[:5] = False
    rows = calibration.table(p_values, quiet, (0.01, 0.1))
    assert [(row.asked, row.points) for row in rows] == [(0.01, 995), (0.1, 995)]
    assert rows[0].reached == pytest.approx(5 / 995)


def test_nab_by_hand() -> None:
    alarms = np.zeros(100, dtype=bool)
    windows = np.array([[50, 59]])
    silent = nab.score(alarms, windows)
    assert (silent.raw, silent.windows, silent.told) == (-1.0, 1, 0)
    assert nab.normalised([silent]) == 0.0
    alarms[50] = True
    first = nab.score(alarms, windows)
    assert first.raw == pytest.approx(1.0)
    assert nab.normalised([first]) == pytest.approx(100.0)
    alarms[3] = True  # On probation: does not count.
    assert nab.score(alarms, windows) == first
    alarms[20] = True  # Before any window: the full price.
    assert nab.score(alarms, windows).raw == pytest.approx(1.0 - 0.11)


def sigma(position: float) -> float:
    return float(2 / (1 + np.exp(5 * position)) - 1)


def test_nab_pays_the_earliest_alarm_and_forgives_one_just_behind_the_window() -> None:
    windows = np.array([[50, 59]])
    late, behind = np.zeros(100, dtype=bool), np.zeros(100, dtype=bool)
    late[[58, 59]] = True
    behind[60] = True
    assert nab.score(late, windows).raw == pytest.approx(sigma(-0.2) / sigma(-1.0))
    assert nab.score(behind, windows).raw == pytest.approx(-1.0 + 0.11 * sigma(1 / 9))


def test_nab_doubles_what_its_profiles_double() -> None:
    alarms = np.zeros(100, dtype=bool)
    alarms[20] = True
    windows = np.array([[50, 59]])
    assert nab.score(alarms, windows, nab.FEW_FALSE).raw == pytest.approx(-1.0 - 0.22)
    assert nab.score(alarms, windows, nab.FEW_MISSED).raw == pytest.approx(-2.0 - 0.11)
