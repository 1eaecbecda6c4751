"""The pages: what people would have got, and what of this world is fitted, simulated and assumed."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
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
from sandbox.receivers_forms import OpenForm

TEMPLATES = Path(__file__).parent / "templates"
PNG = b"\x89PNG\r\n\x1a\n"
SMS_CHARACTERS = 160
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the pages show and act on, and the token that opens them."""

    inbox: Inbox
    now: Callable[[], datetime]
    page_token: str
    hooks: Hooks

    def is_open(self) -> bool:
        """Whether whoever asks has the token, now or earlier in this session."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.args.get("token", "")
        return bool(session.get("pages")) or hmac.compare_digest(given.encode(), self.page_token.encode())

    def check(self) -> None:
        """Refuse whoever has no token."""
        if not self.is_open():
            abort(401)


def blueprint(inbox: Inbox, now: Callable[[], datetime], page_token: str, hooks: Hooks) -> Blueprint:
    """The pages' blueprint."""
    pages = Blueprint("pages", __name__, template_folder=str(TEMPLATES))
    pages.add_app_template_filter(mrkdwn, "mrkdwn")
    pages.add_app_template_filter(plain_text, "plain_text")
    pages.add_app_template_filter(_email_document, "email_document")
    desk = Desk(inbox=inbox, now=now, page_token=page_token, hooks=hooks)
    routes: tuple[tuple[str, str, str, Callable[..., BaseResponse]], ...] = (
        ("GET", "/", "index", _index),
        ("GET", "/messages", "messages", _messages),
        ("GET", "/messages.json", "messages_json", _messages_json),
        ("GET", "/files/<file_id>", "file", _file),
        ("POST", "/messages/click", "click", _click),
        ("POST", "/messages/form", "form", _form),
        ("POST", "/messages/reply", "reply", _reply),
    )
    for method, path, name, view in routes:
        pages.add_url_rule(path, name, partial(view, desk), methods=[method])
    return pages


def _index(desk: Desk) -> BaseResponse:
    return _page("index.html", now=desk.now())


def _messages(desk: Desk) -> BaseResponse:
    if not desk.is_open():
        response = _page("locked.html", now=desk.now())
        response.status_code = 401
        return response
    if "token" in request.args:
        # The token leaves the address bar, so that a screenshot or a copied link does not carry it.
        session["pages"] = True
        return redirect(url_for("pages.messages"))
    return _page(
        "messages.html", now=desk.now(), entries=entries(desk.inbox), channel_name=desk.inbox.channel_name,
        word=session.pop("word", None), hooks=desk.hooks, forms=desk.inbox.forms.opened(),
    )  # fmt: skip


def _messages_json(desk: Desk) -> BaseResponse:
    desk.check()
    return jsonify(desk.inbox.as_json())


def _file(desk: Desk, file_id: str) -> BaseResponse:
    found = desk.inbox.file(file_id) if desk.is_open() else None
    if found is None or found.content is None or not found.content.startswith(PNG):
        abort(404)
    response = Response(found.content, mimetype="image/png")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _click(desk: Desk) -> BaseResponse:
    desk.check()
    key = (request.form.get("channel"), request.form.get("ts"))
    message = next((post for post in desk.inbox.slack() if (post.channel, post.ts) == key), None)
    if message is None:
        abort(404)
    url, action = desk.hooks.slack_actions_url, request.form.get("action_id", "")
    done = receivers_clicks.press(url, message, action, desk.now(), desk.inbox.forms.trigger())
    return _answered(done.word, status=done.status, elapsed_s=done.elapsed_s)


def _form(desk: Desk) -> BaseResponse:
    """Send an open form, or close it unsent."""
    desk.check()
    form = next((one for one in desk.inbox.forms.opened() if one.form_id == request.form.get("form_id")), None)
    if form is None:
        abort(404)
    if request.form.get("close"):
        desk.inbox.forms.keep(form, {})
        return _answered("Closed")
    done = receivers_clicks.submit(desk.hooks.slack_actions_url, form, _seconds(form, request.form))
    if done.ok:
        desk.inbox.forms.keep(form, done.errors)
    return _answered(done.word, status=done.status, elapsed_s=done.elapsed_s, errors=done.errors)


def _seconds(form: OpenForm, filled: Mapping[str, str]) -> dict[str, str]:
    """What was filled in, a browser's moments (UTC) as seconds since 1970."""
    values = {block["block_id"]: filled.get(block["block_id"], "") for block in form.inputs()}
    for block in form.inputs():
        told = values[block["block_id"]]
        if block["element"]["type"] == "datetimepicker" and told and not told.isdigit():
            values[block["block_id"]] = str(int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()))
    return values


def _reply(desk: Desk) -> BaseResponse:
    desk.check()
    text = next((one for one in desk.inbox.texts() if one.sid == request.form.get("sid")), None)
    if text is None or text.is_answer:
        abort(404)
    body = request.form.get("body", "")[:SMS_CHARACTERS]
    return _answered(receivers_twilio.answer(desk.inbox, desk.hooks.sms_replies_url, text, body, desk.now()))


def _answered(word: str, **more: object) -> BaseResponse:
    """JSON for a program, the page again for a person."""
    if "Authorization" in request.headers:
        return jsonify({"word": word} | more)
    session["word"] = word
    return redirect(url_for("pages.messages"), 303)


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
