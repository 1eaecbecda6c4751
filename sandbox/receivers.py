"""The pages: what people would have got, and what of this world is fitted, simulated and assumed."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from sandbox import receivers_clicks, receivers_twilio
from sandbox.inbox import Email, Inbox, SlackMessage, Text
from sandbox.receivers_blocks import mrkdwn, plain_text

TEMPLATES = Path(__file__).parent / "templates"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Where presses of buttons and answers to texts go: what an operator would set at Slack and at Twilio."""

    slack_actions_url: str = ""
    sms_replies_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message on the page, of any kind; a Slack message carries its replies."""

    at: datetime
    slack: SlackMessage | None = None
    email: Email | None = None
    text: Text | None = None
    replies: tuple[SlackMessage, ...] = ()


def entries(inbox: Inbox) -> list[Entry]:
    """Every kind of message, newest first; replies hang on their thread, oldest first."""
    posts = inbox.slack()
    roots = {(post.channel, post.ts) for post in posts if not post.thread_ts}
    listed = [Entry(at=mail.received_at, email=mail) for mail in inbox.emails()]
    listed += [Entry(at=text.at, text=text) for text in inbox.texts()]
    for post in posts:
        if post.thread_ts and (post.channel, post.thread_ts) in roots:
            continue
        replies = tuple(r for r in reversed(posts) if (r.channel, r.thread_ts) == (post.channel, post.ts))
        listed.append(Entry(at=post.posted_at, slack=post, replies=replies))
    return sorted(listed, key=lambda entry: entry.at, reverse=True)


def blueprint(inbox: Inbox, now: Callable[[], datetime], page_token: str, hooks: Hooks) -> Blueprint:
    """The pages' blueprint."""
    pages = Blueprint("pages", __name__, template_folder=str(TEMPLATES))
    pages.add_app_template_filter(mrkdwn, "mrkdwn")
    pages.add_app_template_filter(plain_text, "plain_text")
    pages.add_app_template_filter(_email_document, "email_document")

    def allowed() -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.args.get("token", "")
        return bool(session.get("pages")) or hmac.compare_digest(given.encode(), page_token.encode())

    @pages.get("/")
    def index() -> Response:
        return _page("index.html", now=now())

    @pages.get("/messages")
    def messages() -> BaseResponse:
        if not allowed():
            response = _page("locked.html", now=now())
            response.status_code = 401
            return response
        if "token" in request.args:
            # The token leaves the address bar, so that a screenshot or a copied link does not carry it.
            session["pages"] = True
            return redirect(url_for("pages.messages"))
        word = session.pop("word", None)
        return _page(
            "messages.html", now=now(), entries=entries(inbox), channel_name=inbox.channel_name, word=word, hooks=hooks
        )

    def answered(word: str, **more: object) -> BaseResponse:
        if "Authorization" in request.headers:
            return jsonify({"word": word} | more)
        session["word"] = word
        return redirect(url_for("pages.messages"), 303)

    @pages.post("/messages/click")
    def click() -> BaseResponse:
        if not allowed():
            abort(401)
        key = (request.form.get("channel"), request.form.get("ts"))
        message = next((post for post in inbox.slack() if (post.channel, post.ts) == key), None)
        if message is None:
            abort(404)
        done = receivers_clicks.press(hooks.slack_actions_url, message, request.form.get("action_id", ""), now())
        return answered(done.word, status=done.status, elapsed_s=done.elapsed_s)

    @pages.post("/messages/reply")
    def reply() -> BaseResponse:
        if not allowed():
            abort(401)
        text = next((one for one in inbox.texts() if one.sid == request.form.get("sid")), None)
        if text is None or text.is_answer:
            abort(404)
        body = request.form.get("body", "")[:160]
        return answered(receivers_twilio.answer(inbox, hooks.sms_replies_url, text, body, now()))

    @pages.get("/messages.json")
    def messages_json() -> Response:
        if not allowed():
            abort(401)
        return jsonify(inbox.as_json())

    @pages.get("/files/<file_id>")
    def file(file_id: str) -> Response:
        found = inbox.file(file_id) if allowed() else None
        if found is None or found.content is None or not found.content.startswith(b"\x89PNG\r\n\x1a\n"):
            abort(404)
        response = Response(found.content, mimetype="image/png")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return pages


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _email_document(html: str) -> str:
    """An e-mail's HTML for a sandboxed frame, which may load nothing from outside; its links open beside it."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}"><base target="_blank">{html}'
