"""Several properties in one GraphQL call: the queries are valid, and answers come apart as if asked for alone."""

from __future__ import annotations

import json

import pytest
from graphql import build_schema, parse, validate

from python_nodes.vendors.expedia_group import batches, mapping
from sandbox.vendors.expedia_group_graphql import SCHEMA
from tests.unit.vendors.test_expedia_group import TOLD

OWN = {"UnitContent": ("propertyId", "unitId")}
STANDING = {"active": True, "statusCheckpoint": {"lastEvaluated": "2026-03-01T00:00:00Z", "checkpoints": []}}


@pytest.mark.parametrize("name", ["Health", "AggregatedReviews", "Units", "UnitContent", "Reservations"])
def test_a_query_for_many_is_valid_on_the_public_schema(name: str) -> None:
    schema = build_schema(SCHEMA.read_text(encoding="utf-8"))
    document = parse(batches.document(name, 25, OWN.get(name, ("propertyId",))))
    assert validate(schema, document) == []


def test_variables_are_numbered_where_they_differ() -> None:
    told = batches.variables([{"propertyId": "a"}, {"propertyId": "b"}], {"idSource": "VRBO"})
    assert told == {"idSource": "VRBO", "propertyId_0": "a", "propertyId_1": "b"}


def test_what_one_property_refuses_does_not_cost_the_other() -> None:
    unit = {"id": "u1", "status": {"state": "ACTIVE"}, "activeStatus": None}
    content = json.dumps({
        "data": {"property_0": None, "property_1": {"activeStatus": STANDING, "units": [unit]}},
        "errors": [{"message": "?", "path": ["property_0"], "extensions": {"code": "NOT_FOUND"}}],
    }).encode()  # fmt: skip
    good, bad = mapping.map_health(content, **TOLD)
    assert [one.listing_external_id for one in good] == ["u1"]
    assert [one.reason for one in bad] == ["data.property: is null, error NOT_FOUND"]
    again, none = mapping.map_health(bad[0].raw, **TOLD)
    assert again == []
    assert len(none) == 1


def test_a_unit_and_its_plans_stay_together() -> None:
    content = json.dumps({"data": {
        f"{field}_{number}": value
        for number, name in enumerate("ab")
        for field, value in (("unit", {"id": name, "amenities": []}),
                             ("ratePlansByUnitId", [{"id": f"plan-{name}", "status": "ACTIVE"}]))
    }}).encode()  # fmt: skip
    good, bad = mapping.map_content(content, **TOLD)
    assert not bad
    assert [(one.listing_external_id, one.rate_plans) for one in good] == [
        ("a", frozenset({"plan-a"})),
        ("b", frozenset({"plan-b"})),
    ]


def test_an_answer_about_one_is_left_as_it_is() -> None:
    content = b'{"data": {"property": {"units": []}}}'
    assert batches.parts(content) == [content]
