"""Slack through its Web API: Block Kit, the chart as a file, one message an alert, updated in place.

Recipients are channel ids (``C…``): ``conversations.history`` takes no names. Scopes: ``chat:write``, ``files:write``,
``channels:history`` (``groups:history`` for private channels).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from python_nodes.domain.said import say
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import words
from python_nodes.notify.base import Choice, Field, Message

EVENT_TYPE = "nightporter_delivery"
HISTORY_PAGES = 5
NOTE = "nightporter-note"

_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
     "team_added_to_org"}
)  # fmt: skip
_NOTHING_TO_UPDATE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_MARKS = {
    "critical": ":red_circle:",
    "high": ":large_orange_circle:",
    "medium": ":large_yellow_circle:",
    "low": ":white_circle:",
}
_FIELDS_A_SECTION, _SHORT = 10, 72
_LIMIT_HEADER, _LIMIT_FIELD, _LIMIT_SECTION = 150, 2000, 3000


def escape(text: str) -> str:
    """Escape Slack's three control characters, so that a title cannot ping, link or mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": True}


def _markdown(text: str, limit: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut(text, limit), "verbatim": True}


def _field(field: Field) -> dict[str, Any]:
    return _markdown(f"*{escape(field.label)}*\n{escape(field.value)}", _LIMIT_FIELD)


def _sections(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Lay short fields out in two columns, as many sections as Slack's limit asks for, and sentences below them."""
    short = [_field(field) for field in fields if len(field.value) <= _SHORT]
    sections: list[dict[str, Any]] = [
        {"type": "section", "fields": short[at : at + _FIELDS_A_SECTION]}
        for at in range(0, len(short), _FIELDS_A_SECTION)
    ]
    return sections + [{"type": "section", "text": _field(field)} for field in fields if len(field.value) > _SHORT]


def _opening(message: Message) -> str:
    if not message.in_words:
        return escape(message.summary)
    return f"{escape(message.summary)}\n*{escape(say('In words:'))}* {escape(message.in_words)}"


def _button(message: Message, choice: Choice) -> dict[str, Any]:
    button = {
        "type": "button",
        "text": _plain(choice.label, 75),
        "action_id": choice.name,
        "value": str(message.alert_id),
    }
    return button | {"style": "primary"} if choice is message.choices[0] else button


def blocks(message: Message, chart_file_id: str | None) -> list[dict[str, Any]]:
    """Lay the message out: header, what it costs, evidence, chart, links, context."""
    mark = ":white_check_mark:" if message.state == "resolved" else _MARKS[message.category]
    laid: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": _plain(f"{mark} {escape(message.title)}", _LIMIT_HEADER),
        },
        {"type": "section", "text": _markdown(_opening(message), _LIMIT_SECTION)},
        *_sections(message.fields),
    ]
    if message.evidence:
        facts = "\n".join(f"• {escape(line)}" for line in message.evidence)
        laid.append(
            {
                "type": "section",
                "text": _markdown(f"*{escape(words.heading(message.is_digest))}*\n{facts}", _LIMIT_SECTION),
            }
        )
    if chart_file_id is not None:
        laid.append(
            {
                "type": "image",
                "slack_file": {"id": chart_file_id},
                "alt_text": message.chart_alt or say("Chart"),
            }
        )
    if message.links:
        links = "  ·  ".join(f"<{link.url}|{escape(link.label)}>" for link in message.links)
        laid.append({"type": "section", "text": _markdown(links, _LIMIT_SECTION)})
    if message.people:
        laid.append({"type": "context", "elements": [_markdown(escape(line), 2000) for line in message.people[:10]]})
    if message.choices:
        laid.append({"type": "actions", "elements": [_button(message, choice) for choice in message.choices[:25]]})
    about = [say("alert {alert_id}", alert_id=message.alert_id), words.category(message.category)]
    told = [words.digest(message.span)] if message.is_digest else [*about, words.state(message.state)]
    context = escape(" · ".join(["Nightporter", *told]))
    laid.append({"type": "context", "block_id": _block_id(message), "elements": [_markdown(context, _LIMIT_SECTION)]})
    return laid


