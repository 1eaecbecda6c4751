"""Settings: complete, or a refusal that names what is wrong without telling values."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_nodes import config
from python_nodes.errors import ConfigError

COMPLETE = {
    "NIGHTPORTER_DATABASE_URL": "postgresql://app:hunter2@127.0.0.1/np",
    "NIGHTPORTER_REDIS_URL": "redis://127.0.0.1",
    "NIGHTPORTER_SECRET_KEY": "0" * 43 + "=",
    "NIGHTPORTER_RAW_ROOT": "/var/tmp/raw",
}


def test_defaults_are_the_issues(monkeypatch: pytest.MonkeyPatch) -> None:
    found = config.load(COMPLETE)
    assert (found.breaker_failures, found.breaker_reset_s, found.breaker_successes) == (5, 60.0, 2)
    assert "hunter2" not in repr(found)


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**COMPLETE, "NIGHTPORTER_TENANT_ID": "7"}.items():
        monkeypatch.setenv(name, value)
    assert config.load().tenant_id == 7


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        config.load({key: value for key, value in COMPLETE.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_PORT", "hunter2"),
        ("CURRENCY", "euro"),
        ("MAX_BODY_BYTES", "1"),
        ("SMTP_TLS", "maybe"),
        ("SECRET_KEY", "hunter2"),
        ("SMTP_CA_FILE", "/nowhere/hunter2.pem"),
    ],
)
def test_a_wrong_setting_is_named_but_its_value_is_not_told(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"NIGHTPORTER_{name}") as caught:
        config.load({**COMPLETE, f"NIGHTPORTER_{name}": value})
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_setting_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="NIGHTPORTER_DATABSE_URL"):
        config.load({**COMPLETE, "NIGHTPORTER_DATABSE_URL": "x"})


def test_settings_cannot_change() -> None:
    found = config.load(COMPLETE)
    with pytest.raises(ValueError, match="frozen"):
        found.currency = "USD"


def _file(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "secret"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_each_secret_can_come_from_a_file(tmp_path: Path) -> None:
    assert {"database_url", "secret_key", "slack_token", "influx_token", "news_secret"} <= config.secret_names()
    assert not {"raw_root", "slack_channel", "routing_file"} & config.secret_names()
    for name in config.secret_names():
        value = "A" * 43 + "=" if name == "secret_key" else "hunter2"
        told = {key: old for key, old in COMPLETE.items() if key != f"NIGHTPORTER_{name.upper()}"}
        # With the new line that an editor leaves at its end.
        found = config.load({**told, f"NIGHTPORTER_{name.upper()}_FILE": _file(tmp_path, f"{value}\n")})
        assert getattr(found, name).get_secret_value() == value


def test_a_secret_file_is_read_from_the_process_environment_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {**COMPLETE, "NIGHTPORTER_SLACK_TOKEN_FILE": _file(tmp_path, "xoxb-1")}.items():
        monkeypatch.setenv(name, value)
    token = config.load().slack_token
    assert token is not None
    assert token.get_secret_value() == "xoxb-1"


def test_a_secret_told_twice_is_refused(tmp_path: Path) -> None:
    told = {**COMPLETE, "NIGHTPORTER_REDIS_URL_FILE": _file(tmp_path, "redis://hunter2")}
    with pytest.raises(ConfigError, match="NIGHTPORTER_REDIS_URL is set too") as caught:
        config.load(told)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "is empty"), (" \n", "is empty"), (b"\xff\xfehunter2", "is no text"), (None, "No such")],
)
def test_a_secret_file_that_is_of_no_use_is_named_but_not_told(
    tmp_path: Path, content: str | bytes | None, reason: str
) -> None:
    path = str(tmp_path / "missing") if content is None else _file(tmp_path, content)
    told = {name: value for name, value in COMPLETE.items() if name != "NIGHTPORTER_REDIS_URL"}
    with pytest.raises(ConfigError, match=f"NIGHTPORTER_REDIS_URL_FILE: .*{reason}") as caught:
        config.load({**told, "NIGHTPORTER_REDIS_URL_FILE": path})
    assert "hunter2" not in str(caught.value)


def test_an_empty_file_says_that_a_secret_which_need_not_be_set_is_not(tmp_path: Path) -> None:
    assert config.load({**COMPLETE, "NIGHTPORTER_SLACK_TOKEN_FILE": _file(tmp_path, "\n")}).slack_token is None


def test_what_is_no_secret_has_no_file() -> None:
    with pytest.raises(ConfigError, match="unknown setting: NIGHTPORTER_CURRENCY_FILE"):
        config.load({**COMPLETE, "NIGHTPORTER_CURRENCY_FILE": "/etc/hostname"})
