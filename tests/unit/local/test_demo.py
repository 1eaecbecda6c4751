from __future__ import annotations

import pytest
from typer.testing import CliRunner

from python_nodes.cli import app
from python_nodes.local import demo
from python_nodes.local.worker_client import summed
from python_nodes.vendors import discover, load


def test_every_channel_of_every_vendor_is_connected() -> None:
    spoken_for = {channel for name in discover() for channel in load(name).capabilities.channels}
    assert spoken_for == set(demo.CHANNELS)


def test_channels_are_told_once_in_the_portfolios_order() -> None:
    listings = [{"channel": name} for name in ("vrbo", "airbnb", "vrbo")]
    assert demo.channels_of({"listings": listings}) == ["vrbo", "airbnb"]


@pytest.mark.parametrize(
    ("jobs", "told"), [([], (0, 0)), ([(0, 0)], (0, 0)), ([(3, 10), (0, 0)], (3, 20)), ([(4, 4), (1, 6)], (5, 10))]
)
def test_a_job_that_has_not_begun_counts_as_long_as_the_others(
    jobs: list[tuple[int, int]], told: tuple[int, int]
) -> None:
    assert summed(jobs) == told


def test_an_unknown_channel_is_refused_by_name() -> None:
    answer = CliRunner().invoke(app, ["up", "--channels", "booking_com,teletext"])
    assert answer.exit_code == 2
    assert "teletext" in answer.output
