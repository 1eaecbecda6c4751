"""A file of what really happened: a CSV that people keep, or the report of a run in the sandbox."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import PermanentError
from python_nodes.scoring.backtest import Label

COLUMNS = ("listing", "channel", "market", "kind", "start", "end", "is_real")
WIDE = ("market", "channel")
NEEDED = ("kind", "start", "end")
TRUE_WORDS, FALSE_WORDS = frozenset({"", "1", "true", "yes"}), frozenset({"0", "false", "no"})


def read(content: bytes, name: str, listings: Sequence[ListingInfo]) -> list[Label]:
    """Read labels.

    Parameters
    ----------
    content : bytes
        JSON with ``incidents``, as `nightporter up --json` and the sandbox's ``/truth`` write it, or a CSV with the
        columns kind, start, end, and listing, or market or channel for all of it; channel beside a listing whose id
        occurs on several, and is_real 0 for a stretch in which an alert is known to be false.
    name : str
        The file's, for errors.
    listings : sequence of ListingInfo

    Returns
    -------
    list of Label

    Raises
    ------
    PermanentError
        Naming the row and the column that cannot be used.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PermanentError(f"{name}: is no UTF-8 text") from None
    if text.lstrip().startswith("{"):
        return _of_report(text, name, listings)
    return _of_rows(text, name, listings)


def _of_report(text: str, name: str, listings: Sequence[ListingInfo]) -> list[Label]:
    """Read the sandbox's truth; controls are no events, so that an alert on one is false."""
    try:
        told = json.loads(text)
        incidents = [one for one in told["incidents"] if not one["is_control"]]
        return [_incident(one, listings) for one in incidents]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PermanentError(f"{name}: is no report with incidents ({type(error).__name__}: {error})") from None


def _incident(told: Mapping[str, Any], listings: Sequence[ListingInfo]) -> Label:
    of_market = told["scope"] == "market"
    members = frozenset(told["listings"])
    own = [one for one in listings if (one.market == told["market"] if of_market else one.external_id in members)]
    seen = told.get("oracle_day")
    return Label(
        str(told["id"]), str(told["kind"]), frozenset(one.listing_id for one in own),
        "market" if of_market else "listing", str(told["market"]) if of_market else None,
        date.fromisoformat(told["start"]), date.fromisoformat(told["end"]), True,
        date.fromisoformat(seen) if seen else None,
    )  # fmt: skip


def _of_rows(text: str, name: str, listings: Sequence[ListingInfo]) -> list[Label]:
    try:
        return _of_table(csv.DictReader(io.StringIO(text)), name, listings)
    except csv.Error as error:
        raise PermanentError(f"{name}: is no table ({error})") from None


def _of_table(rows: csv.DictReader[str], name: str, listings: Sequence[ListingInfo]) -> list[Label]:
    columns = [column.strip() for column in rows.fieldnames or ()]
    for column in columns:
        if column not in COLUMNS:
            raise PermanentError(f"{name}: unknown column {column!r} (known: {', '.join(COLUMNS)})", field=column)
    for column in NEEDED:
        if column not in columns:
            raise PermanentError(f"{name}: there is no column {column}", field=column)
    rows.fieldnames = columns
    by_id: dict[str, list[ListingInfo]] = defaultdict(list)
    for listing in listings:
        by_id[listing.external_id].append(listing)
    return [_row(told, f"{name}: row {number}", by_id, listings) for number, told in enumerate(rows, start=1)]


def _row(
    told: Mapping[str, Any], where: str, by_id: Mapping[str, list[ListingInfo]], listings: Sequence[ListingInfo]
) -> Label:
    cells = {column: (told.get(column) or "").strip() for column in COLUMNS}
    if None in told:
        raise PermanentError(f"{where}: has more cells than the head has columns")
    start, end = (_day(where, column, cells[column]) for column in ("start", "end"))
    if end < start:
        raise PermanentError(f"{where}: end {end} is before start {start}", field="end")
    word = cells["is_real"].lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise PermanentError(f"{where}: is_real {word!r} is neither 1 nor 0", field="is_real")
    wide = next((column for column in WIDE if cells[column]), "") if not cells["listing"] else ""
    own = _all_of(where, wide, cells[wide], listings) if wide else [_listing(where, cells, by_id)]
    return Label(
        where.rsplit(": ", 1)[-1], cells["kind"], frozenset(one.listing_id for one in own), wide or "listing",
        cells[wide] if wide else None, start, end, word in TRUE_WORDS,
    )  # fmt: skip


def _day(where: str, column: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PermanentError(f"{where}: {column} {text!r} is no day (wanted: 2026-03-31)", field=column) from None


def _all_of(where: str, column: str, name: str, listings: Sequence[ListingInfo]) -> list[ListingInfo]:
    """Return the listings of a whole market or channel."""
    own = [one for one in listings if getattr(one, column) == name]
    if not own:
        raise PermanentError(f"{where}: no listing is in {column} {name!r}", field=column)
    return own


def _listing(where: str, cells: Mapping[str, str], by_id: Mapping[str, list[ListingInfo]]) -> ListingInfo:
    """Find the one listing that is meant."""
    if not cells["listing"]:
        raise PermanentError(f"{where}: names no listing, market or channel", field="listing")
    named = by_id.get(cells["listing"], [])
    own = [one for one in named if cells["channel"] in ("", one.channel)]
    if not own:
        on = f" on {cells['channel']}" if cells["channel"] else ""
        raise PermanentError(f"{where}: there is no listing {cells['listing']!r}{on}", field="listing")
    if len(own) > 1:
        raise PermanentError(f"{where}: listing {cells['listing']!r} is on several channels; name one", field="channel")
    return own[0]
