"""Which faults strike when: drawn from a seed before anything starts, so that the seed replays it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.faults import Fault

FEWEST_AT_ONCE, MOST_AT_ONCE = 3, 8
HOLD_S = (0.3, 5.0)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault, when in the cycle it begins (0 the start, 1 the usual end) and how long it lasts."""

    fault: Fault
    at_share: float
    hold_s: float

    def __str__(self) -> str:
        return f"{self.fault.name} at {self.at_share:.0%} for {self.hold_s:.1f} s"


@dataclass(frozen=True, slots=True)
class Round:
    """The faults of one cycle, and whether a real n8n drives it."""

    strikes: tuple[Strike, ...]
    by_n8n: bool


def draw(faults: Sequence[Fault], n_faults: int, n8n_share: float, seed: int) -> list[Round]:
    """Draw rounds of three to eight faults until there are so many; n8n's share of them is spread over the run."""
    lot, left, rounds, through_n8n = random.Random(seed), n_faults, [], 0
    share = n8n_share if any(one.needs_n8n for one in faults) else 0.0
    while left > 0:
        by_n8n = share > 0 and through_n8n <= share * (n_faults - left)
        known = [one for one in faults if by_n8n or not one.needs_n8n]
        targets = len({one.target for one in known})
        count = min(left, targets, lot.randint(FEWEST_AT_ONCE, MOST_AT_ONCE))
        chosen: dict[str, Fault] = {}
        while len(chosen) < count:
            one = lot.choices(known, [_weight(fault, by_n8n=by_n8n) for fault in known])[0]
            chosen.setdefault(one.target, one)
        strikes = tuple(Strike(one, lot.random(), lot.uniform(*HOLD_S)) for one in chosen.values())
        rounds.append(Round(strikes, by_n8n))
        left -= count
        through_n8n += count * by_n8n
    return rounds


def _weight(fault: Fault, *, by_n8n: bool) -> float:
    """Rounds through n8n are few: what only they can show comes more often in them."""
    return fault.weight * (4 if by_n8n and fault.needs_n8n else 1)
