"""The line of each value of a TOML file, however it is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from python_nodes.alerts import routing_file
from python_nodes.alerts.toml_lines import Place, line_of

TEXT = '''# a comment
[teams.ops]
recipients = { slack = ["#a",
  "b"], sms = "+1" }
note = """
[routes]
"""

[[routes]]
name = "x"
[[routes]]
name = 'y'
teams = [
  "a", # said twice ]
  "b",
]
[chains."two words"]
steps = [
  { wait = 10 },
  { notify = { teams = [
     "a"] } },

  { hand_over = "x" },
]
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("teams",), 2), (("teams", "ops"), 2), (("teams", "ops", "recipients"), 3),
        (("teams", "ops", "recipients", "slack", 0), 3), (("teams", "ops", "recipients", "slack", 1), 4),
        (("teams", "ops", "recipients", "sms"), 4), (("teams", "ops", "note"), 5), (("routes",), 9),
        (("routes", 0, "name"), 10), (("routes", 1), 11), (("routes", 1, "teams", 0), 14),
        (("routes", 1, "teams", 1), 15), (("chains", "two words"), 17),
        (("chains", "two words", "steps", 0, "wait"), 19),
        (("chains", "two words", "steps", 1, "notify", "teams", 0), 21), (("chains", "two words", "steps", 2), 23),
    ],
)  # fmt: skip
def test_each_value_has_the_line_on_which_it_stands(place: Place, line: int) -> None:
    assert line_of(TEXT, place) == line


@pytest.mark.parametrize(
    ("place", "line"),
    [(("routes", 1, "cause"), 11), (("routes", 7), 9), (("routes", 0, "name", 0), 10), (("default",), None)],
)
def test_what_is_not_there_has_the_line_of_what_should_hold_it(place: Place, line: int | None) -> None:
    assert line_of(TEXT, place) == line


def leaves(told: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    parts = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    if not isinstance(told, dict | list):
        yield place, told
    for name, value in parts:
        yield from leaves(value, (*place, name))


@pytest.mark.parametrize("path", [routing_file.DEFAULT_PATH, Path("docs/examples/routing/routing.toml")])
def test_every_word_of_a_shipped_file_stands_on_its_line(path: Path) -> None:
    text = (Path(__file__).resolve().parents[3] / path).read_text()
    lines, words = text.splitlines(), list(leaves(tomllib.loads(text)))
    assert len(words) > 20
    for place, value in words:
        line = line_of(text, place)
        assert line is not None
        assert isinstance(value, bool | float) or str(value) in lines[line - 1], place
