"""A call of a flow shows a token that ends soon, and not the secret that signed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from python_nodes.domain import flow_proof

SECRET = "a secret of thirty-two letters or more"


def shown(minutes_ago: int = 0) -> str:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return flow_proof.headers(SECRET, at)["Authorization"].removeprefix("Bearer ")


def test_it_is_signed_and_ends_after_five_minutes() -> None:
    token = shown()
    told = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "iat"]})
    assert told["exp"] - told["iat"] == 300
    assert SECRET not in token


@pytest.mark.parametrize(
    ("minutes_ago", "secret", "fault"),
    [(6, SECRET, jwt.ExpiredSignatureError), (0, SECRET[::-1], jwt.InvalidSignatureError)],
)
def test_what_is_old_or_signed_by_another_is_refused(minutes_ago: int, secret: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        jwt.decode(shown(minutes_ago), secret, algorithms=["HS256"])
