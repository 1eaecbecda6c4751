"""A seed replays a run: the same faults at the same points of the same cycles, never two on one target."""

from __future__ import annotations

from chaos.faults import Fault
from chaos.plan import MOST_AT_ONCE, draw
from chaos.stack import Stack


def deed(_: Stack) -> None:
    """Nothing is struck where only the plan is looked at."""


KNOWN = [
    Fault(name=f"{target} {how}", target=target, begin=deed, end=deed, needs_n8n=target == "n8n")
    for target in ("worker", "postgres", "ota", "line a", "line b", "n8n")
    for how in ("killed", "cut")
]


def test_a_seed_draws_the_same_plan_and_another_seed_another() -> None:
    assert draw(KNOWN, 50, 0.2, 7) == draw(KNOWN, 50, 0.2, 7)
    assert draw(KNOWN, 50, 0.2, 7) != draw(KNOWN, 50, 0.2, 8)


def test_there_are_as_many_faults_as_asked_for_and_no_two_meet() -> None:
    rounds = draw(KNOWN, 200, 0.2, 1)
    assert sum(len(one.strikes) for one in rounds) == 200
    for one in rounds:
        targets = [strike.fault.target for strike in one.strikes]
        assert len(set(targets)) == len(targets) <= MOST_AT_ONCE


def test_n8n_is_struck_in_its_own_rounds_only_and_they_are_spread() -> None:
    rounds = draw(KNOWN, 200, 0.2, 1)
    half = len(rounds) // 2
    assert any(one.by_n8n for one in rounds[:half])
    assert any(one.by_n8n for one in rounds[half:])
    assert 36 <= sum(len(one.strikes) for one in rounds if one.by_n8n) <= 48
    struck = {strike.fault.target for one in rounds if one.by_n8n for strike in one.strikes}
    assert "n8n" in struck
    assert all(not strike.fault.needs_n8n for one in rounds if not one.by_n8n for strike in one.strikes)
    assert not any(one.by_n8n for one in draw([one for one in KNOWN if not one.needs_n8n], 20, 0.2, 1))
