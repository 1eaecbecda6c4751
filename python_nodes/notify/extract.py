"""The template of all catalogues, read from our own sources: what is said in Python, in templates and in advice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from python_nodes.notify import catalogue

SOURCES = catalogue.FOLDER.parent
TEMPLATE = "messages.pot"
KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "say": None, "marked": None, "say_many": (1, 2), "said_many": (1, 2),
}  # fmt: skip
METHODS = [
    ("local/**", "ignore"),
    ("**.py", "python"),
    ("**.j2", "jinja2"),
    ("endpoints/templates/act.html", "jinja2"),
    ("data/actions.toml", "python_nodes.notify.extract:advice"),
    ("data/patterns/**.toml", "python_nodes.notify.extract:advice"),
]
_SAID_IN_TOML = frozenset({"likely", "action"})
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""A date of its own would make each extraction another file."""


def template() -> Catalog:
    """Extract every message from the sources."""
    found = Catalog(project="Nightporter", charset="utf-8", creation_date=_NO_DATE, header_comment="# Nightporter")
    for file, _, message, comments, context in extract_from_dir(SOURCES, METHODS, keywords=KEYWORDS):
        found.add(message, None, [(Path(file).as_posix(), 0)], auto_comments=comments, context=context)
    return found


def advice(
    fileobj: BinaryIO, keywords: Sequence[str], comment_tags: Sequence[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the sentences of a file of advice, as Babel asks its plug-ins to."""
    for text in _sentences(tomllib.loads(fileobj.read().decode())):
        yield 1, "say", text, []


def _sentences(told: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _sentences(value)
        elif name in _SAID_IN_TOML and isinstance(value, str):
            yield value


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as its file holds it: by source, without line numbers, so that only messages change it."""
    out = BytesIO()
    write_po(out, catalog, width=118, sort_by_file=True, include_lineno=False)
    return out.getvalue()


def refresh(folder: Path = catalogue.FOLDER) -> dict[str, int]:
    """Write the template anew, bring each language to it, and return how many messages each still lacks."""
    found, lacking = template(), {}
    (folder / TEMPLATE).write_bytes(written(found))
    for path in sorted(folder.glob(f"*/{catalogue.FILE}")):
        told = catalogue.read(path)
        told.update(found, no_fuzzy_matching=True, update_creation_date=False)
        told.obsolete.clear()
        path.write_bytes(written(told))
        lacking[path.parent.parent.name] = len([one for one in told if one.id and not _is_told(one.string)])
    return lacking


def _is_told(text: str | Sequence[str] | None) -> bool:
    return bool(text) and (isinstance(text, str) or all(text or ()))
