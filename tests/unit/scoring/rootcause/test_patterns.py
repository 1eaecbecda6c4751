"""Patterns are files: read with their field named where they are wrong, one for every cause that we speak of."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.scoring.rootcause import model, patterns

DATA = Path(patterns.DEFAULT_FOLDER).parent
WHOLE = 'likely = "x"\naction = "y"\nteam = "operations"\nwanted = ["z"]\n'


def folder(tmp_path: Path, text: str, name: str = "broken.toml") -> Path:
    (tmp_path / "unknown.toml").write_text(WHOLE, encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (WHOLE.replace('team = "operations"\n', ""), "broken.toml: team"),
        (WHOLE + '[funnel]\nimpressions = "sideways"\n', "broken.toml: funnel.impressions"),
        (WHOLE + '[[changes]]\nfield = "price"\ndirections = ["doubled"]\n', "broken.toml: changes.0.directions.0"),
        (WHOLE + 'colour = "red"\n', "broken.toml: colour"),
        ("likely = ", "broken.toml: "),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_field(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(where)):
        patterns.load(folder(tmp_path, text))


def test_a_folder_without_the_unknown_is_refused(tmp_path: Path) -> None:
    (tmp_path / "price_error.toml").write_text(WHOLE, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"unknown.toml"):
        patterns.load(tmp_path)


def test_every_cause_that_people_are_advised_on_has_a_pattern() -> None:
    advised = tomllib.loads((DATA / "actions.toml").read_text(encoding="utf-8"))["causes"]
    # A difference between channels has one of several causes, each with a pattern of its own.
    known_elsewhere = {"parity"}
    missing = advised.keys() - patterns.shipped().keys() - known_elsewhere
    assert not {one for one in missing if one in GLOSSARY}


GLOSSARY = frozenset(
    re.findall(r"^\| `\w+` \| (?:guard|watch|sweep) \| `(\w+)`", (Path(__file__).parents[4] / "docs/glossary.md")
               .read_text(encoding="utf-8"), re.MULTILINE)
)  # fmt: skip


def test_data_problems_are_the_data_teams() -> None:
    teams = {cause: one.team for cause, one in patterns.shipped().items()}
    data = {cause for cause, team in teams.items() if team == "data"}
    assert data == {"feed_stale", "feed_duplicate", "metric_missing", "metric_flat", "poll_failing", "access_ending"}


def test_the_shipped_weights_are_of_the_shipped_patterns() -> None:
    assert set(model.shipped().causes) <= set(patterns.shipped())


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(model.to_json(model.shipped()).replace('"timing"', '"weather"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="features"):
        model.read(path)
