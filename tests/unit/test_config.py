"""Settings: complete, or a refusal that names what is wrong without telling values."""

from __future__ import annotations

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
