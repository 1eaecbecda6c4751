"""Maps Expedia Group's answers to domain records; pure, and never raises: what cannot be read is a Rejected."""

from __future__ import annotations

from python_nodes.vendors.expedia_group.ari import map_ari, map_ari_columns
from python_nodes.vendors.expedia_group.content import map_content
from python_nodes.vendors.expedia_group.health import map_health
from python_nodes.vendors.expedia_group.reservations import (
    map_reservation_history,
    map_reservation_history_columns,
    map_reservations,
    raw_reservation,
)
from python_nodes.vendors.expedia_group.reviews import map_reviews

__all__ = [
    "map_ari",
    "map_ari_columns",
    "map_content",
    "map_health",
    "map_reservation_history",
    "map_reservation_history_columns",
    "map_reservations",
    "map_reviews",
    "raw_reservation",
]
