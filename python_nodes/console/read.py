"""What the pages ask of the stores: the panels' rows, and what there is to pick from; each as the session's tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes.console.picked import Picked
from python_nodes.panels import Panel, panel
from python_nodes.steps import panels
from python_nodes.steps.services import Services
from python_nodes.store import listing_search

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What there is to pick from, and the moment that the newest figures are of."""

    markets: tuple[str, ...]
    channels: tuple[str, ...]
    as_of: datetime
    is_polled: bool


def shelf(conn: Connection, now: datetime) -> Shelf:
    """Read it; before anything was ever polled the present is the moment."""
    newest = listing_search.newest_poll_at(conn, now)
    return Shelf(
        markets=tuple(listing_search.markets(conn)), channels=tuple(listing_search.channels(conn)),
        as_of=newest or now, is_polled=newest is not None,
    )  # fmt: skip


def as_of(conn: Connection, now: datetime) -> datetime:
    """Read of the shelf only its moment: a page asks for some twenty cards."""
    return listing_search.newest_poll_at(conn, now) or now


def ask(services: Services, conn: Connection, dashboard: str, name: str, picked: Picked) -> tuple[Panel, Rows]:
    """Return one panel with its rows."""
    return panel(dashboard, name), panels.rows(services, conn, dashboard, name, picked.parameters())
