"""/v1/alerts/{id}/actions: what people do about an alert; and /act, where the links in e-mails lead."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response, current_app, make_response, render_template, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field, model_validator

from python_nodes import clock, jobs
from python_nodes.actions import Wish
from python_nodes.auth import access, caller, signed
from python_nodes.errors import PermanentError
from python_nodes.http.bodies import AsOfBody, IdPath
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import action_page, alert_act

api = APIBlueprint("actions", __name__, abp_tags=[{"name": "answers"}])
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}
CONFLICT = 409


class ActionBody(AsOfBody):
    """What is done, by whom; ``assignee`` goes with assign, ``is_real`` with verdict, ``note`` with any."""

    kind: Literal["acknowledge", "assign", "resolve", "verdict", "note"]
    actor: str = Field(min_length=1, max_length=120, examples=["ada"])
    note: str = Field(default="", max_length=2000)
    assignee: str | None = Field(default=None, min_length=1, max_length=120)
    is_real: bool | None = None
    cause: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,60}$")

    @model_validator(mode="after")
    def _complete(self) -> ActionBody:
        needed = {"assign": ("assignee", self.assignee), "verdict": ("is_real", self.is_real)}.get(self.kind)
        if needed is not None and needed[1] is None:
            raise ValueError(f"{needed[0]} is needed with {self.kind}")
        if self.kind == "note" and not self.note:
            raise ValueError("note is needed with note")
        return self


class ActedView(BaseModel):
    """What became of it, in a word for a program and one for a person."""

    alert_id: int
    status: str
    word: str


class ActionList(BaseModel):
    """Everything that was done about one alert, oldest first, and how long it took from when it was raised."""

    actions: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    acknowledged_after_s: float | None
    resolved_after_s: float | None


class LinkQuery(BaseModel):
    """The link's token."""

    token: str = Field(default="", max_length=2000)


@api.post(
    "/v1/alerts/<int:id>/actions", security=access("notify"), responses={200: ActedView}, summary="Act on an alert"
)
def act_on_alert(path: IdPath, body: ActionBody) -> Response:
    """Record the action; what no longer makes sense is a conflict."""
    told = body.model_dump(exclude={"as_of"})
    acted = alert_act.run(services(), caller().tenant_id, path.id, Wish(**told), body.moment())
    if acted.status == "refused":
        raise PermanentError(acted.word, status=CONFLICT)
    _tell(acted)
    return ok(acted.answer())


@api.get("/v1/alerts/<int:id>/actions", security=access("read"), responses={200: ActionList}, summary="What was done")
def list_actions(path: IdPath) -> Response:
    """Tell every action and verdict on one alert."""
    return ok(alert_act.listed(services(), caller().tenant_id, path.id))


@api.get("/act", security=signed("action_link"), responses=HTML, summary="Where an e-mail's link leads")
def ask_first(query: LinkQuery) -> Response:
    """Ask: programs that follow every link in a mail must not act for people."""
    try:
        return _page(action_page.question(services(), query.token), query.token)
    except PermanentError as error:
        return _page(action_page.refused(str(error)), "", error.status)


@api.post("/act", security=signed("action_link"), responses=HTML, summary="The page's answer")
def act_by_link() -> Response:
    """Do what the page asked about."""
    token = request.form.get("token", "")[:2000]
    try:
        acted, view = action_page.answer(services(), token, clock.now())
    except PermanentError as error:
        return _page(action_page.refused(str(error)), "", error.status)
    _tell(acted)
    return _page(view, token)


def _tell(acted: alert_act.Acted) -> None:
    if acted.changed:
        region: str = current_app.extensions["nightporter.settings"]["region"]
        jobs.enqueue_tell(caller().tenant_id, acted.alert_id, clock.now(), region=region, run_id=run_id())


def _page(view: action_page.View, token: str, status: int = 200) -> Response:
    answer = make_response(render_template("act.html", view=view, token=token), status)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer
