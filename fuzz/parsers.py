"""Everything that reads what others wrote, each with documents that it reads well: what is changed to fuzz it."""

from __future__ import annotations

import io
import json
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import xlsxwriter

from python_nodes import actions, vendors
from python_nodes.alerts import guide, routing_file, subject_file
from python_nodes.archive import retention
from python_nodes.domain import money, mutes
from python_nodes.domain.imports import ImportSource
from python_nodes.domain.records import Rejected
from python_nodes.errors import NightporterError
from python_nodes.guards import settings as guard_settings
from python_nodes.imports import check, header, kinds, reader
from python_nodes.notify import slack_form
from python_nodes.scoring import arrays_file, event_days, labels_file
from python_nodes.steps import guest_payloads, import_report, slack_payload
from python_nodes.vendors import ecb
from python_nodes.vendors.expedia_group import webhooks as expedia_webhooks

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "vendors"
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One reader: good documents, how it is called, and what it may raise; whatever else it raises is a fault."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]
    may_raise: tuple[type[Exception], ...] = (NightporterError,)


def every() -> list[Parser]:
    """All of them, by name."""
    found = [*_mappings(), *_imports(), *_answers(), *_files(), *_words()]
    return sorted(found, key=lambda one: one.name)


def _mappings() -> Iterator[Parser]:
    """Each vendor's mapping of each operation; these never raise: what cannot be read is a Rejected."""
    for vendor in vendors.discover():
        spec = tomllib.loads((FIXTURES / vendor / "conformance.toml").read_text())
        mapping = vendors.load(vendor).mapping
        for operation, one in spec["operations"].items():
            seeds = tuple((FIXTURES / vendor / answer["file"]).read_bytes() for answer in one["answers"])
            seeds += (one["empty"].encode(),)
            for suffix in ("", "_columns"):
                told = getattr(mapping, f"map_{operation}{suffix}", None)
                if told is not None:
                    read = _mapped(told, vendor, getattr(mapping, "raw_reservation", None), operation)
                    yield Parser(name=f"{vendor} {operation}{suffix}", seeds=seeds, read=read, may_raise=())


def _mapped(
    told: Callable[..., Any], vendor: str, part: Callable[..., bytes] | None, operation: str
) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        good, bad = told(content, source=vendor, observed_at=AS_OF, raw_id=7)
        if not all(isinstance(one, Rejected) and one.field and one.reason for one in bad):
            raise AssertionError("a rejected record lacks its field or its reason")
        if operation == "reservations" and part is not None and isinstance(good, list):
            # What replays a single reservation reads the same document.
            for record in good[:3]:
                part(content, record)
        return good

    return read


def _imports() -> Iterator[Parser]:
    """CSV of each kind with its own fields as columns, and workbooks."""
    for name, kind in kinds.discover().items():
        fields = [field.name for field in kind.fields]
        row = ",".join(_cell(field) for field in fields)
        seed = f"{','.join(fields)}\n{row}\n{row}\n".encode()
        source = ImportSource(
            name="s", kind=name, channel="vrbo", currency="EUR", columns={field: field for field in fields}
        )
        yield Parser(name=f"import {name}", seeds=(seed, seed.replace(b",", b";")), read=_imported(source))
        yield Parser(name=f"import {name}, guessed", seeds=(seed,), read=_guessed(name))
        if name == "performance":
            yield Parser(name="import workbook", seeds=(workbook(fields, row.split(",")),), read=_imported(source))


def _cell(field: str) -> str:
    samples = {"date": "2026-03-01", "_at": "2026-03-01 10:00", "check": "2026-03-02", "currency": "EUR", "status": "x"}
    return next((value for part, value in samples.items() if part in field), "12" if not field.endswith("id") else "r1")


