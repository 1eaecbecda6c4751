"""A kept world is the drawn one, to the number; what is cut, or made from something else, is not taken for it."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sandbox import kept
from sandbox.channels import CHANNELS
from sandbox.demand import Counts
from sandbox.reservations import Reservations
from sandbox.simulated import World
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world


def _build(keep_in: Path | None, scenario: Path = DEFAULT_SCENARIO) -> World:
    return build_world(3, 60, 40, 14, DEFAULT_T0, scenario, CHANNELS, keep_in)


def _only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one world is kept."""
    made = tmp_path_factory.mktemp("worlds") / "new"
    _build(made)
    return made


def _same(one: Counts | Reservations, other: Counts | Reservations) -> None:
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)


def test_a_kept_world_is_the_drawn_one(folder: Path) -> None:
    drawn, again = _build(None), _build(folder)
    _same(again.counts, drawn.counts)
    _same(again.twin, drawn.twin)
    _same(again.reservations, drawn.reservations)
    assert again.outcomes == drawn.outcomes
    assert again.incidents() == drawn.incidents()
    span = (drawn.first, DEFAULT_T0 + timedelta(days=13))
    for channel in CHANNELS:
        assert again.performance(channel, *span) == drawn.performance(channel, *span)
        assert again.bookings(channel, *span) == drawn.bookings(channel, *span)


def test_the_kept_one_is_really_read(folder: Path, tmp_path: Path) -> None:
    held = kept.read(_only(folder))
    assert held is not None
    told = tuple(replace(one, spill_minor=one.spill_minor + 1) for one in held.outcomes)
    kept.write(tmp_path / _only(folder).name, replace(held, outcomes=told))
    assert _build(tmp_path).outcomes == told


def test_a_cut_file_is_drawn_again(folder: Path, tmp_path: Path) -> None:
    content = _only(folder).read_bytes()
    path = tmp_path / _only(folder).name
    for cut in (b"", content[:100], content[: len(content) // 2], b"x" * len(content)):
        path.write_bytes(cut)
        assert kept.read(path) is None
    assert _build(tmp_path).outcomes == _build(folder).outcomes
    assert kept.read(path) is not None


def test_other_arguments_and_another_scenario_have_another_name(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(DEFAULT_SCENARIO.read_text())
    arguments = (1, 60, 40, 14, date(2026, 3, 30), CHANNELS)
    names = {kept.name_of(arguments, DEFAULT_SCENARIO), kept.name_of(arguments, scenario)}
    assert len(names) == 1, "what counts is what a scenario says, not where it lies"
    scenario.write_text(scenario.read_text().replace("days = ", "days =  "))
    names |= {kept.name_of(arguments, scenario), kept.name_of((2, *arguments[1:]), DEFAULT_SCENARIO)}
    assert len(names | {kept.name_of(arguments, None)}) == 4


def test_those_not_used_for_longest_are_forgotten(folder: Path, tmp_path: Path) -> None:
    held = kept.read(_only(folder))
    assert held is not None
    for number in range(kept.WORLDS_KEPT + 2):
        path = tmp_path / f"world-{number}.npz"
        kept.write(path, held)
        os.utime(path, (number, number))
    assert {path.name for path in tmp_path.iterdir()} == {
        f"world-{number}.npz" for number in range(2, kept.WORLDS_KEPT + 2)
    }


def test_a_folder_that_cannot_be_written_keeps_nothing_and_stops_nobody(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    assert len(_build(in_the_way / "worlds").placed) > 0
