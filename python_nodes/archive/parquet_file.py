"""One Parquet file of old rows: written whole or not at all, told by its checksum, read back as it was."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow
from pyarrow import csv, parquet

from python_nodes.errors import PermanentError, RetryableError

LEVEL = 9
"""Of Zstandard: files are written once, at night, and kept for years."""
_KINDS = {
    "int": pyarrow.int64(), "float": pyarrow.float64(), "text": pyarrow.string(), "date": pyarrow.date32(),
    "moment": pyarrow.timestamp("us", tz="UTC"), "bool": pyarrow.bool_(),
}  # fmt: skip
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a file holds."""

    rows: int
    size_bytes: int
    sha256: bytes


def write(path: Path, table: Path, kinds: Mapping[str, str], about: Mapping[str, str]) -> Written:
    """Turn ``table``, PostgreSQL's CSV with a header, into a Parquet file at ``path``; ``kinds`` types its columns.

    The file is read once more before it gets its name, and durable when this returns.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    os.close(handle)
    part = Path(name)
    try:
        rows = _convert(table, part, kinds, about)
        if parquet.read_metadata(part).num_rows != rows:
            raise RetryableError(f"archive: {path.name} does not hold what was written to it; nothing was removed")
        written = Written(rows=rows, size_bytes=part.stat().st_size, sha256=digest(part))
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return written


def _convert(table: Path, part: Path, kinds: Mapping[str, str], about: Mapping[str, str]) -> int:
    schema = pyarrow.schema([(name, _KINDS[kind]) for name, kind in kinds.items()], metadata=dict(about))
    convert = csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
        true_values=["t"], false_values=["f"],
    )  # fmt: skip
    read, parse = csv.ReadOptions(block_size=_BLOCK_BYTES), csv.ParseOptions(newlines_in_values=True)
    rows = 0
    with (
        csv.open_csv(table, read_options=read, parse_options=parse, convert_options=convert) as blocks,
        parquet.ParquetWriter(part, schema, compression="zstd", compression_level=LEVEL) as writer,
    ):
        for block in blocks:
            writer.write_batch(block)
            rows += block.num_rows
    return rows


def digest(path: Path) -> bytes:
    """Return a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def fault(path: Path, expected: Written) -> str | None:
    """Say what is wrong with a file, None where it is as it was written."""
    if not path.exists():
        return "it is not there"
    size = path.stat().st_size
    if size != expected.size_bytes:
        return f"it has {size} bytes, not the {expected.size_bytes} that were written"
    if digest(path) != expected.sha256:
        return "its checksum is not that of what was written: it was changed or is damaged"
    try:
        rows = parquet.read_metadata(path).num_rows
    except pyarrow.ArrowInvalid:
        return "it is no Parquet file"
    return None if rows == expected.rows else f"it has {rows} rows, not {expected.rows}"


def columns(path: Path) -> list[str]:
    """Name the columns of a file."""
    return list(parquet.read_schema(path).names)


def read(path: Path, table: Path) -> int:
    """Write a file's rows to ``table`` as CSV that PostgreSQL reads, and return how many there are."""
    rows = 0
    try:
        with parquet.ParquetFile(path) as stored, csv.CSVWriter(table, stored.schema_arrow) as writer:
            for block in stored.iter_batches():
                writer.write_batch(block)
                rows += block.num_rows
    except pyarrow.ArrowInvalid as error:
        raise PermanentError(f"archive: {path.name} cannot be read: {error}", status=409) from None
    return rows
