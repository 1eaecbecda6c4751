"""The wire format, byte by byte."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from python_nodes.store.copying import NULL_INT, wire_format

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def test_a_row_of_every_type_is_as_the_manual_says() -> None:
    told = wire_format({
        "a": np.array([7], np.int64), "b": np.array([1.5]), "c": np.array([True]),
        "d": np.array(["2000-01-02"], "datetime64[D]"), "e": np.array(["2000-01-01T00:00:01"], "datetime64[s]"),
        "f": np.array(["é"], dtype=object),
    }).read()  # fmt: skip
    row = struct.pack(">h iq id i? ii iq i2s", 6, 8, 7, 8, 1.5, 1, True, 4, 1, 8, 1_000_000, 2, "é".encode())
    assert told == HEADER + row + b"\xff\xff"


def test_what_is_missing_is_sent_as_null() -> None:
    told = wire_format({
        "a": np.array([NULL_INT, 7]), "b": np.array([1.5, np.nan]),
        "d": np.array(["NaT", "2000-01-02"], "datetime64[D]"),
        "e": np.array(["NaT"] * 2, "datetime64[us]"), "f": np.array([None, "ab"], dtype=object),
    }).read()  # fmt: skip
    first = struct.pack(">h i id i i i", 5, -1, 8, 1.5, -1, -1, -1)
    second = struct.pack(">h iq i ii i i2s", 5, 8, 7, -1, 4, 1, -1, 2, b"ab")
    assert told == HEADER + first + second + b"\xff\xff"


def test_no_rows_is_a_valid_file() -> None:
    assert wire_format({"a": np.array([], np.int64), "f": np.array([], dtype=object)}).read() == HEADER + b"\xff\xff"


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_texts_come_back_at_their_own_length_without_blanks_at_the_end(texts: list[str]) -> None:
    told = wire_format({"f": np.array(texts, dtype=object)})
    told.seek(len(HEADER))
    for one in texts:
        wanted = one.rstrip(" ").encode() or None
        count, size = struct.unpack(">hi", told.read(6))
        assert (count, size) == (1, -1 if wanted is None else len(wanted))
        assert (told.read(size) if wanted else None) == wanted
    assert told.read() == b"\xff\xff"


def test_more_rows_than_are_laid_out_at_once_keep_their_order() -> None:
    numbers = np.arange(10_000)
    told = wire_format({"a": np.where(numbers % 3 == 0, NULL_INT, numbers)}).read()
    wanted = b"".join(
        struct.pack(">hi", 1, -1) if one % 3 == 0 else struct.pack(">hiq", 1, 8, one) for one in range(10_000)
    )
    assert told == HEADER + wanted + b"\xff\xff"
