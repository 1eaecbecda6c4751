"""/console: the portfolio as a page, its cards, what is found by name, and the files that pages load."""

from __future__ import annotations

from flask import Response, make_response, redirect
from flask.blueprints import BlueprintSetupState
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.console import page, portfolio, read
from python_nodes.console.asked import PickedQuery
from python_nodes.errors import NotFoundError
from python_nodes.http.reply import services
from python_nodes.store import listing_search

api = APIBlueprint("console", __name__, abp_tags=[{"name": "pages"}], template_folder=str(page.TEMPLATES))
api.after_app_request(page.worded)
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}
READ = access("read", page=True)
MOST_FOUND = 12


class CardPath(BaseModel):
    """A card's name."""

    card: str = Field(pattern=r"^[a-z_]{1,40}$")


class AssetPath(BaseModel):
    """A file's address: the digest of its content, and its name."""

    digest: str = Field(pattern=r"^[0-9a-f]{12}$")
    name: str = Field(max_length=80)


class FindQuery(PickedQuery):
    """What is looked for, within what is picked."""

    q: str = Field(default="", max_length=100)


@api.record_once
def _install(state: BlueprintSetupState) -> None:
    page.install(state.app)


@api.get("/console", security=READ, summary="The console", responses={302: None})
def console() -> Response:
    """Lead to the portfolio."""
    return make_response(redirect("/console/portfolio"))


@api.get("/console/portfolio", security=READ, summary="The portfolio as a page", responses=HTML)
def portfolio_page(query: PickedQuery) -> Response:
    """Show the page; its cards ask for themselves."""
    with services().database.tenant(caller().tenant_id) as conn:
        shelf = read.shelf(conn, clock.now())
    return page.page(
        "portfolio.html", title="Portfolio", here="portfolio", picked=query.picked(shelf.as_of), shelf=shelf,
        layout=portfolio.LAYOUT,
    )  # fmt: skip


@api.get("/console/portfolio/<card>", security=READ, summary="A card of the portfolio", responses=HTML)
def portfolio_card(path: CardPath, query: PickedQuery) -> Response:
    """Show one card."""
    if path.card not in portfolio.CARDS:
        raise NotFoundError("There is no such card.")
    template, fill = portfolio.CARDS[path.card]
    with services().database.tenant(caller().tenant_id) as conn:
        picked = query.picked(read.as_of(conn, clock.now()))
        return page.part(template, card=path.card, **{**fill(services(), conn, picked), "picked": picked})


@api.get("/console/find", security=READ, summary="Listings by name", responses=HTML)
def find(query: FindQuery) -> Response:
    """Show the listings of which each word is in a name."""
    with services().database.tenant(caller().tenant_id) as conn:
        found = listing_search.search(conn, query.q, query.only(query.market), query.only(query.channel), MOST_FOUND)
    return page.part("found.html", found=found if query.q.strip() else [], q=query.q.strip(), days=query.days)


@api.get("/console/static/<digest>/<path:name>", security=READ, doc_ui=True, responses={200: {"description": "A file"}})
def asset(path: AssetPath) -> Response:
    """Give a script or a style sheet."""
    return page.asset(path.name)
