"""POST /v1/imports and its sources: files that people downloaded, by upload or from the watched folder."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from flask import Response, current_app, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from python_nodes import clock, jobs
from python_nodes.auth import access, caller
from python_nodes.domain.imports import ImportSource
from python_nodes.errors import PermanentError
from python_nodes.http.bodies import AlertRef, AsOfBody, Body, Day, Moment, Query, raw_body
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import import_admin, import_file, import_folder, import_job, import_observe, job_admin
from python_nodes.steps.import_file import Order

api = APIBlueprint("imports", __name__, abp_tags=[{"name": "imports"}])

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class SourceBody(Body):
    """How one sort of file is read; ``columns`` maps fields to the file's column names."""

    name: Name
    kind: Name
    channel: Text | None = None
    columns: dict[Text, Text] = Field(max_length=50)
    date_format: Text = "YYYY-MM-DD"
    decimal: Literal[".", ","] = "."
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    sheet: Text | None = None
    scale: float = Field(default=10.0, gt=0, le=1000)
    file_pattern: Text | None = None


class SourceView(BaseModel):
    """A saved source."""

    name: str
    kind: str
    channel: str | None
    columns: dict[str, str]
    date_format: str
    decimal: str
    currency: str | None
    sheet: str | None
    scale: float
    file_pattern: str | None


class Sources(BaseModel):
    """Every saved source."""

    sources: list[SourceView]


class ImportQuery(Query):
    """Which file by which source; without a source a preview takes ``kind`` and guesses the columns."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=r"^[^/\\\x00]{1,200}$")] | None = None
    source: Name | None = None
    kind: Name | None = None
    channel: Text | None = None
    sheet: Text | None = None
    preview: bool = False
    start: Day | None = None
    end: Day | None = None
    as_of: Moment | None = None


class Accepted(BaseModel):
    """The job that imports the file: GET /v1/jobs/{id}."""

    job_id: str


class ScanBody(AsOfBody):
    """``observe`` false leaves what the files tell to the sweep that follows."""

    observe: bool = True


class Scanned(BaseModel):
    """What became of each file of the watched folder, and what was found in all that has arrived of the last days."""

    imported: int
    failed: int
    files: list[dict[str, Any]]
    observed: int
    found: int
    as_of: str
    raised: int
    updated: int
    resolved: int
    notify: list[AlertRef]


@api.get("/v1/imports/sources", security=access("read"), responses={200: Sources}, summary="Saved import sources")
def list_sources() -> Response:
    """Tell how each source's files are read."""
    return ok({"sources": import_admin.every(services(), caller().tenant_id)})


@api.post("/v1/imports/sources", security=access("ingest"), responses={200: SourceView}, summary="Save a source")
def save_source(body: SourceBody) -> Response:
    """Insert a source or, by name, replace it."""
    source = ImportSource(**body.model_dump())
    return ok(import_admin.save(services(), caller().tenant_id, source, clock.now()))


@api.post("/v1/imports", security=access("ingest"), responses={202: Accepted}, summary="Import or preview a file")
def import_upload(query: ImportQuery) -> Response:
    """Take a file as the body itself or as the multipart field ``file``; ``preview=true`` answers 200 with a report."""
    order = _order(query)
    if query.preview:
        source = _source(query)
        report = import_file.preview(services(), caller().tenant_id, source, order, clock.resolve(query.as_of))
        return ok(report)
    if query.source is None:
        raise PermanentError("source: is needed; save one from what a preview tells", status=422, field="source")
    return ok({"job_id": _start(query.source, order, query)}, 202)


@api.post("/v1/imports/scan", security=access("ingest"), responses={200: Scanned}, summary="Import the watched folder")
def scan_folder(body: ScanBody) -> Response:
    """Import every file that lies there, put it away with its report, and score at once what is new in it.

    Uploads that were accepted and never reached the workers are handed over as well.
    """
    tenant_id, as_of = caller().tenant_id, body.moment()
    jobs.resume(services(), tenant_id, region=current_app.extensions["nightporter.settings"]["region"])
    done = import_folder.scan(services(), tenant_id, as_of, is_news=body.observe)
    looked = import_observe.run(services(), tenant_id, as_of) if body.observe else import_observe.nothing(as_of)
    return ok({**done, **looked})


def _order(query: ImportQuery) -> Order:
    raw = raw_body() if request.content_length is None else None
    upload = request.files.get("file")
    content = upload.read() if upload is not None else raw or request.get_data()
    name = query.file or (upload.filename if upload is not None else None) or "upload"
    if not content.strip():
        raise PermanentError(f"{name}: the file is empty", status=422, field="file")
    return Order(file=name, content=content, start=query.start, end=query.end)


def _source(query: ImportQuery) -> ImportSource:
    if query.source is not None:
        return import_admin.get(services(), caller().tenant_id, query.source)
    if query.kind is None:
        raise PermanentError("kind: is needed where no source is named", status=422, field="kind")
    return ImportSource(name="preview", kind=query.kind, channel=query.channel, columns={}, sheet=query.sheet)


def _start(source: str, order: Order, query: ImportQuery) -> str:
    job_id, tenant_id = uuid.uuid4().hex, caller().tenant_id
    as_of, region = clock.resolve(query.as_of), current_app.extensions["nightporter.settings"]["region"]
    accepted = import_job.accept(services(), tenant_id, job_id, source, order, as_of, run_id())
    if accepted is not None:
        with job_admin.handed_over(services(), tenant_id, job_id):
            jobs.enqueue(import_job.task(tenant_id, job_id, accepted, run_id()), region)
    return job_id
