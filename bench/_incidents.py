"""Scenario files drawn by a seed: incidents that only watches tell, outages beside them, and harmless controls."""

from __future__ import annotations

from datetime import date

import numpy as np

from sandbox.calendar import MARKETS, public_holidays

OUTAGES = ("listing_down", "calendar_closed", "rate_missing")
INCIDENTS, OF_MARKETS, OUTAGE_COUNT, EVENTS, HOLIDAYS = 40, 3, 6, 2, 2
THIRDS = ("low", "mid", "high")
# Sizes and lengths, as wide as the shipped scenarios' and a little wider; chosen before anything was judged by them.
KINDS: dict[str, tuple[tuple[str, float, float], tuple[int, int]]] = {
    "conversion_drop": (("severity", 0.5, 0.95), (7, 28)),
    "ctr_drop": (("severity", 0.3, 0.7), (7, 28)),
    "rank_drop": (("severity", 0.4, 0.75), (7, 28)),
    "competitor_undercut": (("factor", 0.5, 0.75), (7, 28)),
    "slow_decline": (("severity", 0.6, 0.9), (18, 32)),
}
MARKET_FALL, MARKET_DAYS = (0.3, 0.6), (7, 14)


def scenario(seed: int, t0: date, live_days: int) -> str:
    """Return a scenario file; the same arguments draw the same."""
    rng = np.random.default_rng([seed, 71])
    markets = [market.name for market in MARKETS]
    falling = rng.permutation(len(markets))[:OF_MARKETS]
    tables = [
        _market(rng, "market_demand_drop", at, markets[at], MARKET_DAYS, MARKET_FALL, live_days) for at in falling
    ]
    for number in range(INCIDENTS - OF_MARKETS):
        kind = str(rng.choice(sorted(KINDS)))
        (field, low, high), length = KINDS[kind]
        days = int(rng.integers(length[0], length[1] + 1))
        where = f'select = {{ third = "{THIRDS[int(rng.integers(3))]}" }}'
        size = f"{field} = {rng.uniform(low, high):.2f}"
        scope = "unit" if rng.random() < 0.15 else "listing"
        tables.append(
            _table(f"{kind}-{number}", kind, where, _start(rng, days, live_days), days, f'scope = "{scope}"', size)
        )
    for number in range(OUTAGE_COUNT):
        kind, days = str(rng.choice(OUTAGES)), int(rng.integers(3, 8))
        where = f'select = {{ third = "{THIRDS[int(rng.integers(3))]}" }}'
        tables.append(_table(f"outage-{number}", kind, where, _start(rng, days, live_days), days))
    for at in rng.permutation(len(markets))[:EVENTS]:
        tables.append(_market(rng, "local_event", at, markets[at], (2, 5), (0.3, 1.0), live_days))
    return "\n".join([*tables, *_holidays(t0, live_days, rng)])


def _holidays(t0: date, live_days: int, rng: np.random.Generator) -> list[str]:
    """Return a few real public holidays, one a market at most."""
    known = [(market.name, (day - t0).days) for market in MARKETS for day in public_holidays(market, t0, live_days)]
    chosen: dict[str, int] = {}
    for at in rng.permutation(len(known)):
        name, day = known[at]
        if len(chosen) < HOLIDAYS:
            chosen.setdefault(name, day)
    return [
        _table(f"holiday-{name}", "public_holiday", f'select = {{ market = "{name}" }}', day + 1, 1, "severity = 0.2")
        for name, day in chosen.items()
    ]


def _market(
    rng: np.random.Generator, kind: str, number: int, name: str, length: tuple[int, int], size: tuple[float, float],
    live_days: int,
) -> str:  # fmt: skip
    days = int(rng.integers(length[0], length[1] + 1))
    where, severity = f'select = {{ market = "{name}" }}', f"severity = {rng.uniform(*size):.2f}"
    return _table(f"{kind}-{number}", kind, where, _start(rng, days, live_days), days, severity)


def _start(rng: np.random.Generator, days: int, live_days: int) -> int:
    """Return a first live day, from 1, so that the whole incident and the days to tell it are in the window."""
    return int(rng.integers(1, live_days - days - 2))


def _table(name: str, kind: str, where: str, start: int, days: int, *more: str) -> str:
    lines = [
        "[[incident]]",
        f'id = "{name}"',
        f'kind = "{kind}"',
        where,
        f"start_day = {start}",
        f"days = {days}",
        *more,
    ]
    return "\n".join([*lines, ""])