def workbook(names: list[str], cells: list[str]) -> bytes:
    """Make a small workbook."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, names)
    sheet.write_row(1, 0, cells)
    book.close()
    return out.getvalue()


def _imported(source: ImportSource) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        kind = kinds.get(source.kind)
        table = reader.read(content, "file", sheet=source.sheet, decimal=source.decimal)
        checked = check.check(header.find(table, kind, source), kind, source, (None, None))
        return checked.rejected(None)

    return read


def _guessed(name: str) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        kind, source = kinds.get(name), ImportSource(name="s", kind=name, channel=None, columns={})
        table = reader.read(content, "file")
        return import_report.guessed(source, header.find(table, kind, source), kind)

    return read


def _form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def interaction(alert_id: int = 1) -> dict[str, Any]:
    """A press of a button as Slack tells it."""
    return {
        "type": "block_actions", "user": {"id": "U1", "username": "eva"}, "channel": {"id": "C1"}, "trigger_id": "1.2",
        "actions": [{"action_id": "acknowledge", "value": str(alert_id), "action_ts": "1772452800.000100"}],
    }  # fmt: skip


def filled_form(alert_id: int = 1) -> dict[str, Any]:
    """A form that was filled in, as Slack tells it."""
    what = {"what": {"what": {"selected_option": {"value": "assign"}}}, "note": {"note": {"value": "a note"}}}
    return {
        "type": "view_submission", "user": {"id": "U1", "username": "eva"}, "actions": [],
        "view": {"type": "modal", "callback_id": slack_form.CALLBACK, "state": {"values": what},
                 "private_metadata": json.dumps({"alert_id": alert_id, "channel": "C1", "behind_s": 0.0})},
    }  # fmt: skip


def _answers() -> Iterator[Parser]:
    """What people and services send us."""
    pressed, filled = (json.dumps(one) for one in (interaction(), filled_form()))
    yield Parser(name="slack payload", seeds=(_form(payload=pressed), _form(payload=filled)), read=_pressed)
    yield Parser(name="slack payload, decoded", seeds=(pressed.encode(), filled.encode()), read=_pressed_json)
    state = json.dumps(filled_form()["view"]["state"]["values"]).encode()
    yield Parser(
        name="slack form", seeds=(state,), read=lambda raw: slack_form.read(json.loads(raw)),
        # Its caller turns these into a refusal of the payload.
        may_raise=(KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError),
    )  # fmt: skip
    metadata = filled_form()["view"]["private_metadata"].encode()
    yield Parser(
        name="slack form's alert", seeds=(metadata,), read=lambda raw: slack_form.about(raw.decode()),
        may_raise=(ValueError, TypeError, OverflowError, RecursionError),
    )  # fmt: skip
    texts = tuple(one.encode() for one in ("ACK 12", "OK 12", "FALSE 12", "SNOOZE 12 4H"))
    yield Parser(name="text message", seeds=texts, read=lambda raw: actions.read_sms(raw.decode("utf-8", "replace")))
    event = json.dumps({"eventId": "e1", "eventType": "PropertyStatusChanged", "payload": {"propertyId": "7"}}).encode()
    yield Parser(name="expedia event", seeds=(event,), read=expedia_webhooks.read)
    whom = guest_payloads.Person(reservations=frozenset({"4711"}), words={})
    yield Parser(
        name="packed payload",
        seeds=(_zip(_ECB_CSV),),
        read=lambda raw: guest_payloads.is_within(raw, whom),
        may_raise=(),
    )
    yield Parser(name="ecb rates", seeds=(_ECB, _zip(_ECB_CSV)), read=lambda raw: ecb.read(raw, AS_OF.date()))


_ECB = (
    b'<?xml version="1.0"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    b'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube><Cube time="2026-02-27">'
    b'<Cube currency="USD" rate="1.0812"/><Cube currency="JPY" rate="161.2"/></Cube></Cube></gesmes:Envelope>'
)
_ECB_CSV = b"Date,USD,JPY,\n2026-02-27,1.0812,161.2,\n2026-02-26,1.08,N/A,\n"


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", content)
    return out.getvalue()


def _pressed(raw: bytes) -> object:
    told = slack_payload.read(raw)
    return told.actor, told.moment(AS_OF)


def _pressed_json(raw: bytes) -> object:
    return _pressed(urlencode({"payload": raw.decode("utf-8", "replace")}).encode())


def _files() -> Iterator[Parser]:
    """Files that an operator writes or keeps."""
    data = ROOT / "python_nodes" / "data"
    names = ("SLACK_CHANNEL", "EMAIL_TO", "SMS_TO", "DATA_SLACK_CHANNEL", "DATA_EMAIL_TO")
    variables = {f"NIGHTPORTER_{name}": "#alerts" for name in names}

    def routed(path: Path) -> object:
        return routing_file.load(path, ("slack", "email", "sms"), variables, as_of=AS_OF)

    examples = tuple(path.read_bytes() for path in sorted((ROOT / "docs" / "examples" / "routing").glob("*.toml")))
    yield Parser(name="routing file", seeds=((data / "routing.toml").read_bytes(), *examples), read=_filed(routed))
    yield Parser(name="actions file", seeds=((data / "actions.toml").read_bytes(),), read=_filed(guide.load))
    guards = b"parity_price_tolerance = 0.1\nreports_daily_days = 7\n"
    yield Parser(name="guards file", seeds=(guards,), read=_filed(guard_settings.read))
    kept = (data / "retention.toml").read_bytes()
    yield Parser(name="retention file", seeds=(kept,), read=_filed(lambda path: retention.load(path, {})))
    labels = b"listing,kind,start,end,is_real\n,demand_drop,2026-03-01,2026-03-04,1\n"
    truth = b'{"incidents": [{"id": "a", "kind": "x", "scope": "listing", "is_control": false, "start": "2026-03-01"}]}'
    yield Parser(name="labels file", seeds=(labels, truth), read=lambda raw: labels_file.read(raw, "labels", []))
    events = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260301\r\n"
        b"DTEND;VALUE=DATE:20260303\r\nRRULE:FREQ=YEARLY;COUNT=3\r\nSUMMARY:Fair\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    yield Parser(
        name="events file", seeds=(events,),
        read=lambda raw: event_days.of_calendar(raw, date(2025, 1, 1), date(2027, 1, 1)),
    )  # fmt: skip
    yield Parser(name="kept arrays", seeds=(_arrays(),), read=_filed(arrays_file.read))


def _arrays() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arrays"
        arrays_file.write(path, {"version": 1}, {"values": np.arange(12.0).reshape(3, 4)})
        return path.read_bytes()


def _filed(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Give a reader of files its document as one."""

    def through(content: bytes) -> object:
        with tempfile.TemporaryDirectory(prefix="nightporter-fuzz-") as folder:
            path = Path(folder) / "file"
            path.write_bytes(content)
            return read(path)

    return through


