"""Faults of a body that is still well formed: an error page told as a success, rows that come twice and in disorder."""

from __future__ import annotations

import json
import random
import re
from copy import deepcopy
from typing import Any

from flask import Response
from lxml import etree

LIE = (
    "<!DOCTYPE html><html><head><title>Scheduled maintenance</title></head>"
    "<body><h1>We will be back soon</h1><p>Error 503 (told as 200, set by /control/faults)</p></body></html>"
)
_DISORDER_SEED = 7
_EVENT = re.compile(r"BEGIN:VEVENT\r?\n.*?END:VEVENT\r?\n", re.DOTALL)


def lie() -> Response:
    """The page of a proxy in front of a system that is down, with the status of one that is up."""
    return Response(LIE, status=200, mimetype="text/html")


def twice(response: Response) -> Response:
    """Let every row of the answer come twice, and all of them in another order."""
    kind, body = response.mimetype or "", response.get_data(as_text=True)
    try:
        if "json" in kind:
            response.set_data(_json(body))
        elif "xml" in kind:
            response.set_data(_xml(body))
        elif kind == "text/csv":
            response.set_data(_csv(body))
        elif kind == "text/calendar":
            response.set_data(_calendar(body))
    except (ValueError, etree.XMLSyntaxError):
        # Whatever has no rows is left as it is.
        return response
    return response


def _disorder(rows: list[Any]) -> list[Any]:
    found = [*rows, *rows]
    random.Random(_DISORDER_SEED).shuffle(found)
    return found


def _json(body: str) -> str:
    told = json.loads(body)
    longest = max(_lists(told), key=len, default=[])
    longest[:] = _disorder(longest)
    return json.dumps(told)


def _lists(value: Any) -> list[list[Any]]:
    """Every list of objects within, the outer before the inner."""
    if isinstance(value, dict):
        return [found for one in value.values() for found in _lists(one)]
    if isinstance(value, list):
        inner = [found for one in value for found in _lists(one)]
        return [value, *inner] if value and isinstance(value[0], dict) else inner
    return []


def _xml(body: str) -> bytes:
    root = etree.fromstring(body.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    longest = max(root.iter(etree.Element), key=len)
    rows = list(longest)
    # An element has one place in a tree: the second of each is a copy.
    longest[:] = [deepcopy(row) for row in _disorder(rows)]
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _csv(body: str) -> str:
    head, *rows = body.splitlines(keepends=True)
    return "".join([head, *_disorder([row if row.endswith("\n") else f"{row}\n" for row in rows])])


def _calendar(body: str) -> str:
    events = _EVENT.findall(body)
    if not events:
        return body
    start, end = body.index(events[0]), body.rindex(events[-1]) + len(events[-1])
    return body[:start] + "".join(_disorder(events)) + body[end:]
