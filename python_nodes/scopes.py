"""What an API key or a session may do: scopes one by one, and roles that are a named set of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from python_nodes.errors import PermanentError

Scope = Literal["read", "ingest", "score", "notify", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "ingest", "score", "notify", "metrics", "admin")

Role = Literal["viewer", "operator", "admin"]
ROLES: Mapping[Role, frozenset[Scope]] = {
    # Looks.
    "viewer": frozenset({"read"}),
    # Does the day's work: answers alerts, mutes, decides on proposals, imports, runs a step again.
    "operator": frozenset({"read", "ingest", "score", "notify"}),
    # Everything: accounts at vendors, keys, guests' data.
    "admin": frozenset({"admin"}),
}


def granted(scopes: frozenset[str], scope: str) -> bool:
    """Return whether a scope is among those given; ``admin`` includes all."""
    return scope in scopes or "admin" in scopes


def of_role(role: str | None) -> frozenset[str]:
    """Return what a role may do; what is no role may do nothing."""
    for name, scopes in ROLES.items():
        if name == role:
            return frozenset(scopes)
    return frozenset()


def roles_with(scope: str) -> list[str]:
    """Return the roles that may do something, the least first."""
    return [role for role, scopes in ROLES.items() if granted(frozenset(scopes), scope)]


def role_named(told: str) -> Role:
    """Return the role of that name; any other is refused."""
    for role in ROLES:
        if role == told:
            return role
    raise PermanentError(f"role: {told!r} is not one of {', '.join(ROLES)}", status=422, field="role")
