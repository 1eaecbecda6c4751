"""Slack's Web API, the methods an alerting app needs, with Slack's own error words.

Documented (api.slack.com/methods, Block Kit reference): method names, ``{"ok": false, "error": …}`` with status 200,
``not_authed``/``invalid_auth``, ``invalid_blocks`` with ``response_metadata.messages``, the limits of blocks, the three
steps of an upload. Assumed: a channel exists once somebody posts to its name. Other methods answer ``unknown_method``.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import receivers_blocks, receivers_forms
from sandbox.inbox import Block, Inbox, SlackMessage

TOKEN = "xoxb-sandbox"
_MAX_TEXT = 40_000
_MAX_FILE_BYTES = 20_000_000
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{8,}")


class SlackError(Exception):
    """One of Slack's error words, with what Slack adds to it."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages


def blueprint(inbox: Inbox, now: Callable[[], datetime]) -> Blueprint:
    """The blueprint under /slack."""
    slack = Blueprint("slack", __name__, url_prefix="/slack")
    methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "auth.test": lambda _: _auth_test(),
        "chat.postMessage": lambda args: _post_message(inbox, args, now()),
        "chat.update": lambda args: _update(inbox, args, now()),
        "chat.postEphemeral": lambda args: _post_ephemeral(inbox, args, now()),
        "conversations.history": lambda args: _history(inbox, args),
        "conversations.replies": lambda args: _replies(inbox, args),
        "views.open": lambda args: _open_form(inbox, args),
        "files.getUploadURLExternal": lambda args: _upload_url(inbox, args),
        "files.completeUploadExternal": lambda args: _complete_upload(inbox, args, now()),
    }

    @slack.route("/api/<method>", methods=["GET", "POST"])
    def call(method: str) -> Response:
        try:
            _authorize()
            if method not in methods:
                raise SlackError("unknown_method")
            return jsonify({"ok": True} | methods[method](_arguments()))
        except SlackError as error:
            body: dict[str, Any] = {"ok": False, "error": error.error}
            if error.messages:
                body |= {"errors": error.messages, "response_metadata": {"messages": error.messages}}
            return jsonify(body)

    @slack.route("/upload/<file_id>", methods=["POST", "PUT"])
    def upload(file_id: str) -> tuple[str, int]:
        return _receive_file(inbox, file_id)

    return slack


def _authorize() -> None:
    header = request.headers.get("Authorization", "")
    given = header.removeprefix("Bearer ") if header else request.values.get("token", "")
    if not given:
        raise SlackError("not_authed")
    if not hmac.compare_digest(given.encode(), TOKEN.encode()):
        raise SlackError("invalid_auth")


def _arguments() -> dict[str, Any]:
    if request.mimetype == "application/json":
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise SlackError("invalid_json")
        return body
    arguments: dict[str, Any] = request.values.to_dict()
    for name in ("blocks", "files", "view"):
        if name in arguments:
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
    return arguments


def _auth_test() -> dict[str, Any]:
    return {
        "url": request.url_root, "team": "Sandbox", "user": "nightporter", "team_id": "T0SANDBOX",
        "user_id": "U0SANDBOX", "bot_id": "B0SANDBOX",
    }  # fmt: skip


def _content(args: dict[str, Any]) -> tuple[str, tuple[Block, ...]]:
    text, blocks = str(args.get("text") or ""), args.get("blocks") or []
    if len(text) > _MAX_TEXT:
        raise SlackError("msg_too_long")
    found = receivers_blocks.problems(blocks)
    if found:
        raise SlackError("invalid_blocks", [f"[ERROR] {message}" for message in found])
    if not text and not blocks:
        raise SlackError("no_text")
    return text, tuple(blocks)


def _channel(args: dict[str, Any], name: str = "channel") -> str:
    """A channel's id; only chat.postMessage takes a channel's name."""
    channel = str(args.get(name) or "")
    if not _CHANNEL_ID.fullmatch(channel):
        raise SlackError("channel_not_found")
    return channel


def _message_json(message: SlackMessage) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "message", "ts": message.ts, "text": message.text, "blocks": list(message.blocks),
        "user": "U0SANDBOX", "bot_id": "B0SANDBOX", "files": [{"id": file_id} for file_id in message.file_ids],
    }  # fmt: skip
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.is_broadcast:
        body["subtype"] = "thread_broadcast"
    if message.edited_at:
        body["edited"] = {"user": "U0SANDBOX", "ts": f"{message.edited_at.timestamp():.6f}"}
    return body


