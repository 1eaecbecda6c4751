"""Listings' peers as they were last computed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from python_nodes.scoring.peers import Near
from python_nodes.store import profiles

KIND = "peers"
ALL = 1_000_000


def load(conn: Connection, as_of_day: date) -> Near:
    """Return who is held against peers or borrows from them, by the newest version; none by one made of later days."""
    chosen = {
        int(one.key): one.payload
        for one in profiles.read(conn, kind=KIND, limit=ALL)
        if one.as_of_date <= as_of_day and (one.payload.get("held_against") == "peers" or one.payload.get("is_new"))
    }
    of = {
        key: [(int(peer["listing_id"]), float(peer.get("weight", 1.0))) for peer in told["peers"]]
        for key, told in chosen.items()
    }
    return Near(of, frozenset(key for key, told in chosen.items() if told.get("held_against") == "peers"))
