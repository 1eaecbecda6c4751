"""A host's consent: the page that asks for it, and tokens that are renewed once for all processes and never lost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from authlib.common.security import generate_token
from authlib.oauth2.client import OAuth2Client

from python_nodes import log
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.vendors.base import Runtime, TokenCache, Vault
from python_nodes.vendors.base_http import UPSTREAM_STATUS, HttpSession, token_key
from python_nodes.vendors.oauth import Granted, TokenAuth, TokenEndpoint

AUTHORIZE_PATH = "/oauth2/authorize"
GRANT_PATH = "/oauth2/token"
SCOPE = "listings:read reservations:read reviews:read"
LONGEST_S = 86_400.0
"""An access token is not kept for longer, whatever the vendor says of it."""


def new_verifier() -> str:
    """Draw PKCE's secret of one consent (RFC 7636, 4.1)."""
    return str(generate_token(64))


def authorization_url(base_url: str, *, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the page where the host consents; it sends him back to ``redirect_uri`` with ``code`` and ``state``."""
    client = OAuth2Client(
        None, client_id=client_id, redirect_uri=redirect_uri, scope=SCOPE, code_challenge_method="S256"
    )
    address = f"{base_url.rstrip('/')}{AUTHORIZE_PATH}"
    return str(client.create_authorization_url(address, state=state, code_verifier=verifier)[0])


class HeldCredentials:
    """A vault that lives as long as its client: for checks of settings, where nothing is called."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._held = dict(credentials)

    def read(self) -> Mapping[str, str]:
        """See ``base.Vault``."""
        return self._held

    def renewing(self) -> None:
        """See ``base.Vault``."""

    def is_renewing(self) -> bool:
        """See ``base.Vault``."""
        return False

    def replace(self, changes: Mapping[str, str | None]) -> None:
        """See ``base.Vault``."""
        kept = {**self._held, **changes}
        self._held = {name: value for name, value in kept.items() if value is not None}

    def granted(self, ends_at: datetime | None) -> None:
        """See ``base.Vault``."""

    def refused(self) -> None:
        """See ``base.Vault``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """The newest refresh token in the shared cache too, encrypted: the vault may be gone when it comes."""

    cache: TokenCache
    key: str

    def of(self, stored: Mapping[str, str]) -> dict[str, str]:
        """Return what was given for what is stored and did not reach the vault; empty where nothing did."""
        kept = self.cache.get(self.key)
        digest, _, token = (kept or "").partition(" ")
        return {"refresh_token": token} if kept and digest == _digest(stored) else {}

    def keep(self, stored: Mapping[str, str], token: str) -> None:
        """Keep what was given for what is stored; one place is enough, so a cache that is gone is no fault."""
        try:
            self.cache.set(self.key, f"{_digest(stored)} {token}", LONGEST_S)
        except RetryableError:
            log.get("airbnb").warning("spare_not_kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Exchanges what the vault holds, the host's code or the newest refresh token, for what is good next."""

    endpoint: TokenEndpoint
    vault: Vault
    spare: Spare

    def renew(self) -> Granted:
        """Get an access token; a refresh token that comes with it is durable before anybody uses either."""
        stored = self.vault.read()
        credentials = {**stored, **self.spare.of(stored)}
        kind, told = _grant(credentials)
        # Where nothing can be stored nothing is used up; and whoever dies from here on is asked after within a minute.
        self.vault.renewing()
        try:
            granted = self.endpoint.grant(kind, credentials, **told)
        except PermanentError as error:
            told_to_people = f"{error}; the host must consent again (credentials.{kind} was not taken)"
            raise PermanentError(told_to_people, status=UPSTREAM_STATUS) from error
        # Stored before the access token is used: whoever dies from here on leaves the next process a way in.
        if granted.refresh_token is not None:
            self.spare.keep(stored, granted.refresh_token)
        changes: dict[str, str | None] = dict.fromkeys(("authorization_code", "code_verifier"))
        if granted.refresh_token is not None:
            changes["refresh_token"] = granted.refresh_token
        self.vault.replace(changes)
        return granted


def host_auth(session: HttpSession, credentials: Mapping[str, str], runtime: Runtime, rate: str) -> TokenAuth:
    """Sign requests with an access token that all processes share; the refresh token rotates in the vault."""
    # A refresh token works once: two processes that used the same one would end the host's consent.
    endpoint = TokenEndpoint(session=session, path=GRANT_PATH, rate=rate, told_by="client_secret_post")
    spare = Spare(
        cache=runtime.token_cache, key=f"{token_key(session.vendor, runtime.connection, credentials['client_id'])}:next"
    )
    consent = Consent(endpoint=endpoint, vault=runtime.vault or HeldCredentials(credentials), spare=spare)
    return TokenAuth(session, runtime, client_id=credentials["client_id"], fetch=consent.renew, ttl_s=LONGEST_S)


def _digest(stored: Mapping[str, str]) -> str:
    """Name what a grant is asked for with: a host who consents anew has nothing to do with what was given before."""
    used = stored.get("refresh_token") or stored.get("authorization_code", "")
    return hashlib.sha256(used.encode()).hexdigest()


def _grant(credentials: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    if credentials.get("refresh_token"):
        return "refresh_token", {"refresh_token": credentials["refresh_token"]}
    told = {name: credentials[name] for name in ("code_verifier", "redirect_uri")}
    return "authorization_code", {"code": credentials["authorization_code"], **told}
