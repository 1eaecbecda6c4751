from __future__ import annotations

import json
from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.local import flows

REAL = "http://127.0.0.1:40001"
SCHEDULE = {"type": flows.SCHEDULE_TRIGGER, "name": "Every hour", "parameters": {}}
REQUEST = {"type": "n8n-nodes-base.httpRequest", "name": "Ask", "parameters": {"url": f"={flows.WORKER_ADDRESS}/v1/x"}}


def flow(name: str = "a", **changes: object) -> flows.Flow:
    return {
        "id": name, "name": "A", "nodes": [SCHEDULE, REQUEST], "connections": {}, "settings": {},
        "tags": [{"id": "t", "name": "t"}],
    } | changes  # fmt: skip


def calls(name: str) -> dict[str, object]:
    return {"type": "n8n-nodes-base.executeWorkflow", "name": name, "parameters": {"workflowId": {"value": name}}}


def test_what_goes_into_n8n_comes_out_as_it_was() -> None:
    placed = flows.with_address(flow(), REAL, rest_schedules=True)
    assert placed["nodes"][0]["disabled"] is True
    assert placed["nodes"][1]["parameters"]["url"] == f"={REAL}/v1/x"
    held = placed | {"versionId": "v", "updatedAt": "now", "staticData": {"a": 1}, "pinData": {}, "active": True}
    assert flows.canonical(held, worker_url=REAL) == flows.canonical(flow())


def test_the_ids_that_an_n8n_draws_stay_out_of_the_files() -> None:
    def asking(credential_id: str) -> dict[str, object]:
        return REQUEST | {"credentials": {"httpHeaderAuth": {"id": credential_id, "name": flows.WORKER_CREDENTIAL}}}

    held = flow(nodes=[asking("drawn-by-n8n")], tags=[{"id": "drawn-too", "name": "nightporter"}])
    file = flow(nodes=[asking("nightporter-worker")], tags=[{"id": "nightporter", "name": "nightporter"}])
    assert flows.canonical(held) == file


def test_schedules_stay_on_where_they_are_not_to_rest() -> None:
    assert "disabled" not in flows.with_address(flow(), REAL, rest_schedules=False)["nodes"][0]


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    turned = dict(reversed(list(flow().items())))
    assert flows.digest(turned) == flows.digest(flow())
    assert flows.digest(flow(name="b")) != flows.digest(flow())


def test_callers_are_published_after_what_they_call() -> None:
    chain = {
        "a": flow("a", nodes=[calls("b")], settings={"errorWorkflow": "c"}),
        "b": flow("b", settings={"errorWorkflow": "c"}),
        "c": flow("c"),
    }
    assert flows.in_order(chain) == ["c", "b", "a"]


def test_a_circle_is_refused() -> None:
    circle = {"a": flow("a", nodes=[calls("b")]), "b": flow("b", nodes=[calls("a")])}
    with pytest.raises(ConfigError, match="circle"):
        flows.in_order(circle)


def test_a_file_must_carry_its_stem_as_id(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(flow("a")))
    with pytest.raises(ConfigError, match="other"):
        flows.load_folder(tmp_path)
