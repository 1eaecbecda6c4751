"""Flows between the repository and n8n: the address put in and taken out, edits by ops never overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_nodes.errors import ConfigError, PermanentError
from python_nodes.local.n8n_rest import Rest

Flow = dict[str, Any]

WORKER_ADDRESS = "http://worker:8080"
WORKER_CREDENTIAL = "Nightporter worker"
WEBHOOK_CREDENTIAL = "Nightporter webhook token"
CREDENTIAL_IDS = {WORKER_CREDENTIAL: "nightporter-worker", WEBHOOK_CREDENTIAL: "nightporter-webhook"}
"""What flow files call our credentials; each n8n draws ids of its own."""
SCHEDULE_TRIGGER = "n8n-nodes-base.scheduleTrigger"
KEPT_FIELDS = ("id", "name", "description", "nodes", "connections", "settings", "tags")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did with each flow; of what it wrote, the version that n8n made of it."""

    written: Mapping[str, str]
    unchanged: tuple[str, ...]
    edited: tuple[str, ...]


def canonical(flow: Mapping[str, Any], *, worker_url: str | None = None) -> Flow:
    """The part of a flow that a person wrote: no version ids, time stamps, static or pinned data, real address."""
    kept = {name: flow[name] for name in KEPT_FIELDS if flow.get(name) not in (None, "")}
    kept["tags"] = [{"id": name, "name": name} for name in sorted(tag["name"] for tag in flow.get("tags") or [])]
    text = json.dumps(kept)
    if worker_url is not None:
        text = text.replace(worker_url, WORKER_ADDRESS)
    clean: Flow = json.loads(text)
    for node in clean["nodes"]:
        if node["type"] == SCHEDULE_TRIGGER:
            # Whether schedules rest is a choice of the place a flow runs in, not of the flow.
            node.pop("disabled", None)
        _name_credentials(node, CREDENTIAL_IDS)
    return clean


def _name_credentials(node: Flow, ids: Mapping[str, str]) -> None:
    for used in (node.get("credentials") or {}).values():
        used["id"] = ids.get(used["name"], used.get("id"))


def dump(flow: Flow) -> str:
    """The text of a flow's file."""
    return json.dumps(flow, indent=2, ensure_ascii=False) + "\n"


def digest(flow: Flow) -> str:
    """A hash that is the same however the keys are ordered."""
    return hashlib.sha256(json.dumps(flow, sort_keys=True).encode()).hexdigest()


def load_folder(folder: Path) -> dict[str, Flow]:
    """Every flow of a folder by its id, which is the file's stem."""
    flows = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    for stem, flow in flows.items():
        if flow.get("id") != stem:
            raise ConfigError(f"{folder / stem}.json: its id is {flow.get('id')!r} and should be {stem!r}")
    return flows


def dependencies(flow: Flow) -> set[str]:
    """The flows that must be published before this one: its error flow and its sub-workflows."""
    needed = {flow["settings"]["errorWorkflow"]} if flow["settings"].get("errorWorkflow") else set()
    for node in flow["nodes"]:
        if node["type"] == "n8n-nodes-base.executeWorkflow":
            needed.add(node["parameters"]["workflowId"]["value"])
    return needed


def in_order(flows: Mapping[str, Flow]) -> list[str]:
    """The ids with every flow after those it depends on."""
    ordered: list[str] = []
    waiting = dict(flows)
    while waiting:
        ready = [name for name, flow in waiting.items() if not dependencies(flow) & set(waiting) - {name}]
        if not ready:
            raise ConfigError(f"flows depend on each other in a circle: {', '.join(waiting)}")
        for name in ready:
            ordered.append(name)
            del waiting[name]
    return ordered


def with_address(flow: Flow, worker_url: str, *, rest_schedules: bool) -> Flow:
    """The flow as it runs here."""
    placed: Flow = json.loads(json.dumps(flow).replace(WORKER_ADDRESS, worker_url))
    for node in placed["nodes"]:
        if node["type"] == SCHEDULE_TRIGGER and rest_schedules:
            node["disabled"] = True
    return placed


def exported(rest: Rest) -> dict[str, Flow]:
    """Every flow that n8n holds, as it holds it."""
    found = {flow["id"]: rest.workflow(flow["id"]) for flow in rest.workflows()}
    return {name: flow for name, flow in found.items() if flow is not None and not flow.get("isArchived")}


