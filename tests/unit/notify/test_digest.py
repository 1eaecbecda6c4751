"""The summary of a day or a week in words and as a picture, and how the senders lay it out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.headerregistry import Address
from typing import Any

from python_nodes.domain.findings import Alert
from python_nodes.notify import digest, slack_blocks
from python_nodes.notify.base import Message
from python_nodes.notify.senders import email
from python_nodes.steps import digest_facts
from python_nodes.store.answer_times import Span, Times
from python_nodes.store.digests import Judged, Sent

AS_OF = datetime(2026, 3, 4, 7, tzinfo=UTC)
TROUBLES = {"rejected": 3, "failed_steps": 1, "failing_feeds": 2}
ALERT = Alert(
    alert_id=1, fingerprint="f", scope="listing", listing_id=1, property_id=1, market=None, metric="availability",
    kind="not_bookable", cause="calendar_closed", title="Closed & <locked>", category="high", score=70.0,
    currency="EUR", impact_minor=500_000, loss_per_day_minor=40_000, lost_so_far_minor=80_000,
    onset_date=(AS_OF - timedelta(days=2)).date(), raised_at=AS_OF - timedelta(days=2), evidence={}, parts={},
    updated_at=AS_OF - timedelta(days=2), resolved_at=None, version=1,
)  # fmt: skip


def known(alerts: list[Alert], **more: Any) -> digest_facts.Known:
    ways = {"ops": frozenset({("slack", "C1")}), "data": frozenset({("slack", "C2")})}
    told = {
        "alerts": alerts, "teams_of": {one.alert_id: frozenset({"ops"}) for one in alerts}, "sent": [], "judged": [],
        "times": [], "ways": ways, "titles": {1: "Loft", 2: "Villa"}, "proposals": [], "troubles": TROUBLES,
        "currency": "EUR", "mended": {}, "uncovered": {},
    }  # fmt: skip
    return digest_facts.Known(**(told | more))


def told(alerts: list[Alert], teams: tuple[str, ...] = ("ops",), span: str = "day", **more: Any) -> dict[str, Any]:
    since = AS_OF - timedelta(days=7 if span == "week" else 1)
    facts = digest_facts.facts(known(alerts, **more), frozenset(teams), span, since, AS_OF)
    return dict(json.loads(json.dumps(facts)))


def worded(alerts: list[Alert], **more: Any) -> Message:
    return digest.message(told(alerts, **more), delivery_id="np-digest-1", recipient="C1")


def field(message: Message, label: str) -> str:
    (found,) = [one.value for one in message.fields if one.label == label]
    return found


def test_it_says_from_when_on_nobody_is_on_call() -> None:
    message = worded([ALERT], uncovered={"primary": date(2026, 3, 20), "night": date(2026, 4, 1)})
    assert field(message, "Nobody on call") == "primary: from 20 Mar 2026 on; night: from 1 Apr 2026 on"
    assert "Nobody on call" not in {one.label for one in worded([ALERT]).fields}
    written_before = {name: value for name, value in told([ALERT]).items() if name != "uncovered"}
    assert digest.message(written_before, delivery_id="np-digest-1", recipient="C1").fields == worded([ALERT]).fields


def test_it_tells_what_is_open_what_ended_and_what_it_costs() -> None:
    worst = replace(ALERT, alert_id=2, title="Suspended", category="critical", impact_minor=900_000)
    over = replace(
        ALERT, alert_id=3, listing_id=2, title="Price wrong", resolved_at=AS_OF, lost_so_far_minor=12_000
    )  # fmt: skip
    message = worded([ALERT, worst, over])
    assert message.title == "Daily digest, 4 Mar 2026"
    assert message.summary == "2 alerts open, together about €800 a day and €14,000 at stake."
    assert message.category == "critical"
    assert message.evidence == (
        "Open, critical: Suspended (€9,000 at stake)", "Open, high: Closed & <locked> (€5,000 at stake)",
        "Ended, high: Price wrong (€120 lost)", "Listing: Loft (€800 a day)",
    )  # fmt: skip
    assert field(message, "Open") == "1 critical, 1 high"
    assert field(message, "Ended since yesterday") == "1"
    assert field(message, "Lost since yesterday") == "€920", "a day of both, and all that the short one cost"
    assert field(message, "Recovered by what ended") == "€0.00", "which is known a week after its end"
    troubles = ("Records kept back", "Steps of flows that failed", "Feeds that fail now")
    assert [field(message, name) for name in troubles] == ["3", "1", "2"]


def test_what_repairs_brought_back_is_told_to_their_teams_when_it_is_known() -> None:
    teams = {7: frozenset({"ops"}), 8: frozenset({"ops"}), 9: frozenset({"data"})}
    message = worded([], teams_of=teams, mended={7: 30_000, 8: -5_000, 9: 90_000})
    assert field(message, "Recovered by what ended") == "€250"


def test_a_week_is_told_as_one_and_counts_seven_days() -> None:
    since_long = replace(ALERT, raised_at=AS_OF - timedelta(days=30), onset_date=(AS_OF - timedelta(days=30)).date(),
                         lost_so_far_minor=1_200_000)  # fmt: skip
    message = worded([since_long], span="week")
    assert (message.title, message.span) == ("Weekly digest, 4 Mar 2026", "week")
    assert field(message, "Lost this week") == "€2,800"
    assert field(message, "Raised this week") == "0"
    assert "weekly digest" in json.dumps(slack_blocks.blocks(message, None))


def test_each_team_reads_of_its_own_with_its_times_and_noise() -> None:
    other = replace(ALERT, alert_id=2, title="Feed silent", kind="feed_stale")
    teams = {1: frozenset({"ops"}), 2: frozenset({"data"})}
    times = [Times(name="ops", alerts=1, open=1, unattended=0, acknowledged=Span(count=1, median_s=1_500.0, p90_s=1.0),
                   resolved=Span(count=0, median_s=None, p90_s=None))]  # fmt: skip
    sent = [Sent(sender="slack", recipient="C1", alert_id=1, messages=3),
            Sent(sender="slack", recipient="C2", alert_id=2, messages=9)]  # fmt: skip
    judged = [Judged(alert_id=1, kind="not_bookable", verdict="false_alarm"),
              Judged(alert_id=2, kind="feed_stale", verdict="real")]  # fmt: skip
    message = worded([ALERT, other], teams_of=teams, times=times, sent=sent, judged=judged)
    assert message.summary.startswith("1 alert open")
    assert field(message, "Team ops") == "1 open, €400 a day, in hand after 25 min"
    assert field(message, "Messages") == "3, 3.0 an alert and recipient"
    assert field(message, "False alarms") == "1 of 1 judged: a closed calendar 1"
    both = told([ALERT, other], teams=("ops", "data"), teams_of=teams, sent=sent, judged=judged)
    assert (both["open_count"], both["noise"]["messages"], both["noise"]["judged"]) == (2, 12, 2)


def test_what_is_foreseen_stands_apart_from_what_is_open() -> None:
    month = replace(ALERT, alert_id=2, kind="month_missed", category="low", title="April", loss_per_day_minor=0,
                    impact_minor=0, evidence={"at_stake_minor": 70_000})  # fmt: skip
    price = replace(month, alert_id=3, kind="price_below_peers", title="Cheap",
                    evidence={"gain_per_day_minor": {"low": 100, "mid": 2_000, "high": 3_000}})  # fmt: skip
    message = worded([ALERT, month, price])
    assert message.summary.startswith("1 alert open")
    assert message.evidence[-2:] == (
        "Foreseen: April (€700 at stake)", "Opportunity: Cheap (€20.00 a day to gain)",
    )  # fmt: skip


def test_proposals_that_wait_are_named() -> None:
    message = worded([], proposals=["One", "Two", "Three", "Four"])
    assert field(message, "Proposals waiting") == "One; Two; Three and 1 more"


def test_a_quiet_day_is_told_as_one_without_a_picture() -> None:
    message = digest.message(told([]), delivery_id="np-digest-1", recipient="C1", with_chart=True)
    assert message.summary == "Nothing is open. 0 alerts ended."
    assert (message.state, message.category, message.evidence) == ("resolved", "low", ())
    assert (message.chart_png, message.chart_alt) == (None, "")


def test_a_long_list_is_cut_and_counted() -> None:
    many = [replace(ALERT, alert_id=n, title=f"Alert {n}", impact_minor=1000 * n) for n in range(1, 13)]
    lines = worded(many).evidence
    assert lines[0].startswith("Open, high: Alert 12 ")
    assert lines[digest_facts.MAX_LINES] == "Open: 4 more"


def test_the_picture_has_words_for_those_who_do_not_see_it() -> None:
    message = digest.message(told([ALERT]), delivery_id="np-digest-1", recipient="C1", with_chart=True)
    assert message.chart_png is not None
    assert message.chart_png.startswith(b"\x89PNG")
    assert message.chart_alt.startswith("Open alerts by loss a day: Closed & <locked> €400. Lost by day: 26 Feb €0.00")
    mail = email.compose(message, Address("Nightporter", addr_spec="np@example.test"))
    assert [part.get_content_type() for part in mail.walk()].count("image/png") == 1
    assert any(one["type"] == "image" for one in slack_blocks.blocks(message, "F1"))


def test_slack_and_email_lay_it_out_as_a_digest_and_escape_it() -> None:
    message = worded([ALERT])
    shown = json.dumps(slack_blocks.blocks(message, None), ensure_ascii=False)
    assert "Nightporter · daily digest" in shown
    assert "Closed &amp; &lt;locked&gt;" in shown
    assert "*Alerts*" in shown
    mail = email.compose(message, Address("Nightporter", addr_spec="np@example.test"))
    assert mail["Subject"] == "Daily digest, 4 Mar 2026"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "alert 0" not in text + html
    assert "Closed &amp; &lt;locked&gt;" in html
    assert "Closed & <locked>" in text