def _post_message(inbox: Inbox, args: dict[str, Any], now: datetime) -> dict[str, Any]:
    name = str(args.get("channel") or "")
    if not name.strip("#"):
        raise SlackError("channel_not_found")
    text, blocks = _content(args)
    thread_ts = str(args["thread_ts"]) if args.get("thread_ts") else None
    is_broadcast = thread_ts is not None and str(args.get("reply_broadcast", "")).lower() in ("1", "true")
    channel = inbox.channel_id(name)
    message = inbox.post(channel, text, blocks, now, thread_ts=thread_ts, is_broadcast=is_broadcast)
    return {"channel": message.channel, "ts": message.ts, "message": _message_json(message)}


def _update(inbox: Inbox, args: dict[str, Any], now: datetime) -> dict[str, Any]:
    channel, ts = _channel(args), str(args.get("ts") or "")
    text, blocks = _content(args)
    message = inbox.update(channel, ts, text, blocks, now)
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel, "ts": ts, "text": message.text, "message": _message_json(message)}


def _history(inbox: Inbox, args: dict[str, Any]) -> dict[str, Any]:
    channel = _channel(args)
    try:
        limit = min(999, max(1, int(args.get("limit") or 100)))
        oldest = float(args.get("oldest") or 0)
    except ValueError:
        raise SlackError("invalid_arguments") from None
    kept = [m for m in inbox.slack() if m.channel == channel and m.only_for is None]
    found = [m for m in kept if (not m.thread_ts or m.is_broadcast) and float(m.ts) >= oldest]
    return {"messages": [_message_json(m) for m in found[:limit]], "has_more": len(found) > limit}


def _replies(inbox: Inbox, args: dict[str, Any]) -> dict[str, Any]:
    """A thread, its first message first."""
    channel, ts = _channel(args), str(args.get("ts") or "")
    found = [m for m in reversed(inbox.slack()) if m.channel == channel and ts in (m.ts, m.thread_ts)]
    if not any(m.ts == ts for m in found):
        raise SlackError("thread_not_found")
    return {"messages": [_message_json(m) for m in found if m.only_for is None], "has_more": False}


def _post_ephemeral(inbox: Inbox, args: dict[str, Any], now: datetime) -> dict[str, Any]:
    user = str(args.get("user") or "")
    if not user:
        raise SlackError("user_not_in_channel")
    text, blocks = _content(args)
    thread_ts = str(args["thread_ts"]) if args.get("thread_ts") else None
    message = inbox.post(_channel(args), text, blocks, now, thread_ts=thread_ts, only_for=user)
    return {"message_ts": message.ts}


def _open_form(inbox: Inbox, args: dict[str, Any]) -> dict[str, Any]:
    view = args.get("view")
    found = receivers_forms.problems(view)
    if found or not isinstance(view, dict):
        raise SlackError("invalid_arguments", [f"[ERROR] {message}" for message in found])
    opened = inbox.forms.open(str(args.get("trigger_id") or ""), view)
    if isinstance(opened, str):
        raise SlackError(opened)
    return {"view": view | {"id": opened.form_id, "state": {"values": {}}}}


def _upload_url(inbox: Inbox, args: dict[str, Any]) -> dict[str, Any]:
    try:
        length = int(args.get("length") or 0)
    except ValueError:
        raise SlackError("invalid_arguments") from None
    if not args.get("filename") or not 0 < length <= _MAX_FILE_BYTES:
        raise SlackError("invalid_arguments", ["[ERROR] filename and a length above 0 are required"])
    file = inbox.new_file(str(args["filename"]), length)
    return {"upload_url": f"{request.url_root}slack/upload/{file.file_id}", "file_id": file.file_id}


def _receive_file(inbox: Inbox, file_id: str) -> tuple[str, int]:
    file = inbox.file(file_id)
    if file is None:
        return "no such upload", 404
    # Clients that send the bare bytes may call them a form (urllib does): only multipart is taken apart.
    uploads = list(request.files.values()) if request.mimetype == "multipart/form-data" else []
    content = uploads[0].read() if uploads else request.get_data()
    if len(content) != file.length_bytes:
        return f"expected {file.length_bytes} bytes, got {len(content)}", 400
    inbox.put_file(replace(file, content=content))
    return f"OK - {len(content)}", 200


def _complete_upload(inbox: Inbox, args: dict[str, Any], now: datetime) -> dict[str, Any]:
    entries = args.get("files")
    if not isinstance(entries, list) or not entries:
        raise SlackError("invalid_arguments", ["[ERROR] files is required"])
    done = []
    for entry in entries:
        file = inbox.file(str(entry.get("id"))) if isinstance(entry, dict) else None
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        done.append(replace(file, title=str(entry.get("title") or file.name)))
    for file in done:
        inbox.put_file(file)
    if args.get("channel_id"):
        inbox.post(
            _channel(args, "channel_id"), str(args.get("initial_comment") or ""), (), now,
            thread_ts=str(args["thread_ts"]) if args.get("thread_ts") else None,
            file_ids=tuple(file.file_id for file in done),
        )  # fmt: skip
    return {"files": [{"id": file.file_id, "title": file.title} for file in done]}
