"""OpenAI's Responses API, as far as a structured answer needs it.

Documented (platform.openai.com, API reference and "Structured outputs"): Bearer key, ``POST /v1/responses`` with
``model``, ``instructions``, ``input`` and ``text.format`` of type ``json_schema``; in a strict schema every property is
required and no other is allowed; errors as ``{"error": {"message", "type", "code"}}``; usage in tokens. Simulated: the
model. It fills each text of the schema from the facts in the input, by rule, and knows nothing else.
"""

from __future__ import annotations

import hmac
import itertools
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

API_KEY = "sk-sandbox"
_SERIAL = itertools.count(1)
_CHARACTERS_A_TOKEN = 4


def blueprint(now: Callable[[], datetime]) -> Blueprint:
    """The blueprint under /openai."""
    openai = Blueprint("openai", __name__, url_prefix="/openai")

    @openai.post("/v1/responses")
    def respond() -> tuple[Response, int]:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), API_KEY.encode()):
            return _error(401, "invalid_api_key", "Incorrect API key provided.")
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not body.get("model") or not isinstance(body.get("input"), str):
            return _error(400, "invalid_request_error", "model and a text as input are required here.")
        wanted = (body.get("text") or {}).get("format") or {}
        schema = wanted.get("schema")
        if wanted.get("type") != "json_schema" or not isinstance(schema, dict):
            return _error(400, "invalid_request_error", "text.format must be a json_schema: others are not simulated.")
        if wanted.get("strict") and not _is_strict(schema):
            message = "In strict mode 'required' must hold every property, and additionalProperties be false."
            return _error(400, "invalid_json_schema", message)
        return jsonify(_response(body, json.dumps(_filled(schema, body["input"])), now())), 200

    return openai


def _error(status: int, code: str, message: str) -> tuple[Response, int]:
    return jsonify(
        {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    ), status


def _is_strict(schema: dict[str, Any]) -> bool:
    names = schema.get("properties", {})
    return schema.get("additionalProperties") is False and sorted(schema.get("required", [])) == sorted(names)


def _filled(schema: dict[str, Any], told: str) -> dict[str, str]:
    try:
        facts = json.loads(told)
    except ValueError:
        facts = {}
    words = {name: str(facts.get(name, "")).replace("_", " ") for name in ("cause", "channel", "since", "currency")}
    loss = facts.get("loss_per_day")
    cost = f" and costs about {words['currency']} {loss:,.0f} a day" if isinstance(loss, int | float) else ""
    sentences = [
        f"Since {words['since']} this looks like {words['cause']} on {words['channel']}{cost}.",
        "Look first at what changed on that day, then at the other channels (a simulated model wrote this).",
    ]
    filled = itertools.chain(sentences, itertools.repeat("Simulated."))
    return dict(zip(schema.get("properties", {}), filled, strict=False))


def _response(body: dict[str, Any], text: str, now: datetime) -> dict[str, Any]:
    number = next(_SERIAL)
    used = len(str(body.get("instructions", "")) + body["input"]) // _CHARACTERS_A_TOKEN + 1
    made = len(text) // _CHARACTERS_A_TOKEN + 1
    return {
        "id": f"resp_{number:032x}", "object": "response", "created_at": int(now.timestamp()), "status": "completed",
        "error": None, "incomplete_details": None, "instructions": body.get("instructions"), "metadata": {},
        "model": body["model"], "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "text": body["text"], "store": bool(body.get("store", True)),
        "output": [
            {"type": "message", "id": f"msg_{number:032x}", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": text, "annotations": []}]}
        ],
        "usage": {"input_tokens": used, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": made,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": used + made},
    }  # fmt: skip
