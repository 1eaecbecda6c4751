"""/v1/archive: let old data leave, and tell where it went and what is known of it by month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import jobs
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, Day, Query
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import archive_admin

api = APIBlueprint("archive", __name__, abp_tags=[{"name": "archive"}])


class ArchiveJob(BaseModel):
    """A run that was accepted; ``GET /v1/jobs/{id}`` tells how far it is."""

    job_id: str


class FilesQuery(Query):
    """Of which entity; all where it is missing."""

    entity: str | None = None


class ArchiveFile(BaseModel):
    """One file; ``path`` is relative to the archive's root and the bucket's prefix.

    ``state``: archived, loaded (its rows are in the database again), superseded (and have left again), expired.
    """

    archive_id: int
    entity: str
    month_date: date
    part: int
    path: str
    schema_version: str
    state: str
    row_count: int
    size_bytes: int
    sha256: str
    written_at: datetime
    exported_at: datetime | None
    loaded_at: datetime | None
    hold_until_at: datetime | None


class ArchiveFiles(BaseModel):
    """The archive."""

    files: list[ArchiveFile]


class MonthsQuery(Query):
    """Which months of what; of all listings where none is named."""

    entity: str
    listing_id: int | None = None
    start: Day
    end: Day


class ArchivedMonth(BaseModel):
    """What is known of a listing's month whose rows have left; a month of several parts is their sum."""

    listing_id: int
    month_date: date
    part: int
    currency: str
    row_count: int
    figures: dict[str, Any] = Field(default_factory=dict)


class ArchivedMonths(BaseModel):
    """By listing and month."""

    months: list[ArchivedMonth]


@api.post("/v1/archive", security=access("ingest"), responses={202: ArchiveJob}, summary="Let old data leave")
def archive_old(body: AsOfBody) -> Response:
    """Enqueue what the retention asks for, and tell the job's id."""
    region: str = current_app.extensions["nightporter.settings"]["region"]
    job_id = jobs.accept(
        services(), caller().tenant_id, archive_admin.JOB, body.moment(), region=region, run_id=run_id()
    )
    return ok({"job_id": job_id}, 202)


@api.get("/v1/archive", security=access("read"), responses={200: ArchiveFiles}, summary="The archive's files")
def list_archive(query: FilesQuery) -> Response:
    """Tell every file, where it lies and whether its rows are in the database."""
    return ok({"files": archive_admin.listed(services(), caller().tenant_id, query.entity)})


@api.get("/v1/archive/months", security=access("read"), responses={200: ArchivedMonths}, summary="Old months")
def list_months(query: MonthsQuery) -> Response:
    """Tell what is known by month of rows that are in the archive."""
    wanted = None if query.listing_id is None else [query.listing_id]
    told = archive_admin.months(services(), caller().tenant_id, query.entity, wanted, query.start, query.end)
    return ok({"months": told})
