"""The routing file is refused by the name of what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_nodes.alerts import routing_file
from python_nodes.errors import ConfigError

GOOD = """
[hours.office]
zone = "Asia/Tokyo"
from = 22:00:00
to = 06:00:00

[teams.ops]
hours = "office"
recipients = { slack = ["#ops", "$MORE"] }

[[routes]]
name = "all"
category = "high"
teams = ["ops"]

[default]
"""


def load(tmp_path: Path, text: str, **variables: str) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(text)
    routing_file.load(file, ("slack", "email"), {"MORE": "#a, #b"} | variables)


@pytest.mark.parametrize(
    ("found", "put", "word"),
    [
        ('teams = ["ops"]', 'teams = ["opps"]', "routes[1].teams: unknown team 'opps'; there are: ops"),
        ("[default]", '[default]\nteams = ["who"]', "default.teams: unknown team 'who'"),
        ("{ slack =", "{ pigeon =", "teams.ops.recipients: unknown sender 'pigeon'; there are: email, slack"),
        ('teams = ["ops"]', 'teams = ["ops"]\nsenders = ["fax"]', "routes[1].senders: unknown sender 'fax'"),
        ('category = "high"', 'category = "urgent"', "routes[1].category[1]: Input should be 'critical', 'high'"),
        ('category = "high"', 'metric = "luck"', "routes[1].metric[1]: Value error, 'luck' is no metric"),
        ('category = "high"', 'colour = "red"', "routes[1].colour: Extra inputs are not permitted"),
        ('category = "high"', "category = []", "routes[1].category: Value should have at least 1 item"),
        ('zone = "Asia/Tokyo"', 'zone = "Tokio"', "hours.office.zone: Value error, 'Tokio' is no IANA time zone"),
        ('hours = "office"', 'hours = "nights"', "teams.ops.hours: unknown hours 'nights'; there are: office"),
        ("$MORE", "$LESS", "teams.ops.recipients.slack: LESS is not set in the environment"),
        ("[default]", "", "default: Field required"),
        ("[default]", '[[routes]]\nname = "all"\n[default]', "routes[2].name: 'all' is the name of an earlier route"),
        ("[default]", "[default", "routing.toml: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, found: str, put: str, word: str) -> None:
    assert found in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(found, put))
    assert str(caught.value).startswith("routing.toml: ")
    assert word in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        routing_file.load(tmp_path / "nowhere.toml", (), {})


def test_a_variable_may_hold_several(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(GOOD)
    policy = routing_file.load(file, ("slack",), {"MORE": "#a, #b ,"})
    assert policy.teams["ops"].recipients["slack"] == ("#ops", "#a", "#b")
