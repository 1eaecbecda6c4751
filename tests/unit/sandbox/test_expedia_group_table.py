"""A page told from columns is, byte for byte, what the library tells of the same objects one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from graphql import execute_sync, parse

from sandbox.simulated import World
from sandbox.vendors import expedia_group_graphql as graphql
from sandbox.vendors.expedia_group_ledger import Ledger
from sandbox.vendors.expedia_group_property import Properties
from sandbox.vendors.expedia_group_sales import connection
from sandbox.vendors.expedia_group_table import Column, Table, Told, dumps, told

ALL = """query Q($id: String!, $source: IdSource!, $after: String) { property(id: $id, idSource: $source) {
  reservations(pageSize: 40, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { cursor again: cursor node {
      id status distributionChannel source businessModel creationDateTime lastUpdatedDateTime checkInDate checkOutDate
      unitIds { id idSource } rateIds { id idSource } reservationIds { id idSource __typename }
      primaryGuest { firstName lastName loyaltyTier }
      supplierAmount { __typename currencyCode rateType
        ... on ExpediaSupplierAmount { total { amountBeforeTax amountAfterTax compensation { basePercent } } } }
      vrboAmounts { currentAmounts { supplierFees { rent { preTaxAmount { amount currencyCode } } fees {
        preTaxAmount { amount } } } } }
    } } } } }"""
NOT_SIMULATED = """query Q($id: String!, $source: IdSource!) { property(id: $id, idSource: $source) {
  reservations(pageSize: 3) { edges { node { id remittanceType checkInDate } } } } }"""


def _by_the_library(world: World, query: str, variables: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The same objects, given to the library as plain dicts."""
    ledger = Ledger(world)

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        if info.field_name == "property":
            return {"channel": {"EXPEDIA": "expedia", "VRBO": "vrbo"}[arguments["idSource"]], **arguments}
        if info.field_name == "reservations":
            page = connection(ledger, source["channel"], source["id"], now, arguments)
            return {**page, "edges": page["edges"].rows()}
        if info.field_name not in source:
            return graphql._resolve(source, info, **arguments)
        return source[info.field_name]

    done = execute_sync(
        graphql.schema(), parse(query), root_value={}, variable_values=variables, field_resolver=resolve
    )
    return dict(done.formatted)


@pytest.mark.parametrize("channel", ["expedia", "vrbo"])
@pytest.mark.parametrize("query", [ALL, NOT_SIMULATED])
def test_a_page_is_told_as_the_library_tells_it(main_job: World, channel: str, query: str) -> None:
    now = datetime.combine(main_job.t0 + timedelta(days=9), time(12), tzinfo=UTC)
    properties, seen = Properties(main_job, lambda: now), 0
    for place in main_job.property_ids(channel)[:6]:
        variables = {"id": place, "source": channel.upper(), "after": None}
        text = dumps(graphql.read_request({"query": query, "variables": variables}).run(properties.root()))
        expected = _by_the_library(main_job, query, variables, now)
        assert text == json.dumps(expected, separators=(",", ":"))
        seen += len((expected["data"]["property"]["reservations"] or {"edges": None})["edges"] or ())
    assert query is NOT_SIMULATED or seen > 20


def test_a_template_keeps_what_looks_like_one() -> None:
    shape = {
        "100 %s": "%d",
        "text": Column(lambda: ['say "%s"', "京"]),
        "none": None,
        "list": [Column(lambda: [1.5, 2.0])],
    }
    assert told(shape, 2).text == json.dumps(Table(shape, 2).rows(), separators=(",", ":"))
    assert told({"same": "%"}, 3).text == '[{"same":"%"},{"same":"%"},{"same":"%"}]'
    assert told({"empty": Column(list)}, 0).text == "[]"


def test_parts_written_before_are_put_where_they_belong() -> None:
    body = {"a": Told("[1]"), "b": {"c": Told('{"d":"e"}'), "f": "[1]"}}
    assert dumps(body) == '{"a":[1],"b":{"c":{"d":"e"},"f":"[1]"}}'
    with pytest.raises(TypeError, match="set"):
        dumps({"a": set()})
