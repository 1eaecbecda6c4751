"""Chains of steps: each is carried out once, in order, and every chain ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_nodes.alerts import escalate
from python_nodes.alerts.chains import (
    Chain,
    HandOver,
    IfMoreThan,
    IfUnacknowledged,
    Notify,
    RepeatFrom,
    Step,
    Until,
    Wait,
)
from python_nodes.alerts.escalate import DONE, IN_HAND, Advanced, Seen
from python_nodes.alerts.policy import Escalation, RoutePolicy, Rule, Subject, Team
from python_nodes.domain.escalations import Progress

RAISED = datetime(2026, 3, 4, 12, tzinfo=UTC)
ABOUT = Subject(
    category="critical", cause="calendar_closed", kind="not_bookable", metric="availability",
    markets=frozenset({"lisbon"}), properties=frozenset({"hotel-1"}), channels=frozenset({"booking_com"}),
    raised_at=RAISED,
)  # fmt: skip
NOBODY = Seen(in_hand=False, muted_until=None, raised_within=lambda rule, span: 3)
TAKEN = replace(NOBODY, in_hand=True)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def tell(team: str = "ops") -> Notify:
    return Notify(teams=(team,))


def policy_of(**chains: Chain) -> RoutePolicy:
    teams = {name: Team(name=name, recipients={"slack": (f"#{name}",)}) for name in ("ops", "boss")}
    rule = Rule(name="it", matches={"category": frozenset({"critical"})}, teams=())
    return RoutePolicy(
        teams=teams, routes=(), default=Rule(name="default", matches={}, teams=("boss",)),
        escalations=(Escalation(rule=rule, chain="first"),), chains=chains,
    )  # fmt: skip


def chain(*steps: Step, name: str = "first", until: Until = "acknowledged") -> Chain:
    return Chain(name=name, steps=steps, until=until)


@dataclass
class Asked:
    """One alert that the worker is asked about again and again."""

    policy: RoutePolicy
    about: Subject = ABOUT
    now: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.now = escalate.begin(self.policy.escalations[0], self.about)

    def at(self, after: float, seen: Seen = NOBODY) -> Advanced:
        as_of = RAISED + minutes(after)
        if self.now.due_at is None or self.now.due_at > as_of:
            return Advanced(progress=self.now)
        done = escalate.advance(self.now, self.about, self.policy, seen, as_of)
        self.now = done.progress
        return done

    def told(self, after: float, seen: Seen = NOBODY) -> list[str]:
        return [f"{one.recipient} {one.step}" for one in self.at(after, seen).send]


def test_steps_follow_one_another_and_each_telling_has_its_own_name() -> None:
    asked = Asked(policy_of(first=chain(tell(), Wait(span=minutes(10)), tell("boss"))))
    assert asked.told(0) == ["#ops escalate-it"]
    assert asked.told(9) == []
    assert asked.told(10) == ["#boss escalate-it-2"]
    assert asked.now.ended_because == DONE


def test_a_worker_that_was_down_still_gives_people_their_time() -> None:
    asked = Asked(policy_of(first=chain(tell(), Wait(span=minutes(10)), tell("boss"), Wait(span=minutes(10)), tell())))
    asked.at(0)
    assert asked.told(300) == ["#boss escalate-it-2"], "late, and the step after it waits from now"
    assert asked.told(305) == []
    assert asked.told(310) == ["#ops escalate-it-3"]


def test_an_acknowledgement_ends_a_chain_unless_it_goes_on_until_the_end() -> None:
    steps = (tell(), Wait(span=minutes(10)), tell("boss"))
    asked = Asked(policy_of(first=chain(*steps)))
    asked.at(0)
    assert asked.told(10, TAKEN) == []
    assert asked.now.ended_because == IN_HAND
    stubborn = Asked(policy_of(first=chain(*steps, until="resolved")))
    stubborn.at(0)
    (late,) = stubborn.at(10, TAKEN).send
    assert (late.recipient, late.reason) == ("#boss", "It is not over, though in hand, after 10 min: it")


def test_a_gate_ends_a_chain_that_goes_on_until_the_end() -> None:
    steps = (tell(), Wait(span=minutes(10)), IfUnacknowledged(), tell("boss"))
    gated = Asked(policy_of(first=chain(*steps, until="resolved")))
    gated.at(0)
    assert gated.told(10, TAKEN) == []
    assert gated.now.ended_because == IN_HAND


@pytest.mark.parametrize(("limit", "told"), [(2, ["#ops escalate-it"]), (3, [])])
def test_more_than_means_more_than(limit: int, told: list[str]) -> None:
    asked = Asked(policy_of(first=chain(IfMoreThan(alerts=limit, span=minutes(30)), tell())))
    assert asked.told(0) == told
    assert asked.now.ended_because == (DONE if told else "3 such alerts, not more than 3")


def test_a_repetition_goes_back_so_many_times_and_then_on() -> None:
    steps = (tell(), Wait(span=minutes(10)), RepeatFrom(step=0, times=2), HandOver(chain="last"))
    asked = Asked(policy_of(first=chain(*steps), last=chain(tell("boss"), name="last")))
    told = [one for after in range(0, 60, 5) for one in asked.told(after)]
    assert told == ["#ops escalate-it", "#ops escalate-it-2", "#ops escalate-it-3", "#boss escalate-it-4"]
    assert asked.now.ended_because == DONE


def test_a_chain_that_hands_over_goes_by_the_other_chains_rule_on_acknowledgements() -> None:
    both = policy_of(
        first=chain(tell(), Wait(span=minutes(5)), HandOver(chain="last"), until="resolved"),
        last=chain(tell("boss"), name="last"),
    )
    asked = Asked(both)
    asked.at(0)
    assert asked.told(5, TAKEN) == []
    assert asked.now.ended_because == IN_HAND


def test_a_mute_puts_off_and_what_is_still_there_goes_on_after_it() -> None:
    asked = Asked(policy_of(first=chain(Wait(span=minutes(10)), tell())))
    asked.at(0)
    snoozed = replace(NOBODY, muted_until=RAISED + minutes(60))
    assert asked.told(10, snoozed) == []
    assert asked.told(59) == []
    assert asked.told(60) == ["#ops escalate-it"]


def test_what_no_longer_matches_is_parked_and_goes_on_when_it_matches_again() -> None:
    asked = Asked(policy_of(first=chain(Wait(span=minutes(10)), tell())))
    asked.at(0)
    asked.about = replace(ABOUT, category="high")
    assert asked.told(10) == []
    assert (asked.now.due_at, asked.now.ended_because) == (None, None)
    asked.about = ABOUT
    asked.now = escalate.taken_up(asked.now, asked.policy.escalations[0], RAISED + minutes(20))
    assert asked.told(20) == ["#ops escalate-it"]


def test_a_problem_that_comes_back_begins_again_with_new_names() -> None:
    asked = Asked(policy_of(first=chain(tell(), Wait(span=minutes(10)), tell())))
    asked.at(0)
    asked.about = replace(ABOUT, resolved_at=RAISED + minutes(5))
    asked.at(10)
    assert asked.now.ended_because == escalate.RESOLVED
    asked.about = ABOUT
    asked.now = escalate.taken_up(asked.now, asked.policy.escalations[0], RAISED + minutes(30))
    assert asked.told(30) == ["#ops escalate-it-2"]
    assert asked.now.began_at == RAISED + minutes(30), "an acknowledgement from before does not count"


@pytest.mark.parametrize(("seen", "ended"), [(TAKEN, IN_HAND), (NOBODY, DONE)])
def test_what_was_in_hand_or_told_to_the_end_begins_again_when_it_comes_back(seen: Seen, ended: str) -> None:
    asked = Asked(policy_of(first=chain(tell(), Wait(span=minutes(10)), tell("boss"))))
    asked.at(0)
    asked.at(10, seen)
    assert asked.now.ended_because == ended
    first, reopened_at = asked.policy.escalations[0], RAISED + minutes(60)
    assert escalate.taken_up(asked.now, first, RAISED + minutes(30), RAISED) is asked.now, "it has not come back"
    asked.now = escalate.taken_up(asked.now, first, RAISED + minutes(61), reopened_at)
    assert asked.told(61)[0].startswith("#ops escalate-it-")
    assert asked.now.began_at == reopened_at, "what people do from the first moment on counts"
    assert escalate.taken_up(asked.now, first, RAISED + minutes(62), reopened_at) is asked.now, "once"


def test_a_step_that_names_nobody_tells_those_whom_routes_lead_to() -> None:
    assert Asked(policy_of(first=chain(Notify(senders=frozenset({"slack"}))))).told(0) == ["#boss escalate-it"]
    lacking = Asked(policy_of(first=chain(Notify(senders=frozenset({"sms"}))))).at(0)
    assert (lacking.send, [one.reason for one in lacking.suppressed]) == ((), ["boss has no sms"])


@pytest.mark.parametrize("chains", [{"other": chain(tell(), name="other")}, {"first": chain(tell())}])
def test_a_file_that_lost_the_chain_or_the_step_ends_what_stood_there(chains: dict[str, Chain]) -> None:
    asked = Asked(policy_of(first=chain(tell(), Wait(span=minutes(10)), tell("boss"))))
    asked.at(0)
    asked.policy = policy_of(**chains)
    assert asked.told(10) == []
    assert asked.now.ended_because is not None


@st.composite
def chain_sets(draw: st.DrawFn) -> dict[str, Chain]:
    """Draw chains as the file would let them be: they hand over downwards, and wait within what they repeat."""
    names = ["first", *(f"c{at}" for at in range(draw(st.integers(0, 2))))]
    made = {}
    for place, name in enumerate(names):
        steps: list[Step] = []
        for at in range(draw(st.integers(1, 6))):
            kinds = ["tell", "wait", "count"] + (["repeat"] if any(isinstance(one, Wait) for one in steps) else [])
            kind = draw(st.sampled_from(kinds))
            if kind == "tell":
                steps.append(tell(draw(st.sampled_from(("ops", "boss")))))
            elif kind == "wait":
                steps.append(Wait(span=minutes(draw(st.integers(1, 90)))))
            elif kind == "count":
                steps.append(IfMoreThan(alerts=draw(st.integers(1, 2)), span=minutes(30)))
            else:
                last_wait = max(where for where in range(at) if isinstance(steps[where], Wait))
                steps.append(RepeatFrom(step=draw(st.integers(0, last_wait)), times=draw(st.integers(1, 3))))
        if place + 1 < len(names):
            steps.append(HandOver(chain=names[place + 1]))
        made[name] = chain(*steps, name=name, until=draw(st.sampled_from(("acknowledged", "resolved"))))
    return made


@given(chain_sets(), st.lists(st.integers(1, 200), min_size=1, max_size=60))
def test_every_chain_ends_and_tells_in_order_and_nothing_twice(chains: dict[str, Chain], gaps: list[int]) -> None:
    asked, after, steps, waits = Asked(policy_of(**chains)), 0, [], []
    for gap in [*gaps, *[100] * 600]:
        if asked.now.ended_because is not None:
            break
        done = asked.at(after)
        steps += [one.step for one in done.send]
        waits += [why for why in done.why if ": wait " in why]
        assert asked.at(after).send == (), "asked twice in one minute, told once"
        after += gap
    assert asked.now.ended_because == DONE
    assert len(steps) == len(set(steps)) == asked.now.told
    assert steps == ["escalate-it" if at == 1 else f"escalate-it-{at}" for at in range(1, len(steps) + 1)]
    assert asked.now.waited <= minutes(after)


@given(chain_sets(), st.integers(0, 20))
def test_nobody_is_told_after_somebody_took_it(chains: dict[str, Chain], taken_after: int) -> None:
    asked = Asked(policy_of(**{name: replace(one, until="acknowledged") for name, one in chains.items()}))
    for turn in range(taken_after):
        asked.at(turn * 30)
    for turn in range(taken_after, taken_after + 50):
        assert asked.at(turn * 30, TAKEN).send == ()
    assert asked.now.ended_because in (IN_HAND, DONE) or asked.now.due_at is not None
