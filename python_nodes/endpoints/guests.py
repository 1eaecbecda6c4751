"""/v1/guests: erase a guest everywhere, and tell all that is held of one person."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import jobs
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.idempotent import tell_once
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import guest_admin
from python_nodes.steps.guest_erase import By, Wish

api = APIBlueprint("guests", __name__, abp_tags=[{"name": "guests"}])
HELD = ("guests", "bookings", "words", "documents", "texts")


class GuestBody(AsOfBody):
    """Whom, by at least one of these."""

    email: str | None = Field(default=None, max_length=320, examples=["guest@example.com"])
    phone: str | None = Field(default=None, max_length=40, examples=["+351 912 345 678"])
    reservation: str | None = Field(default=None, min_length=1, max_length=100, examples=["3047582941"])

    def wish(self) -> Wish:
        """Whom, checked."""
        return Wish(email=self.email, phone=self.phone, reservation=self.reservation).checked()


class EraseJob(BaseModel):
    """An erasure that was accepted; ``GET /v1/jobs/{id}`` gives its receipt: how many of what, nobody's name."""

    job_id: str


class HeldOfGuest(BaseModel):
    """All that is held: reservations, bookings as they stand, own words in payloads, documents, other texts.

    For the only time: a repeated request is answered without.
    """

    as_of: str
    guests: list[dict[str, Any]] = []
    bookings: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []


@api.post("/v1/guests/erase", security=access("admin"), responses={202: EraseJob}, summary="Erase a guest")
def erase_guest(body: GuestBody) -> Response:
    """Enqueue it; asked again, it finds nothing left."""
    region: str = current_app.extensions["nightporter.settings"]["region"]
    tenant_id, by = caller().tenant_id, By(via=caller().via, actor=caller().who, run_id=run_id())
    more = guest_admin.asked(services(), tenant_id, body.wish(), by)
    job_id = jobs.accept(
        services(), tenant_id, guest_admin.JOB, body.moment(), *more, region=region, run_id=run_id()
    )  # fmt: skip
    return ok({"job_id": job_id}, 202)


@api.post("/v1/guests/export", security=access("admin"), responses={200: HeldOfGuest}, summary="All held of a person")
def export_guest(body: GuestBody) -> Response:
    """Tell it; that it was read stands in the audit log."""
    # Imported where it is used: few ask, and every process has this module.
    from python_nodes.steps import guest_export

    by = By(via=caller().via, actor=caller().who, run_id=run_id())
    tell_once(*HELD)
    return ok(guest_export.run(services(), caller().tenant_id, body.wish(), body.moment(), by))
