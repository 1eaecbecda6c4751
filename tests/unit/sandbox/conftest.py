"""Worlds built once for the tests that only look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.simulated import World
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world

MAIN_JOB = DEFAULT_SCENARIO.with_name("main_job.toml")


@pytest.fixture(scope="session")
def main_job() -> World:
    """The shipped scenario of the main job on a short history."""
    return build_world(5, 500, 40, 30, DEFAULT_T0, MAIN_JOB)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A file to write a scenario into."""
    return tmp_path / "scenario.toml"
