"""The day's summary in words, and how the senders lay it out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from typing import Any

from python_nodes.domain.findings import Alert
from python_nodes.notify import digest
from python_nodes.notify.base import Message
from python_nodes.notify.senders import email, slack

AS_OF = datetime(2026, 3, 4, 7, tzinfo=UTC)
TROUBLES = {"rejected": 3, "failed_steps": 1, "failing_feeds": 2}
ALERT = Alert(
    alert_id=1, fingerprint="f", scope="listing", listing_id=1, property_id=1, market=None, metric="availability",
    kind="not_bookable", cause="calendar_closed", title="Closed & <locked>", category="high", score=70.0,
    currency="EUR", impact_minor=500_000, loss_per_day_minor=40_000, lost_so_far_minor=80_000,
    onset_date=AS_OF.date(), raised_at=AS_OF - timedelta(days=2), evidence={}, parts={},
    updated_at=AS_OF - timedelta(days=2), resolved_at=None, version=1,
)  # fmt: skip


def told(standing: list[Alert], ended: list[Alert]) -> dict[str, Any]:
    facts = digest.facts(standing, ended, 1, AS_OF - timedelta(hours=24), AS_OF, "EUR", TROUBLES)
    return dict(json.loads(json.dumps(facts)))


def worded(standing: list[Alert], ended: list[Alert]) -> Message:
    return digest.message(told(standing, ended), delivery_id="np-digest-1", recipient="C1")


def test_it_tells_what_is_open_what_ended_and_what_it_costs() -> None:
    worst = replace(ALERT, alert_id=2, title="Suspended", category="critical", impact_minor=900_000)
    over = replace(ALERT, alert_id=3, title="Price wrong", resolved_at=AS_OF, lost_so_far_minor=12_000)
    message = worded([ALERT, worst], [over])
    assert message.title == "Daily digest, 4 Mar 2026"
    assert message.summary == "2 alerts open, together about €800 a day."
    assert message.category == "critical"
    assert message.evidence == (
        "Open, critical: Suspended (€9,000 at stake)", "Open, high: Closed & <locked> (€5,000 at stake)",
        "Ended, high: Price wrong (€120 lost)",
    )  # fmt: skip
    fields = {one.label: one.value for one in message.fields}
    assert fields["Open"] == "1 critical, 1 high"
    assert fields["Ended since yesterday"] == "1"
    assert [fields[name] for name in ("Records kept back", "Steps of flows that failed", "Feeds that fail now")] == [
        "3", "1", "2",
    ]  # fmt: skip


def test_a_quiet_day_is_told_as_one() -> None:
    message = worded([], [])
    assert message.summary == "Nothing is open. 0 alerts ended since yesterday."
    assert (message.state, message.category, message.evidence) == ("resolved", "low", ())


def test_a_long_list_is_cut_and_counted() -> None:
    many = [replace(ALERT, alert_id=n, title=f"Alert {n}", impact_minor=1000 * n) for n in range(1, 13)]
    lines = worded(many, []).evidence
    assert len(lines) == digest.MAX_LINES + 1
    assert lines[0].startswith("Open, high: Alert 12 ")
    assert lines[-1] == "Open: 4 more"


def test_slack_and_email_lay_it_out_as_a_digest_and_escape_it() -> None:
    message = worded([ALERT], [])
    shown = json.dumps(slack.blocks(message, None), ensure_ascii=False)
    assert "Nightporter · daily digest" in shown
    assert "Closed &amp; &lt;locked&gt;" in shown
    assert "*Alerts*" in shown
    mail = email.compose(message, Address("Nightporter", addr_spec="np@example.test"))
    assert mail["Subject"] == "Daily digest, 4 Mar 2026"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "alert 0" not in text + html
    assert "Closed &amp; &lt;locked&gt;" in html
    assert "Closed & <locked>" in text
