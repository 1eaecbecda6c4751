"""How the console's pages are answered: whole or in parts, under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response, make_response, render_template, request
from flask.sansio.app import App

from python_nodes.console import said, words
from python_nodes.console.picked import RANGES, Picked
from python_nodes.console.read import Shelf
from python_nodes.errors import NotFoundError

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
STATIC = FOLDER / "static"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FIRST_ERROR = 400
HTMX = json.dumps(
    {
        "includeIndicatorStyles": False, "allowEval": False, "allowScriptTags": False, "selfRequestsOnly": True,
        # Pages show figures of a business: none of them is to lie in the browser's storage.
        "historyCacheSize": 0, "refreshOnHistoryMiss": True, "timeout": 30_000,
        "responseHandling": [{"code": "204", "swap": False}, {"code": ".*", "swap": True}],
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that pages load, as it is and compressed."""

    content: bytes
    packed: bytes
    kind: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """Read every script and style sheet once, by its path."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.relative_to(STATIC).as_posix()] = Asset(
                content=content, packed=gzip.compress(content, mtime=0), kind=TYPES[path.suffix],
                digest=hashlib.sha256(content).hexdigest()[:12],
            )  # fmt: skip
    return found


def asset_url(name: str) -> str:
    """Return a file's address, which changes with its content."""
    return f"/console/static/{assets()[name].digest}/{name}"


def asset(name: str) -> Response:
    """Answer with a file; its address is its content's, so it may be kept for good."""
    found = assets().get(name)
    if found is None:
        raise NotFoundError("There is no such file.")
    is_packed = request.accept_encodings.quality("gzip") > 0
    answer = Response(found.packed if is_packed else found.content, content_type=found.kind)
    if is_packed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


def is_part() -> bool:
    """Return whether a page that is already there asks for a part of itself."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def part(template: str, **values: Any) -> Response:
    """Answer with a part of a page."""
    return _guarded(make_response(render_template(f"console/{template}", asset=asset_url, **values)))


def page(template: str, *, title: str, here: str, picked: Picked | None = None, shelf: Shelf | None = None,
         **values: Any) -> Response:  # fmt: skip
    """Answer with a page, or with its content alone where the frame is already there."""
    told = {"title": title, "here": here, "picked": picked, "shelf": shelf, "ranges": RANGES, "htmx": HTMX, **values}
    return part("content_only.html" if is_part() else "frame.html", content=f"console/{template}", **told)


def worded(answer: Response) -> Response:
    """Put an error's answer into words where a person asked for a page of the console."""
    if answer.status_code < FIRST_ERROR or not _is_for_people() or not answer.is_json:
        return answer
    told = answer.get_json(silent=True) or {}
    values = {"status": answer.status_code, "detail": told.get("detail", ""), "error_id": told.get("error_id", "")}
    if is_part() and request.headers.get("HX-Target") != "content":
        shown = part("problem_card.html", **values)
    else:
        shown = page("problem.html", title="Nothing to show", here="", **values)
    shown.status_code = answer.status_code
    return shown


def _is_for_people() -> bool:
    accepts = request.accept_mimetypes
    return request.path.startswith("/console") and (is_part() or accepts["text/html"] > accepts["application/json"])


def _guarded(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Vary"] = "HX-Request"
    return answer


def install(app: App) -> None:
    """Teach the templates how the pages write things."""
    app.jinja_env.filters |= {
        "amount": words.amount, "money": words.money, "named": words.named, "operation": words.operation,
        "on": words.on, "moment": words.moment, "age": words.age, "change": said.change, "figure": said.figure,
    }  # fmt: skip
