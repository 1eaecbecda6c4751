"""The catalogues: as new as the sources, whole, and with the placeholders that the sources fill."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from python_nodes.domain.speech import ENGLISH, LANGUAGES
from python_nodes.errors import ConfigError
from python_nodes.notify import catalogue, extract, pseudo

FILES = sorted(catalogue.FOLDER.glob(f"*/{catalogue.FILE}"))
PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")


def texts(part: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else tuple(part or ())


def messages(told: Catalog) -> list[Message]:
    return [one for one in told if one.id]


def ids(told: Catalog) -> set[tuple[str, ...]]:
    return {texts(one.id) for one in messages(told)}


def test_each_language_that_is_offered_has_a_folder_and_no_other() -> None:
    assert {path.parent.parent.name for path in FILES} | {ENGLISH.tag} == set(LANGUAGES)


def test_the_template_is_as_new_as_the_sources() -> None:
    found, kept = ids(extract.template()), ids(catalogue.read(catalogue.FOLDER / extract.TEMPLATE))
    assert found - kept == set(), "run make catalogue"
    assert kept - found == set(), "run make catalogue"


def test_extraction_finds_what_is_said_in_each_kind_of_source() -> None:
    found = ids(extract.template())
    for one in (
        ("Since",),  # said in Python
        ("Calendar closed on {channel}",),  # marked, said later
        ("{count} night", "{count} nights"),  # of several
        ("Each asks before it acts.",),  # in a template
        ("One or more bad stays lately.",),  # in a file of advice
    ):
        assert one in found


def said_in(file: Path) -> Iterator[tuple[str, ...]]:
    """Yield every literal that a call of ours hands to the catalogue, by Python's own reading of the source."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in extract.KEYWORDS:
            wanted = extract.KEYWORDS[node.func.id] or (1,)
            told = [node.args[place - 1] for place in wanted if len(node.args) >= place]
            literals = tuple(one.value for one in told if isinstance(one, ast.Constant) and isinstance(one.value, str))
            if len(literals) == len(wanted) and all(literals):
                yield literals


def test_no_sentence_escapes_extraction() -> None:
    """A call within another call's arguments does, for instance."""
    found = {one for file in extract.SOURCES.rglob("*.py") for one in said_in(file)}
    assert found - ids(extract.template()) == set()
    assert len(found) > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.parent.name)
def test_a_language_is_whole(path: Path) -> None:
    told = catalogue.read(path)
    assert ids(told) == ids(catalogue.read(catalogue.FOLDER / extract.TEMPLATE)), "run make catalogue"
    lacking = [one.id for one in messages(told) if not all(texts(one.string)) or not texts(one.string)]
    assert lacking == []
    assert [one.id for one in messages(told) if one.fuzzy] == []


def wrong_placeholders(told: Catalog) -> list[str]:
    wrong = []
    for one in messages(told):
        allowed = [set(PLACEHOLDER.findall(text)) for text in texts(one.id)]
        for text in texts(one.string):
            has = set(PLACEHOLDER.findall(text))
            # Of several, a language may leave the number away where there is only one.
            if has not in allowed and has | {"count"} not in allowed:
                wrong.append(f"{one.id}: {text}")
            if text.count("{") != len(PLACEHOLDER.findall(text)) or text.count("}") != text.count("{"):
                wrong.append(f"{one.id}: stray brace")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.parent.name)
def test_every_sentence_fills_the_same_placeholders(path: Path) -> None:
    assert wrong_placeholders(catalogue.read(path)) == []


def test_wrong_placeholders_are_found() -> None:
    told = Catalog(locale="de")
    told.add("{a} of {b}", "{a} von {c}")
    told.add("{a} in {b}", "{a} in {b")
    told.add(("{count} night", "{count} nights"), ("eine Nacht", "{count} Nächte"))
    assert [one.split(":")[0] for one in wrong_placeholders(told)] == ["{a} of {b}", "{a} in {b}", "{a} in {b}"]


def test_pseudo_leaves_placeholders_and_no_latin_letter() -> None:
    text = pseudo.text("About {per_day} a day, {so_far} so far")
    assert PLACEHOLDER.findall(text) == ["per_day", "so_far"]
    assert not re.search(r"[A-Za-z]", PLACEHOLDER.sub("", text))
    assert len(text) > len("About {per_day} a day, {so_far} so far") * 1.3


def test_a_language_without_messages_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'tlh' is no language"):
        catalogue.speech("tlh")
    with pytest.raises(ConfigError, match="no messages in 'fr'"):
        catalogue.speech("fr", tmp_path)


def test_english_of_another_country_writes_its_own_days() -> None:
    assert str(catalogue.speech("en_US").locale) == "en_US"
    assert str(catalogue.speech("en-US").locale) == "en_US"
    assert str(catalogue.speech("en").locale) == "en_GB"


def test_refresh_brings_a_language_to_the_sources_and_counts_what_it_lacks(tmp_path: Path) -> None:
    old = Catalog(locale="de")
    old.add("Since", "Seit")
    old.add("No longer said", "Weg")
    path = tmp_path / "de" / catalogue.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(extract.written(old))
    lacking = extract.refresh(tmp_path)["de"]
    told = catalogue.read(path)
    assert told["Since"].string == "Seit"
    assert "No longer said" not in told
    assert lacking == len(messages(told)) - 1
    assert (tmp_path / extract.TEMPLATE).read_bytes() == extract.written(extract.template())
    assert extract.refresh(tmp_path) == {"de": lacking}, "a second time changes nothing"
