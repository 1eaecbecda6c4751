"""Listings' peers as they were last computed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from python_nodes.scoring.peers import Near
from python_nodes.store import profiles

KIND = "peers"
ALL = 1_000_000


def load(conn: Connection, as_of_day: date) -> Near:
    """Return whose peers tell more than their market, by the newest version; none by one made of later days."""
    return {
        int(one.key): [(int(peer["listing_id"]), float(peer["weight"])) for peer in one.payload["peers"]]
        for one in profiles.read(conn, kind=KIND, limit=ALL)
        if one.as_of_date <= as_of_day and one.payload.get("held_against") == "peers"
    }
