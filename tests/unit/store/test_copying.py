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


def test_missing_values_travel_as_a_value_of_the_type() -> None:
    told = wire_format({
        "a": np.array([NULL_INT]), "d": np.array(["NaT"], "datetime64[D]"), "e": np.array(["NaT"], "datetime64[us]"),
        "f": np.array([None], dtype=object),
    }).read()  # fmt: skip
    row = struct.pack(">h iq ii iq i1s", 4, 8, -(2**63), 4, 2**31 - 1, 8, 2**63 - 1, 1, b" ")
    assert told == HEADER + row + b"\xff\xff"


def test_no_rows_is_a_valid_file() -> None:
    assert wire_format({"a": np.array([], np.int64), "f": np.array([], dtype=object)}).read() == HEADER + b"\xff\xff"


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_texts_are_padded_to_one_width_and_come_back(texts: list[str]) -> None:
    body = wire_format({"f": np.array(texts, dtype=object)}).read()[len(HEADER) : -2]
    size = len(body) // len(texts)
    found = [body[at * size + 6 : (at + 1) * size].decode().rstrip(" ") for at in range(len(texts))]
    assert found == [one.rstrip(" ") for one in texts]
