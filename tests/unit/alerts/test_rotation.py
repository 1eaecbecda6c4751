"""Who is on call: shifts of an iCal file over hand-overs, changes of the clock, swaps and gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from python_nodes.alerts import rotation, routing_file
from python_nodes.alerts.policy import RoutePolicy, Subject
from python_nodes.alerts.rotation import Rotation
from python_nodes.alerts.route import PastDelivery, route
from python_nodes.errors import ConfigError
from python_nodes.steps import digest

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "routing" / "routing.toml"
SENDERS = ("slack", "email", "sms")
LISBON = ZoneInfo("Europe/Lisbon")
WEEKLY = """BEGIN:VEVENT
UID:a
DTSTART;TZID=Europe/Lisbon:20260105T090000
DTEND;TZID=Europe/Lisbon:20260112T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:ana
END:VEVENT
BEGIN:VEVENT
UID:b
DTSTART:20260112T090000
DURATION:P7D
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:Bo
END:VEVENT
"""
SWAP = """BEGIN:VEVENT
UID:a
RECURRENCE-ID;TZID=Europe/Lisbon:20260119T090000
DTSTART;TZID=Europe/Lisbon:20260119T090000
DTEND;TZID=Europe/Lisbon:20260126T090000
SUMMARY:bo
END:VEVENT
"""


def calendar(*events: str) -> bytes:
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//\n{''.join(events)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def of(*events: str, zone: str = "Europe/Lisbon") -> Rotation:
    people = {"ana": "ana", "bo": "bo", "bo@example.com": "bo"}
    return Rotation(name="primary", file="on-call.ics", zone=zone, content=calendar(*events), people=people)


def local(*when: int) -> datetime:
    year, month, day, *clock = when
    hour, minute = (*clock, 0, 0)[:2]
    return datetime(year, month, day, hour, minute, tzinfo=LISBON)


def test_at_the_hand_over_only_the_next_is_on_call() -> None:
    weekly = of(WEEKLY)
    assert weekly.on_call(local(2026, 1, 12, 8, 59)) == ("ana",)
    assert weekly.on_call(local(2026, 1, 12, 9)) == ("bo",), "an event without a zone is on the rotation's clock"
    assert weekly.until(local(2026, 1, 12, 9)) == local(2026, 1, 19, 9)


def test_weeks_join_over_both_changes_of_the_clock() -> None:
    weekly = of(WEEKLY)
    assert weekly.gap(local(2026, 1, 5, 9), local(2027, 12, 1)) is None
    assert weekly.on_call(local(2026, 3, 30, 8, 59)) != weekly.on_call(local(2026, 3, 30, 9))


def test_a_swap_replaces_one_shift_only() -> None:
    swapped = of(WEEKLY, SWAP)
    assert swapped.on_call(local(2026, 1, 20)) == ("bo",)
    assert swapped.on_call(local(2026, 2, 3)) == ("ana",)


def test_an_overlap_has_both_on_call_and_changes_when_either_ends() -> None:
    help_out = "BEGIN:VEVENT\nUID:h\nDTSTART:20260107T000000\nDTEND:20260108T000000\nSUMMARY:bo\nEND:VEVENT\n"
    both = of(WEEKLY, help_out)
    assert both.on_call(local(2026, 1, 7, 12)) == ("ana", "bo")
    assert both.until(local(2026, 1, 7, 12)) == local(2026, 1, 8)
    assert both.until(local(2026, 1, 6)) == local(2026, 1, 7), "somebody joins"


def test_whole_days_are_days_of_the_rotations_clock() -> None:
    days = "BEGIN:VEVENT\nUID:d\nDTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260702\nSUMMARY:ana\nEND:VEVENT\n"
    tokyo = of(days, zone="Asia/Tokyo")
    assert tokyo.on_call(datetime(2026, 6, 30, 15, tzinfo=UTC)) == ("ana",)
    assert tokyo.on_call(datetime(2026, 7, 1, 15, tzinfo=UTC)) == ()


def test_an_invited_person_counts_where_the_summary_names_nobody() -> None:
    invited = (
        "BEGIN:VEVENT\nUID:i\nDTSTART:20260701T000000Z\nDTEND:20260702T000000Z\nSUMMARY:On call\n"
        "ATTENDEE;CN=Bo:mailto:Bo@example.com\nEND:VEVENT\n"
    )
    assert of(invited).on_call(datetime(2026, 7, 1, 12, tzinfo=UTC)) == ("bo",)


def test_a_cancelled_shift_is_a_gap_and_says_between_which_events() -> None:
    cancelled = SWAP.replace("SUMMARY:bo", "SUMMARY:ana\nSTATUS:CANCELLED")
    gap = of(WEEKLY, cancelled).gap(local(2026, 1, 6), local(2026, 3, 1))
    assert gap is not None
    assert (gap.start, gap.end) == (local(2026, 1, 19, 9), local(2026, 1, 26, 9))
    assert gap.place() == "after the event of line 11 (bo) and before the event of line 11 (bo)"


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (WEEKLY.replace("SUMMARY:ana", "SUMMARY:eve"), "event of line 4: names eve; people are: ana, bo"),
        (WEEKLY.replace("SUMMARY:Bo\n", ""), "event of line 11: names nobody"),
        (
            WEEKLY.replace("TZID=Europe/Lisbon:20260105", "TZID=Mars/Base:20260105"),
            "line 4: 'Mars/Base' is no time zone",
        ),
        (WEEKLY.replace("DTEND;TZID=Europe/Lisbon:20260112", "DTEND;TZID=Europe/Lisbon:20260104"), "event of line 4: "),
        (WEEKLY.replace("20260105T090000", "soon"), "event of line 4: "),
        ("hello\n", "the calendar cannot be read"),
    ],
)
def test_what_is_wrong_with_the_file_is_named_by_its_line(event: str, word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rotation.check(of(event))
    assert str(refused.value).startswith("on-call.ics")
    assert word in str(refused.value)


@pytest.fixture
def policy() -> RoutePolicy:
    return routing_file.load(EXAMPLE, SENDERS, {}, as_of=datetime(2026, 11, 22, tzinfo=UTC))


def about(at: datetime) -> Subject:
    return Subject(
        category="critical", cause="calendar_closed", kind="not_bookable", metric="availability",
        markets=frozenset({"lisbon"}), properties=frozenset(), channels=frozenset(), raised_at=at,
    )  # fmt: skip


def test_whoever_is_on_call_is_told_and_the_other_is_not(policy: RoutePolicy) -> None:
    at = local(2026, 11, 25)
    routed = route(about(at), policy, at, [])
    assert {one.recipient for one in routed.send} == {"#operations", "@ana", "+351910000011", "ana@example.com"}
    off = {one.recipient: one.reason for one in routed.suppressed if one.step.endswith("-off-duty")}
    assert off["+351910000012"] == "not on call in primary: ana is until 2026-11-30 09:00 WET"


def test_who_was_told_is_told_the_end_after_the_hand_over(policy: RoutePolicy) -> None:
    at = local(2026, 11, 25)
    first = route(about(at), policy, at, []).send
    past = [PastDelivery(sender=t.sender, recipient=t.recipient, step=t.step, status="sent") for t in first]
    later = at + timedelta(days=7)
    ended = Subject(**{**{name: getattr(about(at), name) for name in Subject.__slots__}, "resolved_at": later})
    told = {one.recipient for one in route(ended, policy, later, past).send}
    assert told == {one.recipient for one in first}


def test_where_a_calendar_ran_out_all_are_told(tmp_path: Path) -> None:
    ends = WEEKLY.replace("INTERVAL=2", "INTERVAL=2;UNTIL=20260301T000000Z")
    (tmp_path / "on-call.ics").write_bytes(calendar(ends))
    (tmp_path / "routing.toml").write_text(EXAMPLE.read_text())
    policy = routing_file.load(tmp_path / "routing.toml", SENDERS, {})
    at = local(2026, 6, 1)
    told = {one.recipient: one.reason for one in route(about(at), policy, at, []).send}
    assert {"@ana", "@bo"} <= set(told)
    assert "as nobody is on call in primary" in told["@bo"]


@pytest.mark.parametrize(
    ("as_of", "word"),
    [
        ((2026, 1, 6), "line 12: rotations.primary.file: a gap: on-call.ics has nobody on call from 2026-03-"),
        ((2026, 1, 1), "from 2026-01-01 00:00 to 2026-01-05 09:00 WET, before the event of line 4 (ana)"),
        ((2026, 9, 1), "it has no shift at all"),
    ],
)
def test_a_gap_in_the_next_90_days_is_refused_with_its_line(
    tmp_path: Path, as_of: tuple[int, int, int], word: str
) -> None:
    ends = WEEKLY.replace("INTERVAL=2", "INTERVAL=2;UNTIL=20260301T000000Z")
    (tmp_path / "on-call.ics").write_bytes(calendar(ends))
    (tmp_path / "routing.toml").write_text(EXAMPLE.read_text())
    with pytest.raises(ConfigError) as refused:
        routing_file.load(tmp_path / "routing.toml", SENDERS, {}, as_of=local(*as_of))
    assert word in str(refused.value)
    long_before = routing_file.load(EXAMPLE, SENDERS, {}, as_of=local(2026, 1, 6))
    assert long_before.rotations["primary"].name == "primary"


@pytest.mark.parametrize("as_of", [(2026, 1, 6), (2026, 9, 1)])
def test_a_worker_comes_back_with_a_calendar_that_ends_and_the_digest_says_when(
    tmp_path: Path, as_of: tuple[int, int, int]
) -> None:
    ends = WEEKLY.replace("INTERVAL=2", "INTERVAL=2;UNTIL=20260301T000000Z")
    (tmp_path / "on-call.ics").write_bytes(calendar(ends))
    (tmp_path / "routing.toml").write_text(EXAMPLE.read_text())
    policy = routing_file.load(tmp_path / "routing.toml", SENDERS, {}, as_of=local(*as_of), may_run_out=True)
    gap = policy.rotations["primary"].gap(local(2026, 1, 6), local(2026, 6, 1))
    assert gap is not None
    ends_on = gap.start.date()
    assert digest.uncovered(policy, gap.start - timedelta(days=31)) == {}
    assert digest.uncovered(policy, gap.start - timedelta(days=29)) == {"primary": ends_on}
    assert digest.uncovered(policy, local(2026, 9, 1)) == {"primary": local(2026, 9, 1).date()}


@pytest.mark.parametrize("events", ["", WEEKLY.partition("BEGIN:VEVENT\nUID:b")[0]])
def test_a_worker_does_not_start_with_a_hole_or_without_a_shift(tmp_path: Path, events: str) -> None:
    (tmp_path / "on-call.ics").write_bytes(calendar(events))
    (tmp_path / "routing.toml").write_text(EXAMPLE.read_text())
    with pytest.raises(ConfigError, match="has nobody on call"):
        routing_file.load(tmp_path / "routing.toml", SENDERS, {}, as_of=local(2026, 1, 6), may_run_out=True)