def _words() -> Iterator[Parser]:
    """Single values: amounts, rules of recurrence, an alert as programs tell it."""

    def amount(raw: bytes) -> object:
        text, _, currency = raw.decode("utf-8", "replace").partition(" ")
        return money.to_minor(text, currency)

    yield Parser(name="amount", seeds=(b"12.50 EUR", b"1000 JPY", b"1.234 KWD"), read=amount)
    rules = (b"FREQ=WEEKLY;BYDAY=SU", b"FREQ=MONTHLY;BYMONTHDAY=31;COUNT=5", b"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
    yield Parser(name="recurrence rule", seeds=rules, read=_ruled)
    alert = {
        "category": "high", "cause": "calendar_closed", "kind": "not_bookable", "raised_at": "2026-03-02T12:00:00Z",
        "evidence": {"members": [{"channel": "vrbo"}], "spread": 2, "causes": [{"cause": "x", "probability": 0.5}]},
    }  # fmt: skip
    seed = json.dumps(alert).encode()
    yield Parser(name="alert as told", seeds=(seed,), read=lambda raw: subject_file.read(_json(raw)))


def _ruled(raw: bytes) -> object:
    rule = mutes.checked_rule(raw.decode("utf-8", "replace"))
    mute = mutes.Mute(
        mute_id=1, start_at=AS_OF, end_at=AS_OF.replace(hour=14), reason="r", rrule=rule, zone="Europe/Lisbon",
    )  # fmt: skip
    return mute.window(AS_OF.replace(month=11))


def _json(raw: bytes) -> Any:
    """The command reads its file by the standard library, and says itself where it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return {}
