"""How long people and problems took: times to acknowledge and to resolve, by team, cause or channel."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from python_nodes.alerts.policy import RoutePolicy
from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import answer_times
from python_nodes.store.answer_times import By, Reached


def run(services: Services, tenant_id: int, what: By, since: datetime, until: datetime) -> dict[str, Any]:
    """Return each group's count, median and 90th percentile, the open ones apart."""
    if since >= until:
        raise PermanentError("since must be before until", status=422, field="since")
    ways = reached(services.policy)
    with services.database.tenant(tenant_id) as conn:
        found = answer_times.by(conn, what, since, until, ways)
    return {
        "by": what, "since": since.isoformat(), "until": until.isoformat(), "groups": [asdict(one) for one in found],
    }  # fmt: skip


def reached(policy: RoutePolicy) -> list[Reached]:
    """Say which team each recipient stands for: its own, and those of whoever may be on call for it."""
    found: set[tuple[str, str, str]] = set()
    for team in policy.teams.values():
        on_call = policy.rotations[team.rotation].people.values() if team.rotation else ()
        told = [team.recipients, *(policy.people[name].recipients for name in set(on_call))]
        found |= {(by, one, team.name) for ways in told for by, recipients in ways.items() for one in recipients}
    return [Reached(sender=sender, recipient=recipient, team=team) for sender, recipient, team in sorted(found)]
