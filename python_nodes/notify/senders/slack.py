"""Slack through its Web API: Block Kit, the chart as a file, one message an alert, updated in place.

Recipients are channel ids (``C…``): ``conversations.history`` takes no names. Scopes: ``chat:write``, ``files:write``,
``channels:history`` (``groups:history`` for private channels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NoReturn

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web import SlackResponse
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from python_nodes.domain.said import say
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import slack_blocks
from python_nodes.notify.base import LATE_S, Leaves, Message, freely
from python_nodes.notify.slack_blocks import escape

EVENT_TYPE = "nightporter_delivery"
HISTORY_PAGES = 5
NOTE = "nightporter-note"

_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
     "team_added_to_org"}
)  # fmt: skip
_NOTHING_TO_UPDATE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


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
        self._token, self._timeout_s, self._rate_limit_retries = token, timeout_s, rate_limit_retries
        self._base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self._chart_wait_s = chart_wait_s

    def send(self, message: Message, leaves: Leaves = freely) -> str:
        """Post or update, once per ``delivery_id``; the reference is ``channel:ts``, and ``:file:key`` of its chart."""

        def leaves_now() -> None:
            leaves(2 * self._timeout_s + LATE_S)

        with _by_recovery():
            client = self._client(_LeavesAgain(leaves_now, max_retry_count=self._rate_limit_retries))
            return _Carrier(client, leaves_now, self._chart_wait_s).carry(message)

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None:
        """Say something that only one person in the channel sees; Slack keeps no copy, so it is never sent again."""
        with _by_recovery():
            self._plain().chat_postEphemeral(channel=channel, user=user, text=escape(text), thread_ts=thread_ts)

    def open_form(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a form over the message for whoever pressed; the trigger is good once, for three seconds."""
        with _by_recovery():
            self._plain().views_open(trigger_id=trigger_id, view=dict(view))

    def _plain(self) -> WebClient:
        return self._client(RateLimitErrorRetryHandler(max_retry_count=self._rate_limit_retries))

    def _client(self, again: RateLimitErrorRetryHandler) -> WebClient:
        # Only 429 is tried again inside: after a broken connection the post may have happened, and the next
        # attempt has to look in the channel first.
        return WebClient(token=self._token, base_url=self._base_url, timeout=self._timeout_s, retry_handlers=[again])


class _LeavesAgain(RateLimitErrorRetryHandler):
    """Waits for as long as Slack asks after a 429, and says anew that the request leaves."""

    def __init__(self, leaves_now: Callable[[], None], max_retry_count: int) -> None:
        super().__init__(max_retry_count=max_retry_count)
        self._leaves_now = leaves_now

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        """Wait, then leave; whoever has been overtaken meanwhile leaves no more."""
        super().prepare_for_next_attempt(state=state, request=request, response=response, error=error)
        self._leaves_now()


class _Carrier:
    """One attempt at one message."""

    def __init__(self, client: WebClient, leaves_now: Callable[[], None], chart_wait_s: float) -> None:
        self._client, self._leaves_now, self._chart_wait_s = client, leaves_now, chart_wait_s

    def carry(self, message: Message) -> str:
        """Find the message, or post or update it."""
        ref = self._found(message) if message.is_retry else None
        if ref is None:
            chart = message.chart_ref.split(":")[2] if message.chart_ref else self._upload(message)
            ref = self._put(message, chart)
        if message.note:
            self._put_note(message, ref)
        return ref

    def _put_note(self, message: Message, ref: str) -> None:
        channel, ts, *_ = ref.split(":")
        if message.is_retry:
            thread = self._client.conversations_replies(channel=channel, ts=ts, limit=200)
            if any(_carries(item, message, NOTE) for item in thread.get("messages") or []):
                return
        said = {
            "type": "section",
            "text": slack_blocks.markdown(escape(message.note)),
            "block_id": slack_blocks.block_id(message, NOTE),
        }
        self._leaves_now()
        # Of a reply only those in the thread are told, and of a message that changes nobody.
        self._client.chat_postMessage(
            channel=channel, thread_ts=ts, text=escape(message.note), blocks=[said], reply_broadcast=message.is_call
        )

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
            "blocks": slack_blocks.blocks(message, chart_file_id),
            "metadata": {
                "event_type": EVENT_TYPE,
                "event_payload": {"delivery_id": message.delivery_id, "alert_id": message.alert_id},
            },
        }
        self._leaves_now()
        if message.update_ref:
            channel, ts, *_ = message.update_ref.split(":")
            try:
                answer = self._client.chat_update(channel=channel, ts=ts, **content)
                return _reference(answer, message, chart_file_id)
            except SlackApiError as error:
                if error.response.get("error") not in _NOTHING_TO_UPDATE:
                    raise
        answer = self._client.chat_postMessage(
            channel=message.recipient, unfurl_links=False, unfurl_media=False, **content
        )
        return _reference(answer, message, chart_file_id)


def _reference(answer: SlackResponse, message: Message, chart_file_id: str | None) -> str:
    ref = f"{answer['channel']}:{answer['ts']}"
    return f"{ref}:{chart_file_id}:{message.chart_key}" if chart_file_id and message.chart_key else ref


def _carries(item: dict[str, Any], message: Message, part: str = "nightporter") -> bool:
    # Metadata is Slack's place for it; a block id survives where an app may not read metadata.
    payload = (item.get("metadata") or {}).get("event_payload") or {}
    in_blocks = any(block.get("block_id") == slack_blocks.block_id(message, part) for block in item.get("blocks") or [])
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
        wait_s = float(after) if after else None
        is_answered = error.response.status_code != HTTPStatus.GATEWAY_TIMEOUT
        raise RetryableError(f"slack: {code}", retry_after_s=wait_s, is_answered=is_answered) from error
    raise PermanentError(f"slack: {code}", status=502) from error
