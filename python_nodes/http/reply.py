"""How endpoints answer: JSON with dates as ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, g, jsonify

from python_nodes.steps.services import Services


def ok(body: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with a JSON object."""
    answer = jsonify(dict(body))
    answer.status_code = status
    return answer


def services() -> Services:
    """What the app was built with."""
    found: Services = current_app.extensions["nightporter"]
    return found


def run_id() -> str:
    """The flow's execution, or this request's own id."""
    return str(g.run_id)
