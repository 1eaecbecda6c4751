"""Many objects of one shape, held as columns: what a query selects of them is written as text in one go."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

from sandbox.lazy import Lazy

PLAIN = (str, int, float, bool)


class Column:
    """A field that differs from object to object; its values are worked out when a query asks for it."""

    def __init__(self, make: Callable[[], list[Any]]) -> None:
        self._make = make

    @Lazy
    def values(self) -> list[Any]:
        """One a row, strings, numbers and booleans only."""
        return self._make()

    @Lazy
    def texts(self) -> list[str]:
        """The same as JSON."""
        types = set(map(type, self.values))
        if types == {str}:
            return list(map(encode_basestring_ascii, self.values))
        if types == {float} and all(map(isfinite, self.values)):
            return list(map(float.__repr__, self.values))
        return list(map(_encode, self.values))


@dataclass(frozen=True, slots=True)
class Table:
    """``size`` objects; ``shape`` is one of them, a Column where they differ."""

    shape: dict[str, Any]
    size: int

    def rows(self) -> list[Any]:
        """Every object by itself."""
        return _rows(self.shape, self.size)


@dataclass(frozen=True, slots=True)
class Told:
    """A part of an answer that is JSON already."""

    text: str


def told(shape: Any, size: int) -> Told:
    """Write a list of ``size`` objects of one completed shape."""
    columns: list[list[str]] = []
    template = _template(shape, columns)
    if not columns:
        return Told(f"[{','.join([template % ()] * size)}]")
    return Told(f"[{','.join(map(template.__mod__, zip(*columns, strict=True)))}]")


def _template(shape: Any, columns: list[list[str]]) -> str:
    if isinstance(shape, Column):
        columns.append(shape.texts)
        return "%s"
    if isinstance(shape, dict):
        return f"{{{','.join(f'{_fixed(name)}:{_template(part, columns)}' for name, part in shape.items())}}}"
    if isinstance(shape, list):
        return f"[{','.join(_template(part, columns) for part in shape)}]"
    return _fixed(shape)


def _fixed(value: Any) -> str:
    return _encode(value).replace("%", "%%")


def _rows(shape: Any, size: int) -> list[Any]:
    if isinstance(shape, Column):
        return shape.values
    if isinstance(shape, dict):
        columns = [_rows(part, size) for part in shape.values()]
        return [dict(zip(shape, row, strict=True)) for row in zip(*columns, strict=True)] if shape else [{}] * size
    if isinstance(shape, list):
        return [list(row) for row in zip(*(_rows(part, size) for part in shape), strict=True)] or [[]] * size
    return [shape] * size


def _encode(value: Any) -> str:
    return encode_basestring_ascii(value) if type(value) is str else json.dumps(value)


def dumps(body: Any) -> str:
    """Write an answer whose parts may have been written before; fields stay in their order."""
    # Nobody who asks can know the mark, so no text of theirs is taken for it.
    mark, texts = secrets.token_hex(16), [""]

    def keep(part: Any) -> str:
        if type(part) is not Told:
            raise TypeError(f"{type(part).__name__} cannot be told as JSON")
        texts.append(part.text)
        return mark

    pieces = json.dumps(body, default=keep, separators=(",", ":")).split(f'"{mark}"')
    return "".join(f"{text}{piece}" for text, piece in zip(texts, pieces, strict=True))
