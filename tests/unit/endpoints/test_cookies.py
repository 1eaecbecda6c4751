"""When a session's cookie may travel without encryption."""

from __future__ import annotations

import pytest

from python_nodes import config
from python_nodes.app import create_app
from python_nodes.login import login_token


@pytest.mark.parametrize(
    ("base_url", "is_secure"),
    [
        ("http://127.0.0.1:8080", False), ("http://localhost", False), ("https://127.0.0.1:8080", True),
        ("http://10.0.0.5:8080", True), ("http://127.0.0.1.example", True), ("http://localhost@example", True),
    ],
)  # fmt: skip
def test_only_by_plain_http_on_ones_own_machine(base_url: str, is_secure: bool) -> None:
    settings = config.documentation().model_copy(update={"base_url": base_url})
    client = create_app(settings).test_client()
    token = login_token(settings.secret_key.get_secret_value(), settings.tenant_id)
    cookie = client.get("/login", query_string={"token": token}).headers["Set-Cookie"]
    assert ("Secure" in cookie) is is_secure
    assert "SameSite=Strict" in cookie
