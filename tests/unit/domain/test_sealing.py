"""Keys that take one another's place."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, URLSafeTimedSerializer

from python_nodes.domain.sealing import name_of, sealer, signing_keys
from python_nodes.errors import ConfigError

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@given(st.binary(max_size=200))
def test_the_first_seals_and_all_open(plain: bytes) -> None:
    before, both, after = sealer(OLD), sealer(f"{NEW},{OLD}"), sealer(NEW)
    sealed = before.seal(plain)
    assert (both.under(sealed), both.open(sealed, "it")) == (1, plain)
    again = both.resealed(sealed, "it")
    assert again is not None
    assert after.open(again, "it") == plain
    assert both.resealed(again, "it") is None
    assert after.open(both.seal(plain), "it") == plain


@pytest.mark.parametrize("told", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f" {NEW} ,\r\n{OLD}"])
def test_keys_are_told_by_commas_or_one_a_line(told: str) -> None:
    assert sealer(told).keys == (NEW, OLD)


@pytest.mark.parametrize("told", ["", " , ", "hunter2", f"{NEW},hunter2", f"{NEW},{NEW}"])
def test_what_is_no_key_or_is_there_twice_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match=r"key|base64|twice"):
        sealer(told)


def test_an_unknown_key_names_the_setting_and_no_key() -> None:
    sealed = sealer(OTHER).seal(b"hunter2")
    for use in (sealer(NEW).open, sealer(NEW).resealed):
        with pytest.raises(ConfigError, match=r"NIGHTPORTER_SECRET_KEY: connection 3 .*keys check") as caught:
            use(sealed, "connection 3")
        assert NEW not in str(caught.value)
    assert sealer(NEW).under(sealed) is None
    assert NEW not in repr(sealer(NEW))
    assert name_of(NEW) not in NEW


def test_what_an_old_key_signed_stays_good_until_it_is_taken_away() -> None:
    link = URLSafeTimedSerializer(signing_keys(OLD), salt="s").dumps({"a": 1})
    assert URLSafeTimedSerializer(signing_keys(f"{NEW},{OLD}"), salt="s").loads(link) == {"a": 1}
    with pytest.raises(BadSignature):
        URLSafeTimedSerializer(signing_keys(NEW), salt="s").loads(link)
    newer = URLSafeTimedSerializer(signing_keys(f"{NEW},{OLD}"), salt="s").dumps({"a": 1})
    assert URLSafeTimedSerializer(signing_keys(NEW), salt="s").loads(newer) == {"a": 1}
