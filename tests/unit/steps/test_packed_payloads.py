"""A packed payload that cannot be searched counts as about the guest, whatever is wrong with it."""

from __future__ import annotations

import io
import zipfile

import pytest

from python_nodes.steps.guest_payloads import Person, is_within

ADA = Person(reservations=frozenset({"4711"}), words={})


def packed(text: str, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr("sheet.xml", text)
    return out.getvalue()


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_packed_payload_is_searched(how: int) -> None:
    assert is_within(packed("<c>4711</c>", how), ADA)
    assert not is_within(packed("<c>4712</c>", how), ADA)


def test_a_place_that_no_file_has_is_no_reason_to_fail() -> None:
    whole = packed("<c>4712</c>")
    # The end of the directory says that it begins further on than it does: the first member stands before the file.
    at = whole.rindex(b"PK\x05\x06") + 16
    start = int.from_bytes(whole[at : at + 4], "little")
    assert is_within(whole[:at] + (start + 2016).to_bytes(4, "little") + whole[at + 4 :], ADA)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("place", range(4, 60))
def test_any_broken_byte_is_no_reason_to_fail(how: int, place: int) -> None:
    whole = bytearray(packed("<c>4712</c>" * 40, how))
    whole[place] ^= 0xFF
    assert is_within(bytes(whole), ADA) in (True, False)
