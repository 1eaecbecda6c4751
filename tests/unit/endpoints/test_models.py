"""Two models of one name would be one in the API's description, and one of them described wrongly."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from python_nodes import endpoints
from python_nodes.domain.nul import holds_nul
from python_nodes.endpoints.alerts import AlertQuery
from python_nodes.endpoints.backfill import BackfillBody
from python_nodes.endpoints.baselines import ProfileQuery
from python_nodes.endpoints.guests import HeldOfGuest
from python_nodes.http.bodies import Body, Day, Moment


def models() -> dict[str, list[type[BaseModel]]]:
    found: dict[str, list[type[BaseModel]]] = defaultdict(list)
    for one in pkgutil.iter_modules(endpoints.__path__):
        module = importlib.import_module(f"{endpoints.__name__}.{one.name}")
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__:
                found[name].append(value)
    return found


def fields(model: type[BaseModel]) -> str:
    return str(sorted(model.model_json_schema()["properties"]))


def test_models_of_one_name_say_the_same() -> None:
    differ = [name for name, each in models().items() if len({fields(one) for one in each}) > 1]
    assert differ == []


TYPED = [
    (model, name, field.annotation)
    for each in models().values() for model in each if issubclass(model, Body)
    for name, field in model.model_fields.items() if field.annotation in (bool, bool | None, int, int | None, float)
]  # fmt: skip


@pytest.mark.parametrize(("model", "name", "kind"), TYPED, ids=[f"{one[0].__name__}.{one[1]}" for one in TYPED])
def test_a_field_of_a_body_takes_its_own_type_only(model: type[Body], name: str, kind: Any) -> None:
    strange = (0, 1, "true", "false", "0") if kind in (bool, bool | None) else (True, False, "12", "1e3")
    for told in strange:
        with pytest.raises(ValidationError) as refused:
            model.model_validate({name: told})
        assert [one["type"] for one in refused.value.errors() if one["loc"] == (name,)] in (
            ["bool_type"], ["int_type"], ["float_type"],
        ), told  # fmt: skip


def test_a_body_is_still_told_its_days_and_moments_in_words() -> None:
    told = BackfillBody.model_validate(
        {"connection_id": 1, "start": "2026-01-01", "end": "2024-02-29", "as_of": "2026-03-02T12:00:00+01:00"}
    )
    assert (told.start, told.end) == (date(2026, 1, 1), date(2024, 2, 29))
    assert told.moment() == datetime(2026, 3, 2, 11, tzinfo=UTC)


def test_what_is_told_once_may_be_missing_from_a_repeated_answer() -> None:
    assert HeldOfGuest.model_json_schema()["required"] == ["as_of"]


STRANGE = [
    0, 1.5, True, "0", "0.5", "-1", "1772452800", "5.9e-08", "1e9", "nan", "2026-03-02T12:00:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "1969-12-31T23:59:59Z", None, [], {},
]  # fmt: skip


@pytest.mark.parametrize("told", STRANGE)
def test_a_moment_is_written_with_its_zone_and_lies_near(told: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(told)


def test_a_moment_is_read() -> None:
    assert TypeAdapter(Moment).validate_python("2024-02-29T12:00:00Z") == datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize("told", [0, 20_000, "0", "20000", "2e4", "2023-02-29", "0001-01-01", "9999-12-31", None, True])
def test_a_day_is_written_and_lies_near(told: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_python(told)


def test_a_leap_day_is_read() -> None:
    assert TypeAdapter(Day).validate_python("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize("told", ["a\0", {"a": ["x", {"b\0": 1}]}, [[["\0"]]]])
def test_a_nul_is_seen_wherever_it_is(told: Any) -> None:
    assert holds_nul(told)
    assert not holds_nul({"a": ["x", 1, None, {"b": "\\u0000"}]})


def test_a_querys_schema_is_made_once_and_other_wordings_of_it_are_not_confused_with_it() -> None:
    plain = AlertQuery.model_json_schema()
    assert plain is AlertQuery.model_json_schema()
    assert set(plain["properties"]) == {"state"}
    assert set(ProfileQuery.model_json_schema()["properties"]) > {"kind", "version"}
    assert AlertQuery.model_json_schema(mode="serialization") is not plain
