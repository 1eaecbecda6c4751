"""When what the coming months bring is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlookSettings:
    """When what is foreseen is told.

    A month that will end under ``month_share`` of last year's (a market's under ``market_share``), or weeks under
    ``unsold_share`` of the usual, with a probability of ``sure`` at least; told already, it stays while the probability
    is ``stay_sure``. By chance alone so far a fall comes with less than ``chance_p``. At least ``least_nights`` nights
    are at stake, and ``sellable_share`` of the nights are for sale: what its operator closed need not be told to him.
    """

    month_share: float = 0.8
    market_share: float = 0.85
    unsold_share: float = 0.6
    sure: float = 0.9
    stay_sure: float = 0.7
    chance_p: float = 0.05
    stay_p: float = 0.15
    least_nights: float = 5.0
    window_nights: int = 28
    sellable_share: float = 0.7


DEFAULTS = OutlookSettings()
