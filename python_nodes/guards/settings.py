"""What may be set about guards; plain values, given by whoever calls."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from python_nodes.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Defaults suit a daily poll.

    Horizon: ``horizon_nights`` ahead are judged; most bookings fall within them.

    Prices: ``price_low_ratio`` and ``price_high_ratio`` bound a night's price, and the total with fees, by the usual
    one; ``inferred_slack`` widens both where other nights, not the night's own past, tell the usual price.
    ``price_elasticity_above`` and ``price_elasticity_below`` are assumptions: at a price ``k`` times the usual one
    ``k ** -elasticity`` of its bookings come. One listing among many loses guests to its neighbours when it is dear;
    when it is cheap it draws fewer than would make up for the price (docs/adr/0012-loss-in-money.md).

    Minimum stay: a rise of ``min_stay_rise_nights`` counts; operators move it by season, then on all channels at once.

    Parity: between channels of one unit a price may move ``parity_price_tolerance`` more than on the others before it
    counts (operators round, and round differently), a minimum stay may differ by ``parity_min_stay_tolerance`` nights
    more than usual. ``parity_min_nights`` keeps a single odd night, which a channel still has to take over, from
    being told.

    Feeds: availability not polled for ``ari_stale_hours`` is stale (a daily poll may be half a day late), and what is
    stale is not judged. A report ``performance_stale_days`` behind is stale; behind its own channel's other properties
    one day is enough, if it told all of the last ``reports_daily_days``. ``repeat_days`` equal days of at least
    ``repeat_min_shown`` impressions are a repeated day: by chance two such counts agree once in some hundred thousand.
    ``oversold_nights`` nights that a channel still offers although bookings took the units say that it hears nothing.
    A poll is failing for good after ``poll_failures`` failures in a row or ``poll_failing_hours``. Access whose end is
    nearer than ``access_ending_days`` is told: consents are given by people, who take days.

    Reviews: a fall of ``review_drop_points`` (of ten) within the remembered weeks counts from ``review_min_count``
    reviews on: fewer move by a single guest. Where reviews are many, ``review_sure_sd`` deviations of their mean do,
    one review having ``review_sd_points``, and never less than ``review_least_points``. ``review_loss_per_point`` is
    an assumption: e-folds of bookings a point.

    Content: an amenity or rate plan that a snapshot of the last ``content_memory_days`` showed is missed; after that
    its absence is taken as meant. What either costs (``amenity_loss_share`` of those who search by each and of those
    who read of it, ``rate_plan_loss_share`` times the part of the plans that is gone) is an assumption.

    Calendar: running empty is told where the nights after the last open one are at least ``calendar_empty_nights`` and
    would take ``calendar_empty_share`` of a day's bookings.
    """

    horizon_nights: int = 90
    price_low_ratio: float = 0.5
    price_high_ratio: float = 2.0
    inferred_slack: float = 1.5
    price_elasticity_above: float = 2.0
    price_elasticity_below: float = 0.5
    min_stay_rise_nights: int = 1
    parity_price_tolerance: float = 0.10
    parity_min_stay_tolerance: int = 0
    parity_min_nights: int = 2
    ari_stale_hours: float = 36.0
    performance_stale_days: int = 3
    reports_daily_days: int = 7
    repeat_days: int = 3
    repeat_min_shown: int = 100
    oversold_nights: int = 1
    poll_failures: int = 3
    poll_failing_hours: float = 24.0
    access_ending_days: float = 14.0
    review_drop_points: float = 0.25
    review_min_count: int = 10
    review_sure_sd: float = 4.0
    review_sd_points: float = 2.0
    review_least_points: float = 0.1
    review_loss_per_point: float = 0.2
    content_memory_days: int = 28
    amenity_loss_share: float = 0.10
    rate_plan_loss_share: float = 0.4
    calendar_empty_nights: int = 14
    calendar_empty_share: float = 0.10


DEFAULTS = GuardSettings()


def read(path: Path | None) -> GuardSettings:
    """Read the settings that a TOML file changes; raises ConfigError naming the file and the setting."""
    if path is None:
        return DEFAULTS
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = sorted(told.keys() - {field.name for field in fields(GuardSettings)})
    if unknown:
        raise ConfigError(f"{path}: unknown setting {unknown[0]!r}")
    try:
        return TypeAdapter(GuardSettings).validate_python(told, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
