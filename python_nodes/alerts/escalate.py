"""Escalate: who is told next while nobody takes care of an alert. Pure; the moment and what people did are passed in.

Where an alert stands in a chain is its ``Progress``. ``advance`` carries out what is due and says where it stands then;
whoever stores that in the transaction that plans the deliveries carries out each step once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from python_nodes.alerts.chains import (
    Chain,
    HandOver,
    IfMoreThan,
    IfUnacknowledged,
    Notify,
    RepeatFrom,
    Step,
    Wait,
    in_words,
    span,
)
from python_nodes.alerts.policy import Escalation, RoutePolicy, Rule, Subject
from python_nodes.alerts.route import NEVER_FORESEEN, QUIET, Suppressed, Target, matching, mismatch, quiet_until
from python_nodes.alerts.ways import Way, of_rotation, of_team, once
from python_nodes.domain.escalations import Held, Progress
from python_nodes.domain.findings import FORESEEN

PREFIX = "escalate-"
"""Begins the step of every delivery that an escalation plans; the escalation's own name follows."""
RESOLVED = "resolved"
IN_HAND = "somebody has it in hand"
DONE = "all steps are done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known at that moment: whether somebody has it in hand, and until when it is muted.

    ``raised_within`` counts the alerts that a rule matches and that were raised within a time.
    """

    in_hand: bool
    muted_until: datetime | None
    raised_within: Callable[[Rule, timedelta], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What is to be stored and planned together; ``why`` tells each step carried out."""

    progress: Progress
    send: tuple[Target, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    why: tuple[str, ...] = ()


def begin(escalation: Escalation, about: Subject, reopened_at: datetime | None = None) -> Progress:
    """Stand at the first step; waiting counts from when the alert was raised, or last opened again."""
    at = reopened_at or about.raised_at
    return Progress(escalation=escalation.rule.name, chain=escalation.chain, began_at=at, step_at=at)


def taken_up(
    before: Progress, escalation: Escalation, at: datetime, reopened_at: datetime | None = None
) -> Progress:  # fmt: skip
    """Go on with what is parked; start over where the problem came back, what was told before keeping its numbers.

    It came back, whatever had ended the escalation before, if its alert was opened again since that began.
    """
    if reopened_at is not None and reopened_at > before.began_at:
        again = reopened_at
    elif before.ended_because == RESOLVED:
        again = at
    else:
        return replace(before, is_parked=False) if before.is_parked else before
    return Progress(
        escalation=before.escalation, chain=escalation.chain, began_at=again, step_at=again, told=before.told
    )  # fmt: skip


def advance(now: Progress, about: Subject, policy: RoutePolicy, seen: Seen, as_of: datetime) -> Advanced:
    """Carry out what is due by ``as_of``, down to the next wait."""
    stop = _stopped(now, about, policy, seen)
    if stop is not None:
        return Advanced(progress=replace(now, held=(), ended_because=stop), why=(f"ended: {stop}",))
    rule = next(one.rule for one in policy.escalations if one.rule.name == now.escalation)
    why_not = mismatch(about, rule)
    if why_not is not None:
        return Advanced(progress=replace(now, is_parked=True), why=(f"waits: {why_not}",))
    if seen.muted_until is not None and seen.muted_until > as_of:
        return Advanced(progress=_put_off(now, seen.muted_until), why=(f"waits: muted until {seen.muted_until}",))
    run = _Run(replace(now, is_parked=False), about, policy, seen, rule, as_of)
    run.tell_held()
    while run.is_due():
        run.step()
    return run.advanced()


def _stopped(now: Progress, about: Subject, policy: RoutePolicy, seen: Seen) -> str | None:
    """Say why an escalation ends here, whatever step it stands at."""
    if about.resolved_at is not None:
        return RESOLVED
    if not any(one.rule.name == now.escalation for one in policy.escalations):
        return "the routing file has no such escalation any more"
    chain = policy.chains.get(now.chain)
    if chain is None:
        return f"the routing file has no chain {now.chain!r} any more"
    return IN_HAND if seen.in_hand and chain.until == "acknowledged" else None


def _put_off(now: Progress, until: datetime) -> Progress:
    held = tuple(replace(one, until=max(one.until, until)) for one in now.held)
    return replace(now, held=held, step_at=None if now.step_at is None else max(now.step_at, until))


class _Run:
    """One advance: the progress as it changes, and what comes of it."""

    def __init__(
        self, now: Progress, about: Subject, policy: RoutePolicy, seen: Seen, rule: Rule, as_of: datetime
    ) -> None:  # fmt: skip
        self.now, self.about, self.policy, self.seen, self.rule, self.as_of = now, about, policy, seen, rule, as_of
        self.send: list[Target] = []
        self.suppressed: list[Suppressed] = []
        self.why: list[str] = []

    @property
    def chain(self) -> Chain:
        return self.policy.chains[self.now.chain]

    def advanced(self) -> Advanced:
        """Sum up; what has neither a step nor a telling left is done."""
        now = self.now
        if now.ended_because is None and now.due_at is None:
            now = replace(now, ended_because=DONE)
        if now.ended_because is not None:
            self.why.append(f"ended: {now.ended_because}")
        return Advanced(
            progress=now, send=tuple(self.send), suppressed=tuple(self.suppressed), why=tuple(self.why)
        )  # fmt: skip

    def is_due(self) -> bool:
        """Tell whether a step is due; past the last one none is."""
        if self.now.ended_because is not None or self.now.step_at is None or self.now.step_at > self.as_of:
            return False
        if self.now.step >= len(self.chain.steps):
            self.now = replace(self.now, step_at=None)
        return self.now.step_at is not None

    def step(self) -> None:
        """Carry out one step."""
        step: Step = self.chain.steps[self.now.step]
        self.why.append(f"{self.now.chain}, step {self.now.step + 1}: {in_words(step)}")
        match step:
            case Wait():
                self._wait(step)
            case Notify():
                self._notify(step)
            case IfUnacknowledged():
                self._go_on_if(not self.seen.in_hand, IN_HAND)
            case IfMoreThan():
                count = self.seen.raised_within(self.rule, step.span)
                self._go_on_if(count > step.alerts, f"{count} such alerts, not more than {step.alerts}")
            case RepeatFrom():
                self._repeat(step)
            case HandOver():
                self.now = replace(self.now, chain=step.chain, step=0)
                if self.seen.in_hand and self.chain.until == "acknowledged":
                    self.now = replace(self.now, ended_because=IN_HAND)

    def tell_held(self) -> None:
        """Tell those whose hours have begun."""
        for one in self.now.held:
            if one.until <= self.as_of or self.about.category == "critical":
                self.send.append(
                    Target(sender=one.sender, recipient=one.recipient, step=one.step, reason=self._reason())
                )
        told = {(one.step, one.sender, one.recipient) for one in self.send}
        left = tuple(one for one in self.now.held if (one.step, one.sender, one.recipient) not in told)
        self.now = replace(self.now, held=left)

    def _reason(self) -> str:
        waited = span(self.now.waited)
        if self.seen.in_hand:
            return f"It is not over, though in hand, after {waited}: {self.now.escalation}"
        return f"Nobody has taken care of it for {waited}: {self.now.escalation}"

    def _next(self) -> None:
        self.now = replace(self.now, step=self.now.step + 1)

    def _go_on_if(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.now = replace(self.now, ended_because=otherwise)
        self._next()

    def _wait(self, step: Wait) -> None:
        # What was told late gets its full time to be answered; before anything was told, the clock is the alert's.
        base = self.as_of if self.now.told or self.now.step_at is None else self.now.step_at
        self.now = replace(self.now, step_at=base + step.span, waited=self.now.waited + step.span)
        self._next()

    def _repeat(self, step: RepeatFrom) -> None:
        key = f"{self.now.chain}/{self.now.step}"
        done = self.now.repeats.get(key, 0)
        if done >= step.times:
            self._next()
            return
        self.now = replace(self.now, step=step.step, repeats={**self.now.repeats, key: done + 1})

    def _notify(self, step: Notify) -> None:
        number = self.now.told + 1
        label = f"{PREFIX}{self.now.escalation}" + (f"-{number}" if number > 1 else "")
        self.now = replace(self.now, told=number)
        for way in once(_ways(step, self.about, self.policy, self.as_of)):
            self._tell(way, label)
        self._next()

    def _tell(self, way: Way, step: str) -> None:
        why_not = way.nobody or self.policy.not_set_up.get(way.sender)
        if way.sender == NEVER_FORESEEN and self.about.kind in FORESEEN:
            why_not = f"{self.about.kind} tells of days to come: never by {way.sender}"
        if why_not:
            self.suppressed.append(
                Suppressed(sender=way.sender, recipient=way.recipient, step=step, reason=why_not)
            )  # fmt: skip
            return
        later = quiet_until(self.about, way.hours, self.as_of)
        if later is None:
            self.send.append(Target(sender=way.sender, recipient=way.recipient, step=step, reason=self._reason()))
            return
        reason = f"quiet hours of {way.of}: told from {later:%Y-%m-%d %H:%M %Z}"
        self.suppressed.append(
            Suppressed(sender=way.sender, recipient=way.recipient, step=step + QUIET, reason=reason, waits_until=later)
        )
        held = Held(sender=way.sender, recipient=way.recipient, step=step, until=later)
        self.now = replace(self.now, held=(*self.now.held, held))


def _ways(step: Notify, about: Subject, policy: RoutePolicy, as_of: datetime) -> Iterator[Way]:
    """Yield whom a step tells; where it names nobody, the teams that routes lead to."""
    teams = step.teams
    if not (teams or step.rotations):
        teams = tuple(dict.fromkeys(name for rule in matching(about, policy) for name in rule.teams))
    reached = [(name, of_team(policy, policy.teams[name], as_of)) for name in teams]
    reached += [(name, of_rotation(policy, name, as_of)) for name in step.rotations]
    for name, ways in reached:
        found = [way for way in ways if not way.off_duty and _by(step, way)]
        # Whom it was to tell and cannot is recorded, or nobody would ever know.
        lacking = (
            Way(of=name, sender=one, recipient="", nobody=f"{name} has no {one}") for one in sorted(step.senders)
        )
        yield from found or lacking


def _by(step: Notify, way: Way) -> bool:
    return not step.senders or way.sender in step.senders
