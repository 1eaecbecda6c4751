"""Binary COPY of whole columns, both ways, without a Python loop over rows.

What is missing is told by a value of the type (NaN, NaT, the least integer, None or an empty text) and sent as NULL. A
text ends at its last character that is no blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from psycopg2.extensions import connection, cursor
from sqlalchemy import Connection, text

from python_nodes.errors import RetryableError

NULL_INT = -(2**63)
"""Stands for NULL in an integer column on its way to staging."""

_ROWS_AT_ONCE = 4096
"""As many as the processor's cache holds; a batch may have a million."""
_BYTES_AT_ONCE = 1 << 18
"""psycopg2 reads 8 KB a call otherwise."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_EPOCH = np.datetime64("2000-01-01")


@dataclass(frozen=True, slots=True)
class _Field:
    """A column on its way: fixed-width values, the bytes of each that count (-1 for NULL; None: all), and its type."""

    wire: NDArray[Any]
    lengths: NDArray[np.int64] | None
    sql_type: str


def as_stored(value: str) -> str:
    """Return a text as it will be in the table, whose text holds no zero byte."""
    return value.replace("\0", " ").rstrip(" ")


def _text_field(values: NDArray[Any]) -> _Field:
    # Each text is encoded once, however many rows have it.
    told: list[str | None] = values.tolist()
    number: dict[str | None, int] = {value: at for at, value in enumerate(dict.fromkeys(told))}
    code = np.fromiter(map(number.__getitem__, told), np.int64, values.size)
    encoded = [as_stored(value or "").encode() for value in number] or [b""]
    sizes = np.fromiter((len(one) or -1 for one in encoded), np.int64, len(encoded))
    return _Field(np.array(encoded, dtype="S")[code], sizes[code], "text")


def _field(values: NDArray[Any]) -> _Field:
    kind = values.dtype.kind
    if kind == "f":
        return _nullable(values.astype(">f8"), np.isnan(values), "float8")
    if kind == "b":
        return _Field(values.astype("i1"), None, "boolean")
    if kind in "iu":
        return _nullable(values.astype(">i8"), values == NULL_INT, "bigint")
    if kind == "M" and values.dtype == np.dtype("datetime64[D]"):
        return _nullable((values - _EPOCH).astype(np.int64).astype(">i4"), np.isnat(values), "date")
    if kind == "M":
        micros = values.astype("datetime64[us]") - _EPOCH.astype("datetime64[us]")
        return _nullable(micros.astype(np.int64).astype(">i8"), np.isnat(values), "timestamptz")
    return _text_field(values)


def _nullable(wire: NDArray[Any], missing: NDArray[np.bool_], sql_type: str) -> _Field:
    return _Field(wire, np.where(missing, -1, wire.dtype.itemsize) if missing.any() else None, sql_type)


def _frame(fields: Mapping[str, _Field]) -> BytesIO:
    """Lay every row out at full width, then leave out the bytes that do not count."""
    n_rows = len(next(iter(fields.values())).wire)
    layout: list[tuple[str, str]] = [("_count", ">i2")]
    for name, one in fields.items():
        layout += [(f"_len_{name}", ">i4"), (name, one.wire.dtype.str)]
    row_type = np.dtype(layout)
    out = BytesIO()
    out.write(_HEADER)
    for first in range(0, n_rows, _ROWS_AT_ONCE):
        part = slice(first, min(first + _ROWS_AT_ONCE, n_rows))
        rows = np.empty(part.stop - first, dtype=row_type)
        rows["_count"] = len(fields)
        for name, one in fields.items():
            rows[name] = one.wire[part]
            rows[f"_len_{name}"] = one.wire.dtype.itemsize if one.lengths is None else one.lengths[part]
        out.write(_counting(rows, fields, part))
    out.write(b"\xff\xff")
    out.seek(0)
    return out


def _counting(rows: NDArray[Any], fields: Mapping[str, _Field], part: slice) -> bytes:
    ragged = {name: one.lengths[part] for name, one in fields.items() if one.lengths is not None}
    if not ragged:
        return rows.tobytes()
    places: Mapping[str, Any] = rows.dtype.fields or {}
    counts = np.ones((len(rows), rows.dtype.itemsize), dtype=np.bool_)
    for name, lengths in ragged.items():
        kind, begin = places[name][:2]
        counts[:, begin : begin + kind.itemsize] = np.arange(kind.itemsize) < lengths[:, None]
    return rows.view(np.uint8).reshape(counts.shape)[counts].tobytes()


def _cursor(conn: Connection) -> cursor:
    raw: connection | None = conn.connection.driver_connection
    if raw is None:
        raise RetryableError("the connection to PostgreSQL is closed")
    return raw.cursor()


def wire_format(columns: Mapping[str, ArrayLike]) -> BytesIO:
    """Encode columns of equal length as PostgreSQL's binary COPY would read them."""
    return _frame({name: _field(np.asarray(values)) for name, values in columns.items()})


def stage(conn: Connection, name: str, columns: Mapping[str, ArrayLike]) -> None:
    """Load columns into the temporary table ``name``, which has their names."""
    fields = {column: _field(np.asarray(values)) for column, values in columns.items()}
    body = ", ".join(f"{column} {one.sql_type}" for column, one in fields.items())
    conn.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    conn.execute(text(f"CREATE TEMPORARY TABLE {name} ({body}) ON COMMIT DROP"))
    with _cursor(conn) as opened:
        opened.copy_expert(f"COPY pg_temp.{name} FROM STDIN BINARY", _frame(fields), size=_BYTES_AT_ONCE)


def fetch(conn: Connection, query: str, params: Sequence[Any], columns: Mapping[str, str]) -> NDArray[Any]:
    """Run a query whose columns are never NULL and return them as one record array.

    ``columns`` maps each selected column, in order, to ``i8``, ``f8``, ``?``, ``D`` (date) or ``us`` (timestamptz).
    """
    wire = {"i8": ">i8", "f8": ">f8", "?": "?", "D": ">i4", "us": ">i8"}
    layout: list[tuple[str, str]] = [("_count", ">i2")]
    native: list[tuple[str, str]] = []
    for name, kind in columns.items():
        layout += [(f"_len_{name}", ">i4"), (name, wire[kind])]
        native.append((name, {"D": "M8[D]", "us": "M8[us]"}.get(kind, kind)))
    sink = BytesIO()
    with _cursor(conn) as opened:
        bound = opened.mogrify(query, params).decode()
        opened.copy_expert(f"COPY ({bound}) TO STDOUT BINARY", sink)
    rows = np.frombuffer(sink.getbuffer()[len(_HEADER) : -2], dtype=layout)
    result = np.empty(len(rows), dtype=native)
    for name, kind in columns.items():
        if kind == "D":
            result[name] = _EPOCH + rows[name].astype("m8[D]")
        elif kind == "us":
            result[name] = _EPOCH.astype("M8[us]") + rows[name].astype("m8[us]")
        else:
            result[name] = rows[name]
    return result
