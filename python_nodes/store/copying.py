"""Binary COPY of whole columns, both ways, without a Python loop over rows.

Every field is sent at a fixed width so that one numpy record array is the wire format. Missing values travel as a
value of the type (NaN, infinity, the least integer, spaces) and become NULL in the SQL that reads the staging table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from psycopg2.extensions import connection, cursor
from sqlalchemy import Connection, text

from python_nodes.errors import RetryableError

NULL_INT = -(2**63)
"""Stands for NULL in an integer column on its way to staging."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_EPOCH = np.datetime64("2000-01-01")
_DATE_INFINITY = 2**31 - 1
_TIME_INFINITY = 2**63 - 1


def _text_field(values: NDArray[Any]) -> tuple[NDArray[Any], str, str]:
    # Each text is encoded once, however many rows have it.
    seen: dict[str | None, int] = {}
    code = np.fromiter((seen.setdefault(value, len(seen)) for value in values.tolist()), np.int64, values.size)
    encoded = np.array(["" if value is None else value for value in seen] or [""], dtype="U")
    padded = np.ascontiguousarray(np.char.encode(encoded, "utf-8").astype("S")[code])
    if padded.dtype.itemsize == 0:
        padded = padded.astype("S1")
    raw = padded.view(np.uint8)
    raw[raw == 0] = ord(" ")
    return padded, "text", "nullif(rtrim({name}), '')"


def _field(values: NDArray[Any]) -> tuple[NDArray[Any], str, str]:
    """Return (wire array, SQL type, expression that yields NULL where missing) of one column."""
    kind = values.dtype.kind
    if kind == "f":
        return (
            values.astype(">f8"),
            "float8",
            "nullif({name}, 'NaN')" if np.isnan(values).any() else "{name}",
        )
    if kind == "b":
        return values.astype("i1"), "boolean", "{name}"
    if kind in "iu":
        missing = bool((values == NULL_INT).any())
        return (
            values.astype(">i8"),
            "bigint",
            f"nullif({{name}}, {NULL_INT})" if missing else "{name}",
        )
    if kind == "M" and values.dtype == np.dtype("datetime64[D]"):
        days = np.where(np.isnat(values), _DATE_INFINITY, (values - _EPOCH).astype(np.int64))
        return days.astype(">i4"), "date", "nullif({name}, 'infinity')"
    if kind == "M":
        micros = (values.astype("datetime64[us]") - _EPOCH.astype("datetime64[us]")).astype(np.int64)
        wire = np.where(np.isnat(values), _TIME_INFINITY, micros)
        return wire.astype(">i8"), "timestamptz", "nullif({name}, 'infinity')"
    return _text_field(values)


def _frame(fields: Mapping[str, NDArray[Any]], n_rows: int) -> BytesIO:
    layout: list[tuple[str, str]] = [("_count", ">i2")]
    for name, wire in fields.items():
        layout += [(f"_len_{name}", ">i4"), (name, wire.dtype.str)]
    rows = np.empty(n_rows, dtype=layout)
    rows["_count"] = len(fields)
    for name, wire in fields.items():
        rows[f"_len_{name}"] = wire.dtype.itemsize
        rows[name] = wire
    return BytesIO(b"".join((_HEADER, rows.tobytes(), b"\xff\xff")))


def _cursor(conn: Connection) -> cursor:
    raw: connection | None = conn.connection.driver_connection
    if raw is None:
        raise RetryableError("the connection to PostgreSQL is closed")
    return raw.cursor()


def wire_format(columns: Mapping[str, ArrayLike]) -> BytesIO:
    """Encode columns of equal length as PostgreSQL's binary COPY would read them."""
    fields = {name: _field(np.asarray(values))[0] for name, values in columns.items()}
    return _frame(fields, len(next(iter(fields.values()))))


def stage(conn: Connection, name: str, columns: Mapping[str, ArrayLike]) -> dict[str, str]:
    """Load columns into the temporary table ``name`` and return the SQL expression that reads each."""
    described = {column: _field(np.asarray(values)) for column, values in columns.items()}
    body = ", ".join(f"{column} {sql_type}" for column, (_, sql_type, _) in described.items())
    conn.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    conn.execute(text(f"CREATE TEMPORARY TABLE {name} ({body}) ON COMMIT DROP"))
    wires = {column: wire for column, (wire, _, _) in described.items()}
    n_rows = len(next(iter(wires.values())))
    with _cursor(conn) as opened:
        opened.copy_expert(f"COPY pg_temp.{name} FROM STDIN BINARY", _frame(wires, n_rows))
    return {column: expression.format(name=column) for column, (_, _, expression) in described.items()}


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
