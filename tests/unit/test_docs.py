"""The documents hold: links lead somewhere, and each list of kinds, metrics and flows is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from python_nodes import guards
from python_nodes.domain.findings import FORESEEN
from python_nodes.domain.metrics import METRICS
from python_nodes.scoring import silent
from python_nodes.scoring.watches import load_watches

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_ROW = re.compile(r"^\| `(\w+)` \|(.+)\|$", re.MULTILINE)
KINDS = {*guards.discover(), *(watch.kind for watch in load_watches()), *silent.FIGURES, *FORESEEN}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(document: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(document.read_text())]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (document.parent / target).exists()] == []


def glossary_rows(heading: str) -> dict[str, list[str]]:
    text = (ROOT / "docs" / "glossary.md").read_text()
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in NAMED_ROW.findall(section)}


def test_the_glossary_defines_every_metric_and_no_other() -> None:
    rows = glossary_rows("Metrics")
    assert list(rows) == list(METRICS)
    assert all(len(cells) == 6 and all(cells) for cells in rows.values()), "each of the six columns is filled"


def test_the_glossary_names_every_kind_of_anomaly() -> None:
    assert set(glossary_rows("Kinds of anomaly and their causes")) == KINDS


def test_the_readme_lists_every_guard_and_watch_and_no_other() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.split("## What it finds\n", 1)[1].split("\n## ", 1)[0]
    assert sorted(name for name, _ in NAMED_ROW.findall(section)) == sorted(KINDS)


def test_the_flows_guide_tells_of_every_flow_and_no_other() -> None:
    told = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs" / "flows.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


def test_notice_and_licence_are_complete() -> None:
    notice = (ROOT / "NOTICE").read_text()
    assert all(word in notice for word in ("Antonio", "de Almeida", "Nunes", "Inside Airbnb", "Attribution 4.0"))
    assert "END OF TERMS AND CONDITIONS" in (ROOT / "LICENSE").read_text()
