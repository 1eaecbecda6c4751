"""/v1/learn and /v1/proposals: what verdicts teach, what it would change, and who lets it."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, IdPath, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import learn, proposal_admin, proposals

api = APIBlueprint("proposals", __name__, abp_tags=[{"name": "learning"}])


class MessageRef(BaseModel):
    """One message to send."""

    message_id: int
    proposal_id: int
    sender: str
    recipient: str


class Learnt(BaseModel):
    """Verdicts of the last 90 days and how many taught something new; ``waits`` says why they cannot yet."""

    verdicts: int
    news: int
    waits: str | None
    proposed: list[int]
    approved: list[int]
    send: list[MessageRef]


class ProposalView(BaseModel):
    """One proposal; ``change`` is what it would change, ``preview`` what it would have made of the last 90 days."""

    proposal_id: int
    name: str
    kind: Literal["event", "new_normal", "cut", "exposure", "data_problem", "cause"]
    title: str
    status: Literal["waiting", "approved", "rejected", "undone"]
    alert_id: int
    verdict_id: int
    decision_id: int | None
    change: dict[str, Any]
    reasons: dict[str, Any]
    preview: dict[str, Any]
    as_of_at: str
    made_at: str
    actor: str | None
    note: str | None
    decided_at: str | None
    decisions: list[dict[str, Any]] = Field(default_factory=list)


class ProposalList(BaseModel):
    """Proposals, the oldest first."""

    proposals: list[ProposalView]


class ProposalQuery(Query):
    """Which ones; all without a status."""

    status: Literal["waiting", "approved", "rejected", "undone"] | None = None


class AnswerPath(BaseModel):
    """A proposal, and what becomes of it."""

    id: int = Field(ge=1, le=2**53)
    answer: Literal["approve", "reject", "undo"]


class AnswerBody(AsOfBody):
    """Who decides, and why."""

    actor: str = Field(min_length=1, max_length=120, examples=["ada"])
    note: str = Field(default="", max_length=2000)


class Answered(BaseModel):
    """What became of it: ``recorded``, or ``unchanged`` where it stood so already; messages that are out of date."""

    proposal_id: int
    status: str
    word: str
    stands: str


class Sent(BaseModel):
    """What became of it."""

    status: str
    provider_ref: str | None


@api.post("/v1/learn", security=access("score"), responses={200: Learnt}, summary="Learn from verdicts")
def learn_from_verdicts(body: AsOfBody) -> Response:
    """Propose what the verdicts teach that nothing was proposed of."""
    return ok(learn.run(services(), caller().tenant_id, body.moment()))


@api.get("/v1/proposals", security=access("read"), responses={200: ProposalList}, summary="List proposals")
def list_proposals(query: ProposalQuery) -> Response:
    """Tell proposals with their previews."""
    return ok({"proposals": proposals.listed(services(), caller().tenant_id, query.status)})


@api.get("/v1/proposals/<int:id>", security=access("read"), responses={200: ProposalView}, summary="One proposal")
def get_proposal(path: IdPath) -> Response:
    """Tell one proposal with each decision on it."""
    return ok(proposals.one_of(services(), caller().tenant_id, path.id))


@api.post(
    "/v1/proposals/<int:id>/<answer>", security=access("notify"), responses={200: Answered}, summary="Decide"
)  # fmt: skip
def decide_proposal(path: AnswerPath, body: AnswerBody) -> Response:
    """Approve, reject or undo; what no longer makes sense is a conflict."""
    told = body.actor, body.note, body.moment()
    outcome = proposals.decide(services(), caller().tenant_id, path.id, path.answer, *told)
    return ok(Answered(**{name: getattr(outcome, name) for name in Answered.model_fields}).model_dump())


@api.post(
    "/v1/proposal-messages/<int:id>/send",
    security=access("notify"),
    responses={200: Sent},
    summary="Tell of it",
)
def send_proposal(path: IdPath, body: AsOfBody) -> Response:
    """Send unless it is sent."""
    return ok(proposal_admin.send(services(), caller().tenant_id, path.id))
