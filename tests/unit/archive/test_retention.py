"""How long data is kept: our own file is sound, an operator's overrides it, and what makes no sense is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_nodes.archive import retention
from python_nodes.errors import ConfigError
from python_nodes.store.old_entities import ARCHIVED, DELETED

LEAST = {"bookings": 786, "metrics_daily": 420}


def test_our_own_file_names_each_entity_once_and_keeps_what_the_watches_need() -> None:
    told = retention.load(None, LEAST)
    assert set(told.keep_days) == {*ARCHIVED, *DELETED}
    assert not set(ARCHIVED) & set(DELETED)
    assert all(told.keep_days[name] >= days for name, days in LEAST.items())
    assert told.guest_days < told.keep_days["bookings"] < told.archive_days


def test_an_operators_file_changes_only_what_it_names(tmp_path: Path) -> None:
    own = retention.load(None, LEAST)
    path = tmp_path / "mine.toml"
    path.write_text("guest_days = 365\n[archive]\nbookings = 1461\n[delete]\nrejected = 0\n")
    told = retention.load(path, LEAST)
    assert (told.guest_days, told.keep_days["bookings"], told.keep_days["rejected"]) == (365, 1461, 0)
    assert {**told.keep_days, "bookings": 1096, "rejected": 365} == own.keep_days


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[archive]\nbookings = 700\n", "at least 786"),
        ("[archive]\nanomalies = 29\n", "at least 30"),
        ("[archive]\nanomalies = true\n", "no number of days"),
        ("[archive]\nanomalies = 2557\n", "deleted as it is archived"),
        ("archive_days = 900\n", "deleted as it is archived"),
        ("[archive]\nrejected = 90\n", "there are alert_events"),
        ("[delete]\nmoods = 90\n", "there are ari_current"),
        ("days = 3\n", "days: there are guest_days"),
        ("[archive\n", "cannot be read"),
        (f"archive_days = {'9' * 5000}\n", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as refused:
        retention.load(path, LEAST)
    assert str(path) in str(refused.value)
