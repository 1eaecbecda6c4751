"""The European Central Bank's euro foreign exchange reference rates, as eurofxref-*.xml and eurofxref-hist.zip.

Documented (https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/): units of a
currency for one euro, on working days at about 16:00 in Frankfurt; XML of one day, of 90 days and of all, and a zip
with one CSV, newest first, a comma at each line's end, N/A where a currency was not quoted.
Simulated: the rates are the world's own, fixed for all time (``data/fx.json``), so that what the worker reckons and
what the sandbox knows of losses are in the same money. Every Monday to Friday is a working day here.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response
from limits import RateLimitItem

from sandbox.calendar import fx_rates
from sandbox.clock import SimulatedClock
from sandbox.faults import FaultPlan, early_answer, spoil
from sandbox.world import World

OPERATIONS = ("rates",)
PUBLISHED = time(16)
FRANKFURT = ZoneInfo("Europe/Berlin")
SATURDAY = 5
RECENT_DAYS = 90
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n<gesmes:subject>Reference rates</gesmes:subject>\n'
    "<gesmes:Sender><gesmes:name>European Central Bank (simulated)</gesmes:name></gesmes:Sender>\n<Cube>\n"
)


def blueprint(world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> Blueprint:
    """The blueprint under /ecb."""
    api = Blueprint("ecb", __name__, url_prefix="/ecb/stats/eurofxref")

    def answer(content: bytes, mimetype: str) -> Response:
        fault = faults.take("rates")
        struck = early_answer(fault) if fault else None
        if struck is not None:
            return struck
        response = Response(content, mimetype=mimetype)
        return spoil(fault, response) if fault and fault.name in ("cut_body", "malformed") else response

    def days() -> list[date]:
        return working_days(world.first, clock.now())

    def recent() -> list[date]:
        oldest = clock.now().date() - timedelta(days=RECENT_DAYS)
        return [day for day in days() if day >= oldest]

    api.add_url_rule("/eurofxref-daily.xml", "daily", lambda: answer(xml(days()[:1]), "text/xml"))
    api.add_url_rule("/eurofxref-hist-90d.xml", "recent", lambda: answer(xml(recent()), "text/xml"))
    api.add_url_rule("/eurofxref-hist.xml", "all", lambda: answer(xml(days()), "text/xml"))
    api.add_url_rule("/eurofxref-hist.zip", "zip", lambda: answer(archive(days()), "application/zip"))
    return api


def working_days(first: date, now: datetime) -> list[date]:
    """Days whose rates are published by now, newest first."""
    local = now.astimezone(FRANKFURT)
    last = local.date() if local.time() >= PUBLISHED else local.date() - timedelta(days=1)
    every = (last - timedelta(days=k) for k in range((last - first).days + 1))
    return [day for day in every if day.weekday() < SATURDAY]


def xml(days: Sequence[date]) -> bytes:
    """The XML document of some days."""
    rates = "".join(f'<Cube currency="{name}" rate="{rate:g}"/>' for name, rate in _quoted())
    body = "".join(f'<Cube time="{day}">{rates}</Cube>\n' for day in days)
    return f"{_HEAD}{body}</Cube>\n</gesmes:Envelope>\n".encode()


def archive(days: Sequence[date]) -> bytes:
    """The zip with the CSV of some days."""
    names, rates = zip(*_quoted(), strict=True)
    lines = [f"Date,{','.join(names)},CYP,"]
    lines += [f"{day},{','.join(f'{rate:g}' for rate in rates)},N/A," for day in days]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        stamp = datetime.combine(days[0] if days else date(2000, 1, 3), PUBLISHED, tzinfo=UTC).timetuple()[:6]
        packed.writestr(zipfile.ZipInfo("eurofxref-hist.csv", date_time=stamp), "\n".join(lines) + "\n")
    return content.getvalue()


def _quoted() -> list[tuple[str, float]]:
    return [(name, rate) for name, rate in fx_rates().items() if name != "EUR"]
