"""What the operator fills in reaches the worker: nothing that a customer needs is left out of compose.yaml."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from python_nodes import config, wiring
from python_nodes.notify import base
from tests.unit.compose import stack
from tests.unit.compose.stack import COMPOSE, OURS


def test_every_way_of_telling_can_be_set_up_by_what_compose_hands_on(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled_in = {
        "SMTP_HOST": "mail.example.com", "SMTP_USERNAME": "nightporter", "EMAIL_TO": "ops@example.com",
        "TWILIO_ACCOUNT_SID": "AC0", "SMS_FROM": "+493012345", "SMS_TO": "+493012346",
    }  # fmt: skip
    assert not [name for name in filled_in if stack.example()[name]], "what is not filled in is not used"
    told = stack.services()["worker"]["environment"]
    assert wiring.senders(_loaded(told, drawn, tmp_path / "empty")) == {}
    for name, value in filled_in.items():
        monkeypatch.setitem(stack.example(), name, value)
    given = {Path(file).name for file in runpy.run_path(str(COMPOSE / "draw_secrets.py"))["GIVEN"]}
    senders = wiring.senders(_loaded(told, drawn, tmp_path / "given", given))
    assert senders.keys() == base.discover().keys()
    assert (senders["email"]["username"], senders["email"]["tls"]) == ("nightporter", "starttls")


def _loaded(told: dict[str, Any], drawn: Path, folder: Path, given: Iterable[str] = ()) -> config.Settings:
    """Settings as compose hands them on, with the secrets that somebody has filled in."""
    shutil.copytree(drawn / "secrets" / "worker", folder)
    for name in given:
        (folder / name).write_text("given")
    environment = {name: stack.filled(str(value)) for name, value in told.items()}
    return config.load({
        name: str(folder / value.removeprefix("/run/secrets/worker_")) if value.startswith("/run/secrets/") else value
        for name, value in environment.items()
    })  # fmt: skip


def test_any_other_setting_can_be_told_and_its_files_are_found() -> None:
    lines = (COMPOSE / "settings" / "README.md").read_text().partition("```\n")[2].partition("```")[0].splitlines()
    told = dict(line.split("=", 1) for line in lines)
    known = {f"{config.PREFIX}{name}".upper() for name in config.Settings.model_fields}
    assert told
    assert {name.removesuffix(config.FROM_FILE) if name not in known else name for name in told} <= known
    for name in OURS:
        service = stack.services()[name]
        assert service["env_file"] == [{"path": "./settings/worker.env", "required": False}], name
        (bound,) = [one for one in service["volumes"] if one["source"] == "./settings"]
        assert bound["read_only"]
        assert all(value.startswith(f"{bound['target']}/") for value in told.values() if value.startswith("/"))
        # What compose.yaml says goes before that file, so it would be told there in vain.
        assert not told.keys() & service["environment"].keys(), name
