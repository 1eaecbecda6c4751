"""The European Central Bank's euro foreign exchange reference rates.

Documentation: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/
Authentication: none. Limits: none told; ours is low, since rates change once a day.
Quirks: published on working days at about 16:00 in Frankfurt; ``eurofxref-daily.xml`` and ``-hist-90d.xml`` are XML,
``eurofxref-hist.zip`` holds a CSV with every day since 1999, newest first, N/A where a currency was not quoted, and a
comma at the end of each line.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from urllib.parse import urlsplit

import numpy as np

from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.domain.money import known_currencies
from python_nodes.domain.packed import UNREADABLE
from python_nodes.errors import ConfigError, RejectedRecord
from python_nodes.vendors.base import Runtime
from python_nodes.vendors.base_http import Call, HttpSession
from python_nodes.vendors.safe_xml import read_xml

VENDOR = "ecb"
RATE = "10/minute"
MAX_CSV_BYTES = 50_000_000
Rates = tuple[DayArray, list[str], FloatArray]


def fetch(url: str, runtime: Runtime, *, within_s: float | None = None) -> bytes:
    """Read the file at ``url``, with the retries, breaker and limits of every vendor; given up after ``within_s``."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"fx_url: {url[:100]!r} is no http address")
    session = HttpSession(VENDOR, f"{parts.scheme}://{parts.netloc}", runtime, within_s=within_s)
    try:
        return session.call(Call(operation="rates", method="GET", path=parts.path, rate=RATE)).content
    finally:
        session.close()


def read(content: bytes, as_of_day: date) -> Rates:
    """Return day, currency and units for one euro, one a row; raises RejectedRecord naming what is wrong."""
    told = _from_zip(content) if content.startswith(b"PK") else _from_xml(content)
    days, names, rates = [], [], []
    for day, currency, rate in told:
        days.append(_day(day, as_of_day))
        names.append(_currency(currency))
        rates.append(_rate(rate, currency))
    if not days:
        raise RejectedRecord("document: holds no rate", field="document")
    return np.array(days, dtype="datetime64[D]"), names, np.array(rates, dtype=np.float64)


def _from_xml(content: bytes) -> Iterable[tuple[str, str, str]]:
    for day in read_xml(content).iterfind(".//{*}Cube[@time]"):
        for cube in day.iterfind("{*}Cube"):
            yield day.get("time", ""), cube.get("currency", ""), cube.get("rate", "")


def _from_zip(content: bytes) -> Iterable[tuple[str, str, str]]:
    rows = csv.DictReader(io.StringIO(_unpacked(content)))
    for row in _each(rows):
        day = row.pop("Date", "") or ""
        for currency, rate in row.items():
            if currency and rate not in (None, "", "N/A"):
                yield day, currency.strip(), rate


def _each(rows: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise RejectedRecord(f"document: no table ({error})", field="document") from None


def _unpacked(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            first = archive.infolist()[0]
            # A small archive may hold a document of any size.
            if first.file_size > MAX_CSV_BYTES:
                raise RejectedRecord(f"document: unpacks to more than {MAX_CSV_BYTES} bytes", field="document")
            return archive.read(first).decode("utf-8-sig")
    except UNREADABLE as error:
        raise RejectedRecord(f"document: cannot be unpacked ({type(error).__name__})", field="document") from None


def _day(told: str, as_of_day: date) -> date:
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise RejectedRecord(f"time: {told[:20]!r} is no date", field="time") from None
    if day > as_of_day:
        raise RejectedRecord(f"time: {day} is in the future", field="time")
    return day


def _currency(told: str) -> str:
    if told not in known_currencies():
        raise RejectedRecord(f"currency: unknown currency {told[:10]!r}", field="currency")
    return told


def _rate(told: str, currency: str) -> float:
    try:
        rate = float(told)
    except ValueError:
        rate = float("nan")
    if not 0 < rate < float("inf"):
        raise RejectedRecord(f"rate: {told[:20]!r} is no rate of {currency}", field="rate")
    return rate
