"""Every place of every route where an id can stand, read from the API's own description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from python_nodes.console.words import named

NAMED_BY_WORDS = frozenset({"source", "market", "key", "reservation", "q"})
"""Text by which a route finds things, beside ids: where one tenant could write another's."""
AS_OF = "2026-03-02T12:00:00Z"
SPAN = {"start": "2026-02-01", "end": "2026-02-28"}
REPORT = "date,property_id,room_id,search_views,page_views,bookings,revenue,currency,report_created_at\n"


@dataclass(frozen=True, kw_only=True)
class Example:
    """What a call needs beside the id; found by verb and path."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: str | Mapping[str, str] | None = None


EXAMPLES: dict[tuple[str, str], Example] = {
    ("get", "/v1/archive/months"): Example(query={"entity": "bookings", **SPAN}),
    ("get", "/console/portfolio/{card}"): Example(path={"card": "worst"}),
    ("get", "/console/listing/{id}/{card}"): Example(path={"card": "calendar"}),
    ("get", "/console/static/{digest}/{name}"): Example(path={"digest": "x", "name": "y"}),
    ("post", "/v1/alerts/{id}/actions"): Example(body={"kind": "note", "actor": "ada", "note": "seen"}),
    ("post", "/v1/backfill"): Example(body=SPAN),
    ("post", "/v1/mutes"): Example(body={"end_at": "2026-03-09T12:00:00Z", "reason": "works", "actor": "ada"}),
    ("post", "/v1/normalize/{vendor}/{operation}"): Example(
        path={"vendor": "booking_com", "operation": "performance"}, query={"as_of": AS_OF}, content=REPORT
    ),
    ("post", "/v1/poll/{operation}"): Example(path={"operation": "health"}),
    ("post", "/v1/proposals/{id}/{answer}"): Example(path={"answer": "reject"}, body={"actor": "ada"}),
    ("post", "/v1/webhooks/{id}/{change}"): Example(path={"change": "enable"}),
    ("post", "/v1/connections/{id}/token"): Example(content={"grant_type": "client_credentials", "client_id": "c"}),
    ("post", "/v1/keys"): Example(body={"name": "limited", "role": "viewer"}),
    ("post", "/v1/imports"): Example(query={"file": "f.csv", "as_of": AS_OF, **SPAN}, content="a,b\n1,2\n"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place of one route: in its path, its query or its body."""

    verb: str
    rule: str
    where: str
    name: str
    is_number: bool
    is_list: bool = False
    takes_moment: bool = False

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.rule} {self.where}:{self.name}"

    def ask(self, client: FlaskClient, key: str, value: str | int) -> TestResponse:
        """Call the route with the value at this place."""
        example = EXAMPLES.get((self.verb, self.rule), Example())
        path, query, body = dict(example.path), dict(example.query), dict(example.body or {})
        if self.where == "path":
            path[self.name] = str(value)
        elif self.where == "query":
            query[self.name] = str(value)
        else:
            body[self.name] = [value] if self.is_list else value
        for name in re.findall(r"\{(\w+)\}", self.rule):
            path.setdefault(name, "1")
        address = re.sub(r"\{(\w+)\}", lambda found: str(path[found[1]]), self.rule)
        told: dict[str, Any] = {"query_string": query, "headers": {"Authorization": f"Bearer {key}"}}
        if self.verb == "post":
            as_of = {"as_of": AS_OF} if self.takes_moment else {}
            told |= {"json": {**as_of, **body}} if example.content is None else {"data": example.content}
        return client.open(address, method=self.verb.upper(), **told)


def places(doc: Mapping[str, Any]) -> Iterator[Place]:
    """Read them all from the OpenAPI document."""
    for rule, item in doc["paths"].items():
        for verb, operation in item.items():
            bodies = [
                _resolved(doc, content["schema"]).get("properties", {})
                for content in operation.get("requestBody", {}).get("content", {}).values()
            ]
            takes_moment = any("as_of" in one for one in bodies)
            base = Place(verb=verb, rule=rule, where="", name="", is_number=True, takes_moment=takes_moment)
            for one in operation.get("parameters", []):
                where = str(one["in"])
                if where in ("path", "query"):
                    yield from _place(doc, replace(base, where=where), one["name"], one["schema"])
            for body in bodies:
                for name, schema in body.items():
                    yield from _place(doc, replace(base, where="body"), name, schema)


def _place(doc: Mapping[str, Any], base: Place, name: str, schema: Mapping[str, Any]) -> Iterator[Place]:
    kinds = [_resolved(doc, one) for one in (schema, *schema.get("anyOf", []))]
    lists = [one for one in kinds if one.get("type") == "array"]
    kinds += [_resolved(doc, one["items"]) for one in lists if "items" in one]
    types = {one.get("type") for one in kinds}
    is_id = name == "id" or name.endswith(("_id", "_ids"))
    if is_id and name not in ("execution_id", "client_id"):
        yield replace(base, name=name, is_number="integer" in types, is_list=bool(lists))
    elif name in NAMED_BY_WORDS and "string" in types and not base.rule.startswith("/console/listing"):
        yield replace(base, name=name, is_number=False)
    elif name == "properties" and lists and "string" in types:
        yield replace(base, name=name, is_number=False, is_list=True)


def _resolved(doc: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def told(answer: TestResponse, value: str | int) -> tuple[int, str, str]:
    """Status, kind and body of an answer, without the id that was asked for and what differs each time."""
    text = answer.get_data(as_text=True)
    if answer.is_json and answer.status_code >= 400:
        text = json.dumps(answer.get_json() | {"error_id": ""}, sort_keys=True)
    # What was asked comes back as it was written, within an address, and as the console writes a name for people.
    for form in {str(value), quote_plus(str(value)), named(str(value))}:
        text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "<asked>", text)
    # Moments and the numbers of jobs are new at each call.
    text = re.sub(r"\b[0-9a-f]{32}\b", "<job>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)?", "<moment>", text)
    return answer.status_code, answer.content_type, text