def write_credentials(rest: Rest, *, api_key: str, webhook_secret: str) -> None:
    """Give n8n the worker's key and the webhook's secret."""
    rest.save_header_credential(WORKER_CREDENTIAL, {"name": "Authorization", "value": f"Bearer {api_key}"})
    rest.save_token_credential(WEBHOOK_CREDENTIAL, webhook_secret)


def import_flows(
    rest: Rest, folder: Path, state_file: Path, *, worker_url: str, rest_schedules: bool, force: bool
) -> Imported:
    """Write the flows that changed in the repository; leave alone, and name, those that ops edited in n8n."""
    wanted = {name: canonical(flow) for name, flow in load_folder(folder).items()}
    last, found = _LastImport.read(state_file), exported(rest)
    held = {name: canonical(flow, worker_url=last.worker_url or worker_url) for name, flow in found.items()}
    same = {name for name in wanted if name in held and digest(held[name]) == digest(wanted[name])}
    edited = tuple(
        name for name in wanted
        if not force and name in held and name not in same and digest(held[name]) != last.hashes.get(name)
    )  # fmt: skip
    moved = last.worker_url not in ("", worker_url)
    to_write = {name: flow for name, flow in wanted.items() if name not in edited and (moved or name not in same)}
    if moved:
        # What ops edited stays as edited; only the address within it follows the worker.
        to_write |= {name: held[name] for name in edited}
    written = _write(rest, to_write, worker_url, rest_schedules=rest_schedules)
    hashes = last.hashes | {name: digest(flow) for name, flow in wanted.items() if name not in edited}
    _LastImport(worker_url, hashes).write(state_file)
    unchanged = tuple(name for name in wanted if name not in to_write and name not in edited)
    return Imported(written, unchanged, edited)


def _write(rest: Rest, flows: Mapping[str, Flow], worker_url: str, *, rest_schedules: bool) -> dict[str, str]:
    if not flows:
        return {}
    versions: dict[str, str] = {}
    known = {flow["id"] for flow in rest.workflows()}
    tags = rest.tag_ids(sorted({tag["name"] for flow in flows.values() for tag in flow["tags"]}))
    credentials = rest.credential_ids()
    # n8n refuses a flow that calls one it does not hold yet.
    for name in in_order(flows):
        placed = with_address(flows[name], worker_url, rest_schedules=rest_schedules)
        for node in placed["nodes"]:
            _name_credentials(node, credentials)
        placed["tags"] = [tags[tag["name"]] for tag in placed["tags"]]
        versions[name] = rest.save_workflow(placed, is_new=name not in known)
    return versions


@dataclass(frozen=True, slots=True)
class _LastImport:
    """What the last import wrote, by which an edit in n8n is known from a change in the repository."""

    worker_url: str
    hashes: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> _LastImport:
        return cls(**json.loads(file.read_text())) if file.exists() else cls("", {})

    def write(self, file: Path) -> None:
        file.write_text(json.dumps({"worker_url": self.worker_url, "hashes": self.hashes}, indent=2, sort_keys=True))


def publish(rest: Rest, folder: Path, written: Mapping[str, str]) -> list[str]:
    """Publish, in order of dependence, what was written and what never was published."""
    known = {flow["id"]: flow for flow in rest.workflows()}
    published = []
    for name in in_order(load_folder(folder)):
        if name not in known:
            raise PermanentError(f"n8n holds no flow {name}: import it first", status=404)
        if name in written or not known[name].get("activeVersionId"):
            rest.publish(name, written.get(name) or known[name]["versionId"])
            published.append(name)
    return published


def count_published(rest: Rest, folder: Path) -> int:
    """How many of the repository's flows run in n8n."""
    ours = load_folder(folder)
    return sum(1 for flow in rest.workflows() if flow["id"] in ours and flow.get("activeVersionId"))


def export_flows(rest: Rest, folder: Path, *, worker_url: str) -> list[str]:
    """Write every flow that n8n holds and the repository knows, or that carries our tag, to its file."""
    names = []
    for name, flow in sorted(exported(rest).items()):
        if (folder / f"{name}.json").exists() or any(tag["name"] == "nightporter" for tag in flow.get("tags") or []):
            (folder / f"{name}.json").write_text(dump(canonical(flow, worker_url=worker_url)))
            names.append(name)
    return names
