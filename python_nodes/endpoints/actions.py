"""/v1/alerts/{id}/actions: what people do about an alert; and /act, where the links in e-mails lead."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, render_template, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field

from python_nodes import clock, jobs
from python_nodes.actions import ActionKind, Verdict, Wish
from python_nodes.auth import access, caller, signed
from python_nodes.domain.said import say
from python_nodes.domain.speech import speaking
from python_nodes.errors import PermanentError
from python_nodes.http import idempotent
from python_nodes.http.bodies import AsOfBody, IdPath, Moment, Query
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import action_page, alert_act

api = APIBlueprint("actions", __name__, abp_tags=[{"name": "answers"}])
PAGE: dict[str, Any] = {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}
HTML: ResponseDict = dict.fromkeys((200, 401, 404, 409, 410, 422), PAGE)
CONFLICT = 409


class ActionBody(AsOfBody):
    """What is done, by whom.

    ``assignee`` goes with assign, ``until_at`` with snooze, ``verdict`` (or ``is_real`` alone: real or a false alarm)
    and ``cause`` with verdict, ``note`` with any.
    """

    kind: ActionKind
    actor: str = Field(min_length=1, max_length=120, examples=["ada"])
    note: str = Field(default="", max_length=2000)
    assignee: str | None = Field(default=None, min_length=1, max_length=120)
    until_at: Moment | None = Field(default=None, examples=["2026-03-02T18:00:00Z"])
    verdict: Verdict | None = None
    is_real: bool | None = None
    cause: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,60}$")

    def wish(self) -> Wish:
        """Say it as a wish; what does not go with the kind is left out."""
        is_judged = self.kind == "verdict"
        by_flag: Verdict | None = None if self.is_real is None else "real" if self.is_real else "false_alarm"
        return Wish(
            kind=self.kind, actor=self.actor, note=self.note,
            assignee=self.assignee if self.kind == "assign" else None,
            until_at=clock.resolve(self.until_at) if self.kind == "snooze" and self.until_at else None,
            verdict=(self.verdict or by_flag) if is_judged else None, cause=self.cause if is_judged else None,
        )  # fmt: skip


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


class LinkQuery(Query):
    """The link's token."""

    token: str = Field(default="", max_length=2000)


@api.post(
    "/v1/alerts/<int:id>/actions", security=access("notify"), responses={200: ActedView}, summary="Act on an alert"
)
def act_on_alert(path: IdPath, body: ActionBody) -> Response:
    """Record the action; what no longer makes sense is a conflict."""
    with idempotent.transaction() as conn:
        acted = alert_act.act(conn, caller().tenant_id, path.id, body.wish(), body.moment())
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
        return _page(action_page.refused(services(), query.token, str(error)), "", error.status)


@api.post("/act", security=signed("action_link"), responses=HTML, summary="The page's answer")
def act_by_link() -> Response:
    """Do what the page asked about."""
    token = request.form.get("token", "")[:2000]
    try:
        acted, view = action_page.answer(services(), token, request.form, clock.now())
    except PermanentError as error:
        return _page(action_page.refused(services(), token, str(error)), "", error.status)
    _tell(acted)
    return _page(view, token)


def _tell(acted: alert_act.Acted) -> None:
    if acted.changed:
        region: str = current_app.extensions["nightporter.settings"]["region"]
        tenant_id, run = caller().tenant_id, run_id()
        idempotent.afterwards(lambda: jobs.ring_tell(tenant_id, region=region, run_id=run))


def _page(view: action_page.View, token: str, status: int = 200) -> Response:
    with speaking(view.speech):
        page = render_template("act.html", view=view, token=token, say=say, language=view.speech.tag)
    answer = make_response(page, status)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer
