"""The API's documentation as pages; nothing is loaded from elsewhere."""

from __future__ import annotations

import importlib.resources
import secrets
from pathlib import Path
from typing import cast

from flask import Response, current_app, jsonify, make_response, render_template
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.openapi import OpenAPI
from flask_openapi.types import ResponseDict

from python_nodes.auth import access

api = APIBlueprint(
    "pages", __name__, abp_tags=[{"name": "pages"}], template_folder=str(Path(__file__).parent / "templates")
)
SCALAR = importlib.resources.files("flask_openapi_scalar") / "templates" / "scalar" / "js" / "scalar.standalone.js"


JSON: ResponseDict = {200: {"description": "An OpenAPI document"}}
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}


def _page(template: str, nonce: str, **values: object) -> Response:
    answer = make_response(render_template(template, nonce=nonce, **values))
    # Scalar writes its own style elements, hence inline styles; scripts need the nonce, and nothing leaves this host.
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return answer


@api.get("/openapi.json", security=access("read", page=True), summary="OpenAPI 3", responses=JSON)
def openapi() -> Response:
    """Tell the API's description, generated from the code."""
    app = cast(OpenAPI, current_app)
    return jsonify(app.api_doc)


@api.get("/docs", security=access("read", page=True), summary="This documentation as a page", responses=HTML)
def docs() -> Response:
    """Show the documentation, offline."""
    return _page("docs.html", secrets.token_urlsafe(16))


@api.get("/docs/scalar.js", security=access("read", page=True), doc_ui=True, responses={200: {"description": "Script"}})
def scalar() -> Response:
    """Give the page's script, as the wheel holds it."""
    answer = Response(SCALAR.read_bytes(), content_type="text/javascript; charset=utf-8")
    answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer
