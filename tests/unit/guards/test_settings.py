from __future__ import annotations

from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.guards.settings import DEFAULTS, read


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "guards.toml"
    file.write_text(text)
    return file


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    found = read(written(tmp_path, "parity_price_tolerance = 0.2\nparity_min_stay_tolerance = 1\n"))
    assert (found.parity_price_tolerance, found.parity_min_stay_tolerance) == (0.2, 1)
    assert found.price_low_ratio == DEFAULTS.price_low_ratio
    assert read(None) == DEFAULTS


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("parity_tolerance = 0.2", "parity_tolerance"),
        ("parity_price_tolerance = 'much'", "parity_price_tolerance"),
        ("parity_min_nights = 1.5", "parity_min_nights"),
        ("parity_price_tolerance =", "guards.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read(written(tmp_path, text))
