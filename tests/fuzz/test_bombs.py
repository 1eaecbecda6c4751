"""What is small and unfolds, what leads elsewhere, what spans too much: refused, quickly, in bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import re
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter
from cryptography.fernet import Fernet
from pytest_httpserver import HTTPServer
from werkzeug import Response

from fuzz import hostile, parsers
from python_nodes.backup import files
from python_nodes.backup.zst import ZstdFile, zstd
from python_nodes.domain.imports import ImportSource
from python_nodes.errors import PermanentError, RejectedRecord
from python_nodes.imports import check, header, kinds, reader
from python_nodes.scoring import event_days
from python_nodes.vendors import ecb
from python_nodes.vendors.base import HttpSettings
from python_nodes.vendors.base_http import Call, HttpSession
from python_nodes.vendors.csv_table import read_table
from python_nodes.vendors.resilience import build_runtime
from python_nodes.vendors.safe_xml import read_xml

CAP = 5_000_000
MB = 1_000_000
SOURCE = ImportSource(
    name="s", kind="performance", channel="vrbo", currency="EUR", columns={"listing_id": "Room", "date": "Date"}
)


def packed(name: str, size: int) -> bytes:
    zeros = bytes(size)
    if name == "gzip":
        return gzip.compress(zeros, 9)
    return zstd.compress(zeros) if name == "zstd" else gzip.compress(gzip.compress(zeros, 9), 9)


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "gzip, gzip"])
def test_a_vendors_answer_that_unfolds_is_cut_at_the_cap(
    encoding: str, httpserver: HTTPServer, valkey_url: str
) -> None:
    body = packed(encoding, 50 * MB)
    assert len(body) < MB
    answer = Response(body, headers={"Content-Encoding": encoding})
    httpserver.expect_request("/bomb").respond_with_response(answer)
    runtime = build_runtime(
        valkey_url, fernet_key=Fernet.generate_key().decode(), vendor="bomb", connection=f"{encoding}-{time.time_ns()}",
        clock=lambda: datetime.now(UTC), sleep=time.sleep, http=HttpSettings(attempts=1, max_body_bytes=CAP),
    )  # fmt: skip
    session = HttpSession("bomb", httpserver.url_for(""), runtime)
    with pytest.raises(PermanentError, match=f"exceeds {CAP} bytes"):
        session.call(Call(operation="x", method="GET", path="/bomb", rate="100/second"))
    session.close()


@pytest.mark.parametrize("bomb", hostile.XML_BOMBS, ids=["laughs", "quadratic", "file", "dtd", "parameter", "deep"])
def test_xml_unfolds_nothing_and_reads_no_file(bomb: bytes) -> None:
    began = time.process_time()
    with pytest.raises(RejectedRecord) as caught:
        read_xml(bomb)
    assert "root:" not in str(caught.value)
    assert time.process_time() - began < 2


def workbook(fill: Callable[[xlsxwriter.worksheet.Worksheet], object]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    fill(book.add_worksheet("Data"))
    book.close()
    return out.getvalue()


def imported(content: bytes) -> None:
    kind = kinds.get(SOURCE.kind)
    check.check(header.find(reader.read(content, "f"), kind, SOURCE), kind, SOURCE, (None, None))


def far(sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write(0, 0, "Room")
    sheet.write(1_048_575, 900, "x")


def test_two_far_cells_of_a_workbook_are_no_table() -> None:
    content = workbook(far)
    assert len(content) < 20_000
    with pytest.raises(PermanentError, match="the sheet spans"):
        imported(content)


def with_part(content: bytes, name: str, size: int) -> bytes:
    """The package with one part made of so many zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
        new.writestr(name, bytes(size))
    return out.getvalue()


