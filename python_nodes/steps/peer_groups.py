"""Listings' peers as they were last computed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from python_nodes.scoring.peers import Near
from python_nodes.store import profiles

KIND = "peers"
ALL = 1_000_000
USED = ({"held_against": "peers"}, {"is_new": True})
"""What a profile says whose peers a sweep uses: most listings are held against their market."""


def load(conn: Connection, as_of_day: date, listing_ids: Sequence[int] | None = None) -> Near:
    """Return who is held against peers or borrows from them, by the newest version; none by one made of later days.

    Of all listings, or of those asked for.
    """
    keys = None if listing_ids is None else [str(one) for one in listing_ids]
    chosen = {
        int(one.key): one.payload
        for one in profiles.read(conn, kind=KIND, limit=ALL, keys=keys, saying=USED)
        if one.as_of_date <= as_of_day
    }
    of = {
        key: [(int(peer["listing_id"]), float(peer.get("weight", 1.0))) for peer in told["peers"]]
        for key, told in chosen.items()
    }
    return Near(of, frozenset(key for key, told in chosen.items() if told.get("held_against") == "peers"))
