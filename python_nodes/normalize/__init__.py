"""Vendor-neutral: known listings and currencies, property-local days, plausible values, no duplicates, quarantine."""

from python_nodes.domain.money import to_minor
from python_nodes.normalize.ari import normalize_ari_columns
from python_nodes.normalize.columns import (
    normalize_booking_columns,
    normalize_performance_columns,
    performance_points,
)
from python_nodes.normalize.fx import convert_minor, reference_rates
from python_nodes.normalize.index import PortfolioIndex
from python_nodes.normalize.market import market_points, normalize_market_columns
from python_nodes.normalize.records import is_early, normalize_bookings, normalize_performance

__all__ = [
    "PortfolioIndex",
    "convert_minor",
    "is_early",
    "market_points",
    "normalize_ari_columns",
    "normalize_booking_columns",
    "normalize_bookings",
    "normalize_market_columns",
    "normalize_performance",
    "normalize_performance_columns",
    "performance_points",
    "reference_rates",
    "to_minor",
]
