"""The link that opens the pages; apart from what checks it, since who prints it needs no web framework."""

from __future__ import annotations

from itsdangerous import URLSafeTimedSerializer

LOGIN_SALT = "nightporter.login"


def login_token(secret_key: str, tenant_id: int) -> str:
    """Make a token for ``/login?token=``; it expires by the setting ``login_max_age_s``."""
    return str(URLSafeTimedSerializer(secret_key, salt=LOGIN_SALT).dumps({"tenant_id": tenant_id}))
