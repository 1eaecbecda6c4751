"""Tenant A, with a key of every scope, tries every route with every id of tenant B, and learns nothing.

What A is told of an id of B's is what A is told of one that nobody has: the same status, kind and body. Routes come
from the API's description and tables from the schema: a new one is tried by itself, or fails here for want of an
example.
How long an answer takes is not compared.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter

import pytest
from sqlalchemy import Integer, func, select, text

from python_nodes import auth
from python_nodes.app import create_app
from tests.integration.tenants.asked import EXAMPLES, Place, places, told
from tests.integration.tenants.conftest import FIRST_OF_B, House, tables

NOBODYS_NUMBER = 4_503_599_627_370_496
NOBODYS_WORD = "0f0f0f0f-nobody-has-this"
SILENT = {
    "GET /console/find query:market": "nothing is sought for",
    "GET /console/listing/{id}/{card} path:id": "the calendar of a listing without nights is as empty as nobody's",
    "POST /v1/proposal-messages/{id}/send path:id": "no proposal was told of",
    "GET /v1/archive/months query:listing_id": "neither tenant has old data",
    "GET /v1/profiles query:key": "profiles are learnt from a year's figures, which neither tenant has",
    "POST /v1/guests/erase body:reservation": "is accepted for any reservation, and its job tells what it found",
    "POST /v1/guests/export body:reservation": "neither tenant has a guest",
    "POST /v1/webhooks/{connection_id} path:connection_id": "who proves nothing is answered alike",
    "POST /v1/connections/{id}/token path:id": "who proves nothing is answered alike",
    "POST /v1/webhooks/{id}/replay body:letter_ids": "no letter of the subscriber's that the path names is dead",
}
"""Places that answer alike for what is the caller's own, and why."""


def every(house: House) -> list[Place]:
    return list(places(house.doc))


def theirs(house: House, place: Place) -> list[int | str]:
    """All of B's numbers for a place of numbers, else all of B's words."""
    if place.is_number:
        return [number for ids in house.b.numbers.values() for number in ids]
    return list(house.b.words)


def digest(house: House, tenant_id: int) -> dict[str, str]:
    """What each table holds of a tenant, as a checksum."""
    query = "SELECT coalesce(string_agg(t::text, '|' ORDER BY t::text), '') FROM {} t WHERE tenant_id = :tenant"
    with house.root.connect() as conn:
        rows = {
            one.name: conn.execute(text(query.format(one.name)), {"tenant": tenant_id}).scalar_one() for one in tables()
        }
    return {name: hashlib.sha256(row.encode()).hexdigest() for name, row in rows.items()}


def leaks(house: House, answer: str) -> list[str]:
    """B's mark or one of B's numbers in an answer to A."""
    found = re.findall(house.b.mark, answer, re.IGNORECASE)
    return found + [number for number in re.findall(r"\b7\d{6}\b", answer) if int(number) >= FIRST_OF_B]


def differing(found: str, expected: str) -> list[str]:
    """The lines that one of two answers has alone."""
    return [one for one in difflib.ndiff(expected.splitlines(), found.splitlines()) if one[0] in "+-"]


def test_every_id_of_another_tenant_is_answered_as_one_that_nobody_has(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    before, wrong, tried = digest(house, house.b.tenant_id), list[tuple[object, ...]](), Counter[str]()
    for place in every(house):
        nobody = NOBODYS_NUMBER if place.is_number else NOBODYS_WORD
        expected = told(place.ask(house.client, house.a.key, nobody), nobody)
        for value in theirs(house, place):
            found = told(place.ask(house.client, house.a.key, value), value)
            tried[place.rule] += 1
            if found != expected:
                wrong.append((str(place), value, found[:2], *differing(found[2], expected[2])))
            elif lost := leaks(house, found[2]):
                wrong.append((str(place), value, found[:2], *lost))
    with capsys.disabled():
        many = f"{len(tried)} routes, {len(every(house))} places, {tried.total()} ids of another tenant"
        print(f"\n{many}: {len(wrong)} leaks")
    assert not wrong, "\n".join(map(str, wrong))
    assert digest(house, house.b.tenant_id) == before, "what B has was changed by A"
    assert len(tried) >= 30


def test_where_callers_sign_nothing_is_told_of_the_tenant_whose_house_it_is(house: House) -> None:
    """What is signed is about the tenant that the worker is set to, whoever sends it: here that is B."""
    settings = house.settings.model_copy(update={"tenant_id": house.b.tenant_id})
    client = create_app(settings).test_client()
    paths = house.doc["paths"]
    signed = [
        place for place in every(house)
        if any(auth.SIGNED & need.keys() for need in paths[place.rule][place.verb].get("security", []))
    ]  # fmt: skip
    assert {place.rule for place in signed} >= {"/v1/webhooks/{connection_id}", "/v1/connections/{id}/token"}
    for place in signed:
        expected = told(place.ask(client, house.a.key, NOBODYS_NUMBER), NOBODYS_NUMBER)
        for number in house.b.numbers["connections"]:
            assert told(place.ask(client, house.a.key, number), number) == expected, str(place)


def test_every_place_finds_what_is_the_callers_own(house: House) -> None:
    """Else the test above proves nothing: each example is good enough to come as far as the id."""
    dead = []
    numbers = sorted({number for ids in house.a.numbers.values() for number in ids})
    # Not the key that asks: it would be revoked.
    keys = sorted(house.a.numbers["api_keys"])[1:]
    for place in every(house):
        nobody = NOBODYS_NUMBER if place.is_number else NOBODYS_WORD
        expected = told(place.ask(house.client, house.a.key, nobody), nobody)
        own: list[int] | list[str] = numbers if place.is_number else house.a.words
        own = keys if place.rule.startswith("/v1/keys/") else own
        alike = all(told(place.ask(house.client, house.a.key, one), one) == expected for one in own)
        if alike and str(place) not in SILENT:
            dead.append((str(place), expected[0], expected[2][:150]))
    assert not dead, "\n".join(map(str, dead))


def test_numbers_tell_whose_they_are(house: House) -> None:
    """After all that A wrote above: what has a number of B's stretch is B's, so an answer that tells one is a leak."""
    with house.root.connect() as conn:
        for table in (one for one in tables() if "id" in one.c and isinstance(one.c.id.type, Integer)):
            rows = select(table.c.tenant_id, func.min(table.c.id), func.max(table.c.id)).group_by(table.c.tenant_id)
            ends = {tenant: (first, last) for tenant, first, last in conn.execute(rows).all()}
            assert ends[house.a.tenant_id][1] < FIRST_OF_B <= ends[house.b.tenant_id][0], (table.name, ends)


def test_no_list_holds_anything_of_another_tenant(house: House) -> None:
    held = Counter[str]()
    for rule, item in house.doc["paths"].items():
        if "get" not in item or "{" in rule or rule in ("/docs", "/docs/scalar.js", "/openapi.json", "/login"):
            continue
        query = dict(EXAMPLES[("get", rule)].query) if ("get", rule) in EXAMPLES else {}
        answer = house.client.get(rule, query_string=query, headers={"Authorization": f"Bearer {house.a.key}"})
        body = answer.get_data(as_text=True)
        # Gauges are numbers of any size.
        lost = [one for one in leaks(house, body) if rule != "/metrics" or not one.isdecimal()]
        assert lost == [], (rule, body[:300])
        held[rule] += len(re.findall(house.a.mark, body))
    # It is no use that lists are empty.
    assert sum(held.values()) > 20, held
    assert len([rule for rule, count in held.items() if count]) >= 8, held