class Sender:
    """Posts to one Slack workspace as one bot."""

    NAME = "slack"
    SHOWS_PICTURES = True

    def __init__(
        self,
        token: str,
        base_url: str = "https://slack.com/api/",
        timeout_s: int = 15,
        rate_limit_retries: int = 1,
        chart_wait_s: float = 1.0,
    ) -> None:
        # Only 429 is tried again inside: after a broken connection the post may have happened, and the next
        # attempt has to look in the channel first.
        self._client = WebClient(
            token=token,
            base_url=base_url if base_url.endswith("/") else f"{base_url}/",
            timeout=timeout_s,
            retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=rate_limit_retries)],
        )
        self._chart_wait_s = chart_wait_s

    def send(self, message: Message) -> str:
        """Post or update, once per ``delivery_id``; the reference is ``channel:ts``."""
        with _by_recovery():
            ref = self._found(message) if message.is_retry else None
            if ref is None:
                ref = self._put(message, self._upload(message))
            if message.note:
                self._put_note(message, ref)
            return ref

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None:
        """Say something that only one person in the channel sees; Slack keeps no copy, so it is never sent again."""
        with _by_recovery():
            self._client.chat_postEphemeral(channel=channel, user=user, text=escape(text), thread_ts=thread_ts)

    def open_form(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a form over the message for whoever pressed; the trigger is good once, for three seconds."""
        with _by_recovery():
            self._client.views_open(trigger_id=trigger_id, view=dict(view))

    def _put_note(self, message: Message, ref: str) -> None:
        channel, _, ts = ref.partition(":")
        if message.is_retry:
            thread = self._client.conversations_replies(channel=channel, ts=ts, limit=200)
            if any(_carries(item, message, NOTE) for item in thread.get("messages") or []):
                return
        said = {
            "type": "section",
            "text": _markdown(escape(message.note), _LIMIT_SECTION),
            "block_id": _block_id(message, NOTE),
        }
        self._client.chat_postMessage(channel=channel, thread_ts=ts, text=escape(message.note), blocks=[said])

    def _found(self, message: Message) -> str | None:
        try:
            return self._find(message)
        except SlackApiError as error:
            # Where nothing can be read nothing is found; whether anything can be posted there, posting will tell.
            if error.response.get("error") != "channel_not_found":
                raise
            return None

    def _find(self, message: Message) -> str | None:
        channel = message.update_ref.partition(":")[0] if message.update_ref else message.recipient
        cursor: str | None = None
        for _ in range(HISTORY_PAGES):
            page = self._client.conversations_history(
                channel=channel, limit=200, include_all_metadata=True, cursor=cursor
            )
            for item in page.get("messages") or []:
                if _carries(item, message):
                    return f"{channel}:{item['ts']}"
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None
        return None

    def _upload(self, message: Message) -> str | None:
        if message.chart_png is None:
            return None
        try:
            done = self._client.files_upload_v2(
                filename=f"alert-{message.alert_id}.png",
                content=message.chart_png,
                title=message.chart_alt or say("Chart"),
                alt_txt=message.chart_alt or say("Chart"),
            )
        except SlackApiError as error:
            if _is_passing(error) or error.response.get("error") in ("invalid_auth", "token_revoked"):
                raise
            return None  # an alert without its picture is worth more than none
        return str(done["files"][0]["id"])

    def _put(self, message: Message, chart_file_id: str | None) -> str:
        try:
            for attempt in Retrying(
                stop=stop_after_attempt(3 if chart_file_id else 1),
                wait=wait_fixed(self._chart_wait_s),
                retry=retry_if_exception(_is_unready_chart),
                reraise=True,
            ):
                with attempt:
                    return self._post_or_update(message, chart_file_id)
        except SlackApiError as error:
            if chart_file_id is None or not _is_unready_chart(error):
                raise
        return self._post_or_update(message, None)

    def _post_or_update(self, message: Message, chart_file_id: str | None) -> str:
        content: dict[str, Any] = {
            "text": f"{escape(message.title)}. {escape(message.summary)}",
            "blocks": blocks(message, chart_file_id),
            "metadata": {
                "event_type": EVENT_TYPE,
                "event_payload": {"delivery_id": message.delivery_id, "alert_id": message.alert_id},
            },
        }
        if message.update_ref:
            channel, _, ts = message.update_ref.partition(":")
            try:
                answer = self._client.chat_update(channel=channel, ts=ts, **content)
                return f"{answer['channel']}:{answer['ts']}"
            except SlackApiError as error:
                if error.response.get("error") not in _NOTHING_TO_UPDATE:
                    raise
        answer = self._client.chat_postMessage(
            channel=message.recipient, unfurl_links=False, unfurl_media=False, **content
        )
        return f"{answer['channel']}:{answer['ts']}"


def _block_id(message: Message, part: str = "nightporter") -> str:
    return f"{part}:{message.delivery_id}"[:255]


def _carries(item: dict[str, Any], message: Message, part: str = "nightporter") -> bool:
    # Metadata is Slack's place for it; a block id survives where an app may not read metadata.
    payload = (item.get("metadata") or {}).get("event_payload") or {}
    in_blocks = any(block.get("block_id") == _block_id(message, part) for block in item.get("blocks") or [])
    return in_blocks or (part != NOTE and payload.get("delivery_id") == message.delivery_id)


def _is_unready_chart(error: BaseException) -> bool:
    # Slack refuses a slack_file block until it has processed the upload, which takes a moment.
    return isinstance(error, SlackApiError) and error.response.get("error") == "invalid_blocks"


def _is_passing(error: SlackApiError) -> bool:
    status = int(error.response.status_code or 0)
    return status == 429 or status >= 500 or error.response.get("error") in _PASSING


@contextmanager
def _by_recovery() -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        _raise_by_recovery(error)
    except (SlackClientError, OSError) as error:
        raise RetryableError(f"slack: {type(error).__name__}") from error


def _raise_by_recovery(error: SlackApiError) -> NoReturn:
    code = error.response.get("error") or f"HTTP {error.response.status_code}"
    if _is_passing(error):
        headers = {name.lower(): value for name, value in (error.response.headers or {}).items()}
        told = headers.get("retry-after")
        after = told[0] if isinstance(told, list) else told
        raise RetryableError(f"slack: {code}", retry_after_s=float(after) if after else None) from error
    raise PermanentError(f"slack: {code}", status=502) from error
