"""Airbnb's mapping functions, found by their names."""

from python_nodes.vendors.airbnb.calendars import (
    map_ari,
    map_ari_columns,
    map_ical_calendar,
    map_ical_calendar_columns,
)
from python_nodes.vendors.airbnb.listings import map_content, map_health, map_reviews
from python_nodes.vendors.airbnb.reservations import (
    guest_spans,
    map_reservation_history,
    map_reservation_history_columns,
    map_reservations,
    raw_reservation,
)

__all__ = [
    "guest_spans",
    "map_ari",
    "map_ari_columns",
    "map_content",
    "map_health",
    "map_ical_calendar",
    "map_ical_calendar_columns",
    "map_reservation_history",
    "map_reservation_history_columns",
    "map_reservations",
    "map_reviews",
    "raw_reservation",
]
