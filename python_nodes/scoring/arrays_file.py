"""Arrays on disk that are read without being read in: one file, mapped, replaced as a whole or not at all.

Layout: eight bytes of magic, eight of the header's length, the header (JSON: what the writer told, and each array's
type, shape and place), then the arrays, each on a page of its own. A reader that has the old file open keeps it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt

MAGIC = b"NPARRAY1"
PAGE = 4096
Array = NDArray[Any]
Layout = Mapping[str, tuple[str, tuple[int, ...]]]


class _Header(BaseModel):
    """What stands before the arrays: what is told to a reader, and each array's kind, shape and place."""

    told: dict[str, Any]
    arrays: dict[str, tuple[str, tuple[NonNegativeInt, ...], NonNegativeInt]]


def _header(told: Mapping[str, Any], layout: Layout) -> tuple[bytes, dict[str, int]]:
    """Return the first pages and where each array begins; the places are behind a header of any length they bring."""
    places: dict[str, int] = {}
    start = 0
    for name, (kind, shape) in layout.items():
        places[name] = start
        start += -(-np.dtype(kind).itemsize * int(np.prod(shape, dtype=np.int64)) // PAGE) * PAGE
    arrays = {name: [kind, list(shape), places[name]] for name, (kind, shape) in layout.items()}
    text = json.dumps({"told": dict(told), "arrays": arrays, "size": start}).encode()
    head = MAGIC + len(text).to_bytes(8, "little") + text
    head += b"\0" * (-len(head) % PAGE)
    return head, {name: place + len(head) for name, place in places.items()}


@contextmanager
def replacing(path: Path, told: Mapping[str, Any], layout: Layout) -> Iterator[dict[str, Array]]:
    """Give arrays to fill; when they are, they take the file's place, and before that nobody sees them.

    Parameters
    ----------
    path : Path
    told : mapping
        What a reader should know; JSON.
    layout : mapping of str to (dtype, shape)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    head, places = _header(told, layout)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(head)
            sizes = [
                places[one] + np.dtype(kind).itemsize * int(np.prod(shape)) for one, (kind, shape) in layout.items()
            ]
            file.flush()
            # Room that is only promised would end the process, by a signal, once the disk is full.
            os.posix_fallocate(file.fileno(), 0, max([len(head), *sizes]))
        arrays = {one: _mapped(Path(name), "r+", kind, shape, places[one]) for one, (kind, shape) in layout.items()}
        yield arrays
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """Return what was told and the arrays, mapped; None where there is no file, or no whole one of this version."""
    try:
        with path.open("rb") as file:
            if file.read(8) != MAGIC:
                return None
            length = int.from_bytes(file.read(8), "little")
            if length > os.fstat(file.fileno()).st_size:
                return None
            header = _Header.model_validate_json(file.read(length))
        first = -(-(16 + length) // PAGE) * PAGE
        arrays = {
            name: _mapped(path, "r", kind, shape, first + place) for name, (kind, shape, place) in header.arrays.items()
        }
    except (FileNotFoundError, ValueError, TypeError, OverflowError):
        # NumPy's words for a kind that there is not, and for a place or a length that no file has.
        return None
    return header.told, arrays


def write(path: Path, told: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Replace the file by these arrays."""
    with replacing(path, told, {name: (array.dtype.str, array.shape) for name, array in arrays.items()}) as places:
        for name, array in arrays.items():
            places[name][...] = array


def _mapped(path: Path, mode: Any, kind: str, shape: tuple[int, ...], place: int) -> Array:
    # Nothing cannot be mapped.
    if not int(np.prod(shape, dtype=np.int64)):
        return np.empty(shape, dtype=kind)
    return np.memmap(path, dtype=kind, mode=mode, shape=shape, offset=place)