def lying(content: bytes, name: str) -> bytes:
    """The same, but what it says of that part's size and checksum is made up to fit its first 10 bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        info = package.getinfo(name)
    true = struct.pack("<LLL", info.CRC, info.compress_size, info.file_size)
    told = struct.pack("<LLL", zlib.crc32(bytes(10)), info.compress_size, 10)
    assert content.count(true) == 2, "in the local header and in the directory"
    return content.replace(true, told)


def test_a_workbook_that_unpacks_to_more_than_fits_is_refused_whatever_it_says_of_itself() -> None:
    name = "xl/sharedStrings.xml"
    content = with_part(workbook(lambda sheet: sheet.write(0, 0, "Room")), name, 520 * 1024 * 1024)
    assert len(content) < MB
    for told in (content, lying(content, name)):
        with pytest.raises(PermanentError, match="unpacks to more than"):
            imported(told)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b",".join(b"c%d" % n for n in range(50_000)) + b"\n", "columns"),
        (b'"a",b\n' + b",".join([b"x"] * 50_000) + b"\n", "columns"),
        (b'"a"\n' + b",".join([b"x"] * 900) + b"\n" + b"x\n" * 30_000, "not a table"),
    ],
    ids=["wide", "one wide row", "one row that widens all"],
)
def test_a_file_that_spans_too_much_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        imported(content)


def test_a_row_too_many_beside_a_huge_cell_is_rejected_not_raised() -> None:
    content = b"a,b\n1,2,3\n" + b"x" * 200_000 + b",1\n"
    frame, bad = read_table(content, ("a", "b"), source="s", operation="o", raw_id=None)
    assert (frame.height, [one.field for one in bad]) == (0, ["document"])


def test_rates_in_an_archive_that_unfolds_are_rejected() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rates.csv", bytes(60 * MB))
    with pytest.raises(RejectedRecord, match="unpacks to more than"):
        ecb.read(out.getvalue(), parsers.AS_OF.date())


def test_an_event_of_every_second_is_refused() -> None:
    content = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260301T000000Z\r\n"
        b"DTEND:20260301T000001Z\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    with pytest.raises(PermanentError, match="FREQ is one of"):
        event_days.of_calendar(content, parsers.AS_OF.date(), parsers.AS_OF.date())


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        member("../../escaped", tarfile.REGTYPE), member("/escaped", tarfile.REGTYPE),
        member("a/../../b", tarfile.REGTYPE), member("year/x.parquet", tarfile.SYMTYPE, "/etc/passwd"),
        member("year/x.parquet", tarfile.LNKTYPE, "/etc/passwd"),
        member("year/x.parquet", tarfile.LNKTYPE, "nothing"), member("year", tarfile.DIRTYPE),
        member("year/pipe", tarfile.FIFOTYPE), member("year/disk", tarfile.BLKTYPE),
    ],
    ids=lambda one: f"{one.name} {one.type!r} {one.linkname}",
)  # fmt: skip
def test_an_archive_that_leads_elsewhere_writes_nothing(wrong: tarfile.TarInfo, tmp_path: Path) -> None:
    root, packed_file = tmp_path / "deep" / "root", tmp_path / "old.tar.zst"
    root.mkdir(parents=True)
    with ZstdFile(packed_file, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        tar.addfile(wrong, io.BytesIO(b""))
    with pytest.raises(PermanentError, match="does not belong here"):
        files.unpack(packed_file, re.compile(r"(?:[^/.][^/]*/)*[^/.][^/]*"), root, 1, lambda *_: None)
    assert [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()] == [packed_file]


MEMORY = """
import re
from pathlib import Path
from fuzz import hostile, parsers
few = {"import performance", "booking_com reservations", "expedia_group ari", "airbnb ical_calendar", "slack payload"}
for parser in [one for one in parsers.every() if one.name in few]:
    for bomb in (*hostile.XML_BOMBS, *hostile.DEEP_JSON):
        try:
            parser.read(bomb)
        except parser.may_raise:
            pass
# ru_maxrss would count what whoever started us had held.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def test_bombs_stay_within_memory() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEMORY], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 900, "MB, of which the libraries take some 300"
