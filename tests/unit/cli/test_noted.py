"""Every command says whether it changes something, so that none is forgotten by the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from python_nodes import cli, cli_noted

READS = frozenset(
    {
        "detect", "backtest", "forecast", "route", "apikeys list", "apikey list", "audit verify", "audit show",
        "influx queue", "keys check", "import sources", "archive list", "archive verify", "proposals list",
        "proposals show", "messages preview", "alerts explain", "alerts held", "mutes list", "webhooks list",
        "webhooks letters",
    }
)  # fmt: skip


def commands(at: Any, names: tuple[str, ...] = ()) -> Iterator[str]:
    if not hasattr(at, "commands"):
        yield " ".join(names)
        return
    for name, below in at.commands.items():
        yield from commands(below, (*names, name))


def test_every_command_is_one_that_changes_reads_or_serves_the_machine() -> None:
    kinds = (cli_noted.CHANGES, cli_noted.NOTED_BY_THEMSELVES, cli_noted.OF_THE_MACHINE, READS)
    known = frozenset().union(*kinds)
    assert set(commands(get_command(cli.app))) - known == set()
    assert sum(map(len, kinds)) == len(known), "each is of one kind"


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (["apikeys", "rotate", "3", "--overlap-hours", "0"], "apikeys rotate"), (["replay-raw"], "replay-raw"),
        (["mutes"], "mutes"), (["nothing", "here"], ""), ([], ""),
    ],
)  # fmt: skip
def test_the_command_is_read_from_what_was_asked(told: list[str], command: str) -> None:
    group = get_command(cli.app)
    assert cli_noted.path(group, group.make_context("nightporter", ["doctor"]), told) == command
