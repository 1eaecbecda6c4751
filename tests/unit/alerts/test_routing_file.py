"""The routing file is refused by the name of what is wrong in it."""

from __future__ import annotations

import time
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
        ("[default]", "[default", "(at line 16, column 9)"),
        ('teams = ["ops"]', 'teams = ["opps"]', "line 14: routes[1].teams: "),
        ('category = "high"', 'colour = "red"', "line 13: routes[1].colour: Extra"),
        ('name = "all"', "", "line 11: routes[1].name: Field required"),
        ("{ slack =", "{ pigeon =", "line 9: teams.ops.recipients: unknown sender"),
        ('hours = "office"', 'rotation = "main"', "line 8: teams.ops.rotation: unknown rotation"),
        ('hours = "office"', 'falls_back_to = "us"', "line 8: teams.ops.falls_back_to: unknown team 'us'"),
        ('hours = "office"', 'falls_back_to = "ops"', "line 8: teams.ops.falls_back_to: 'ops' falls back itself"),
        ('recipients = { slack = ["#ops", "$MORE"] }', "", "line 7: teams.ops: has no recipients"),
        ("[default]", "[causes]\nprobability = 2\n[default]", "line 17: causes.probability: Input should be less"),
        ("[default]", '[rotations.r]\nfile = "no.ics"\n[default]', "line 17: rotations.r.file: no.ics: No such file"),
        ("[default]", '[rotations.r]\nfile = "x"\nzone = "Mars"\n[default]', "line 18: rotations.r.zone: "),
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


CHAINS = """
[teams.ops.recipients]
slack = "#ops"

[[escalations]]
name = "it"
chain = "a"

[chains.a]
steps = [
  { notify = { teams = ["ops"] } },
  { wait = 5 },
  { hand_over = "b" },
]

[chains.b]
steps = [{ notify = { senders = "slack" } }]

[default]
"""


@pytest.mark.parametrize(
    ("found", "put", "word"),
    [
        ('chain = "a"', 'chain = "z"', "line 7: escalations[1].chain: unknown chain 'z'; there are: a, b"),
        ('chain = "a"', 'chain = "a"\nteams = ["ops"]', "line 5: escalations[1]: Value error, with a chain"),
        ('chain = "a"', "", "line 5: escalations[1]: Value error, either chain, or after_minutes and teams"),
        ('chain = "a"', "after_minutes = 5", "line 5: escalations[1]: Value error, with after_minutes, teams say"),
        ('{ teams = ["ops"] }', '{ teams = ["opps"] }', "line 11: chains.a.steps[1].notify.teams: unknown team 'opps'"),
        ('{ teams = ["ops"] }', "{}", "line 11: chains.a.steps[1].notify: Value error, name teams, rotations, or"),
        ('{ teams = ["ops"] }', '{ rotations = "r" }', "line 11: chains.a.steps[1].notify.rotations: "),
        ("{ wait = 5 }", "{ wait = 0 }", "line 12: chains.a.steps[2].wait: Input should be greater"),
        ("{ wait = 5 }", "{ sleep = 5 }", "line 12: chains.a.steps[2].sleep: Extra inputs"),
        ("{ wait = 5 }", "{ wait = 5, hand_over = 'b' }", "line 12: chains.a.steps[2]: Value error, a step is"),
        ("{ wait = 5 }", "{ repeat_from = 1 }", "line 12: chains.a.steps[2]: Value error, repeat_from and times go"),
        ("{ wait = 5 }", "{ repeat_from = 2, times = 1 }", "line 12: chains.a.steps[2].repeat_from: step 2 does not"),
        ("{ wait = 5 }", "{ repeat_from = 1, times = 1 }", "line 12: chains.a.steps[2].repeat_from: nothing waits"),
        ('{ hand_over = "b" }', '{ hand_over = "c" }', "line 13: chains.a.steps[3].hand_over: unknown chain 'c'"),
        ('{ hand_over = "b" },', '{ hand_over = "b" },\n{ wait = 1 },', "line 14: chains.a.steps[4]: never reached"),
        ('{ hand_over = "b" }', '{ hand_over = "a" }', "steps[3].hand_over: a loop that never ends: a -> a"),
        ('[{ notify = { senders = "slack" } }]', '[{ hand_over = "a" }]', "line 13: chains.a.steps[3].hand_over: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chain_is_named_with_its_line(tmp_path: Path, found: str, put: str, word: str) -> None:
    assert found in CHAINS
    load(tmp_path, CHAINS)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, CHAINS.replace(found, put))
    assert word in str(caught.value)


def test_a_loop_over_several_chains_is_told_in_full(tmp_path: Path) -> None:
    looped = CHAINS.replace('[{ notify = { senders = "slack" } }]', '[{ wait = 1 }, { hand_over = "a" }]')
    with pytest.raises(ConfigError, match="a loop that never ends: a -> b -> a"):
        load(tmp_path, looped)


def test_a_team_with_nobody_is_stood_in_for(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    data = (
        '[teams.data]\nfalls_back_to = "ops"\nrecipients = { email = "$DATA?" }\n[teams.ops.recipients]\nslack = "#o"\n'
    )
    file.write_text(data + "[default]\n")
    policy = routing_file.load(file, ("slack", "email"), {})
    assert policy.teams["data"].stands_in == "ops"
    assert policy.teams["data"].recipients == {"slack": ("#o",)}
    there = routing_file.load(file, ("slack", "email"), {"DATA": "d@example.test"}).teams["data"]
    assert (there.stands_in, there.recipients) == (None, {"email": ("d@example.test",)})
    no_mail = routing_file.load(file, ("slack", "email"), {"DATA": "d@example.test"}, {"email": "not set up"})
    assert no_mail.teams["data"].stands_in == "ops", "what cannot be sent reaches nobody"


def test_of_a_thousand_wrong_tables_ten_are_told_and_soon(tmp_path: Path) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match="and 990 more") as caught:
        load(tmp_path, GOOD + "[[escalations]]\n" * 1_000)
    assert str(caught.value).count("Field required") == 10
    assert time.process_time() - began < 5, "each one's line is searched for"
