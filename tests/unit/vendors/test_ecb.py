"""What the European Central Bank publishes, read; and what is not that, refused by name."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import pytest

from python_nodes.errors import RejectedRecord
from python_nodes.vendors import ecb
from sandbox.vendors import ecb as simulated

DAY = date(2026, 3, 30)
# As the bank publishes it, cut to two days and two currencies.
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube><Cube time="2026-03-30"><Cube currency="USD" rate="1.1484"/><Cube currency="JPY" rate="183.12"/></Cube>
<Cube time="2026-03-27"><Cube currency="USD" rate="1.1517"/></Cube></Cube></gesmes:Envelope>"""
CSV = "Date,USD,JPY,CYP,\n2026-03-30,1.1484,183.12,N/A,\n2026-03-27,1.1517,,N/A,\n"


def packed(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", text)
    return content.getvalue()


@pytest.mark.parametrize("content", [XML, packed(CSV)])
def test_both_forms_tell_the_same(content: bytes) -> None:
    days, names, rates = ecb.read(content, DAY)
    assert list(zip(map(str, days), names, rates.tolist(), strict=True)) == [
        ("2026-03-30", "USD", 1.1484),
        ("2026-03-30", "JPY", 183.12),
        ("2026-03-27", "USD", 1.1517),
    ]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (XML.replace(b"1.1484", b"-1"), "rate"),
        (XML.replace(b"1.1484", b"NaN"), "rate"),
        (XML.replace(b"1.1484", b"many"), "rate"),
        (XML.replace(b'currency="USD"', b'currency="US$"'), "currency"),
        (XML.replace(b"2026-03-27", b"27 March"), "time"),
        (XML.replace(b"2026-03-30", b"2026-03-31"), "time"),
        (XML[:200], "document"),
        (b"<html/>", "document"),
        (packed("")[:40], "document"),
        (packed("Date,USD,\n"), "document"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + XML.split(b"?>")[1], "document"),
    ],
)
def test_what_is_wrong_is_refused_by_name(content: bytes, field: str) -> None:
    with pytest.raises(RejectedRecord) as refused:
        ecb.read(content, DAY)
    assert refused.value.field == field


def test_an_archive_that_swells_is_not_unpacked() -> None:
    swollen = packed("Date,USD,\n" + "2026-03-30,1.1484,\n" * 3_000_000)
    assert len(swollen) < 1_000_000
    with pytest.raises(RejectedRecord, match="unpacks to more"):
        ecb.read(swollen, DAY)


def test_the_counterpart_publishes_working_days_from_four_in_the_afternoon() -> None:
    first = date(2026, 3, 26)
    # Frankfurt is on summer time from the 29th: 14:00 UTC is 16:00 there.
    assert simulated.working_days(first, datetime(2026, 3, 30, 13, 59, tzinfo=UTC)) == [date(2026, 3, 27), first]
    told = simulated.working_days(first, datetime(2026, 3, 30, 14, 0, tzinfo=UTC))
    assert told == [date(2026, 3, 30), date(2026, 3, 27), first]
    for content in (simulated.xml(told), simulated.archive(told)):
        days, names, rates = ecb.read(content, DAY)
        assert len(days) == 3 * len(set(names))
        assert dict(zip(names, rates.tolist(), strict=True))["JPY"] == 163.0
