"""/console/listing: one listing as a page, and its cards."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.console import listing, page, read
from python_nodes.console.asked import PickedQuery
from python_nodes.errors import NotFoundError
from python_nodes.http.bodies import IdPath
from python_nodes.http.reply import services

api = APIBlueprint("console_listing", __name__, abp_tags=[{"name": "pages"}])
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}
READ = access("read", page=True)


class CardOfListing(IdPath):
    """A listing and a card's name."""

    card: str = Field(pattern=r"^[a-z_]{1,40}$")


@api.get("/console/listing/<int:id>", security=READ, summary="A listing as a page", responses=HTML)
def listing_page(path: IdPath, query: PickedQuery) -> Response:
    """Show who the listing is; its cards ask for themselves."""
    with services().database.tenant(caller().tenant_id) as conn:
        shelf = read.shelf(conn, clock.now())
        picked = query.picked(shelf.as_of, path.id)
        told = listing.header(services(), conn, picked)
    return page.page(
        "listing.html", title=told["about"]["title"], here="listing", picked=picked, shelf=shelf,
        layout=listing.layout(), **told,
    )  # fmt: skip


@api.get("/console/listing/<int:id>/<card>", security=READ, summary="A card of a listing", responses=HTML)
def listing_card(path: CardOfListing, query: PickedQuery) -> Response:
    """Show one card."""
    if path.card not in listing.CARDS:
        raise NotFoundError("There is no such card.")
    template, fill = listing.CARDS[path.card]
    with services().database.tenant(caller().tenant_id) as conn:
        picked = query.picked(read.as_of(conn, clock.now()), path.id)
        return page.part(template, card=path.card, **{**fill(services(), conn, picked), "picked": picked})
