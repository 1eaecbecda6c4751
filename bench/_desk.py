"""The way from findings to messages without stores: what `alerts_raise` and `alert_route` do, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from python_nodes.alerts import impact, pipeline, route, routing_file
from python_nodes.alerts.decisions import Decisions
from python_nodes.alerts.flap import DEFAULTS as FLAPS
from python_nodes.alerts.pipeline import PipelineSettings
from python_nodes.alerts.route import PastDelivery
from python_nodes.domain.findings import Alert, Anomaly
from python_nodes.domain.inputs import Economics
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.notify import base
from python_nodes.steps import places
from python_nodes.steps.alerts_raise import ongoing

RECIPIENTS = {
    "NIGHTPORTER_SLACK_CHANNEL": "C1", "NIGHTPORTER_EMAIL_TO": "ops@example.com", "NIGHTPORTER_SMS_TO": "+351910000000",
}  # fmt: skip
POLICY = routing_file.load(routing_file.DEFAULT_PATH, base.discover(), RECIPIENTS)
TEAM_OF = {
    (sender, recipient): team.name
    # Several teams may read one channel; it bears the name of the first in the file.
    for team in reversed(POLICY.teams.values())
    for sender, recipients in team.recipients.items()
    for recipient in recipients
}


@dataclass(frozen=True)
class Sent:
    """One message: ``is_new`` unless it changes an earlier one of its alert in place."""

    alert_id: int
    team: str
    sender: str
    step: str
    at: datetime
    is_new: bool


@dataclass
class Desk:
    """All alerts of one portfolio, and every message about them; nobody acts on any."""

    listings: Sequence[ListingInfo]
    economics: Economics
    alerts: dict[int, Alert] = field(default_factory=dict)
    past: dict[int, list[PastDelivery]] = field(default_factory=lambda: defaultdict(list))
    sent: list[Sent] = field(default_factory=list)

    def run(self, found: Sequence[Anomaly], as_of: datetime) -> None:
        """Reconcile what is found at a moment, and send what is to be told."""
        now = [one for one in self.alerts.values() if one.resolved_at is None]
        recent = [one for one in self.alerts.values()
                  if one.resolved_at is not None and one.resolved_at >= as_of - FLAPS.reopen_within]  # fmt: skip
        dated = ongoing(list(found), now)
        impacts = impact.assess(dated, self.economics, self.listings, as_of.date())
        settings = PipelineSettings(
            currency="EUR", recent=tuple(sorted(recent, key=lambda one: one.resolved_at or as_of))
        )  # fmt: skip
        for alert_id in self._apply(pipeline.reconcile(now, dated, impacts, self.listings, as_of, settings)):
            self._tell(self.alerts[alert_id], as_of)

    def _apply(self, decisions: Decisions) -> list[int]:
        """Change what is kept as the store would, and name the alerts of which people are to hear."""
        heard = []
        for draft in decisions.insert:
            alert_id = len(self.alerts) + 1
            made = Alert(alert_id=alert_id, updated_at=draft.raised_at, resolved_at=None, version=1, **asdict(draft))
            self.alerts[alert_id] = made
            heard.append(alert_id)
        for change in decisions.update:
            self.alerts[change.alert_id] = replace(self.alerts[change.alert_id], **change.fields)
            if change.anew:
                before = self.past[change.alert_id]
                self.past[change.alert_id] = [replace(one, step=f"before-0:{one.step}") for one in before]
            heard += [change.alert_id] if change.notify else []
        for end in decisions.resolve:
            self.alerts[end.alert_id] = replace(self.alerts[end.alert_id], resolved_at=end.resolved_at)
            heard += [end.alert_id] if end.notify else []
        return heard

    def _tell(self, alert: Alert, as_of: datetime) -> None:
        past = self.past[alert.alert_id]
        routed = route.route(route.subject(alert, places.of(alert, self.listings)), POLICY, as_of, past)
        for one in routed.send:
            standing = [item for item in past if (item.sender, item.recipient) == (one.sender, one.recipient)
                        and not item.step.startswith("before-")]  # fmt: skip
            self.sent.append(Sent(
                alert.alert_id, TEAM_OF[one.sender, one.recipient], one.sender, one.step, as_of, not standing
            ))  # fmt: skip
        past += [PastDelivery(sender=one.sender, recipient=one.recipient, step=one.step, status="sent")
                 for one in routed.send]  # fmt: skip
