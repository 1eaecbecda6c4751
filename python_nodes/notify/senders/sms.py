"""SMS by Twilio: short, with the answers it takes, and our reference at its end.

Twilio has no idempotency key. So each text ends with the delivery's own reference, and before a text goes out again
Twilio is asked for the texts to that number and whether one of them carries it.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from python_nodes.domain.said import say
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import words
from python_nodes.notify.base import LATE_S, Leaves, Message, freely

TWILIO_URL = "https://api.twilio.com"
MAX_TITLE, MAX_SUMMARY = 110, 100
LOOK_BACK = 200
"""How many texts to one number are looked through for our reference, newest first."""

_LOST = frozenset({"failed", "undelivered", "canceled"})
_WORDS = {"acknowledge": "ACK", "resolve": "OK", "false_alarm": "FALSE"}
_TOO_MANY, _SERVER_FAULT = 429, 500


class Http:
    """Twilio's own HTTP client under another address, which its library allows to pass in."""

    is_async = False

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self._base_url = base_url.rstrip("/")
        # The library logs every request with its parameters: numbers and texts have no place in a log.
        silent = logging.Logger("twilio", level=logging.CRITICAL)
        self._client = TwilioHttpClient(timeout=timeout_s, logger=silent)

    def request(self, method: str, url: str, *args: Any, **named: Any) -> Response:
        """Send one request."""
        return self._client.request(method, url.replace(TWILIO_URL, self._base_url, 1), *args, **named)


class Sender:
    """Sends from one number of one Twilio account."""

    NAME = "sms"
    SHOWS_PICTURES = False

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        from_number: str,
        base_url: str = TWILIO_URL,
        status_url: str = "",
        timeout_s: float = 15.0,
    ) -> None:
        self._client = Client(account_sid, auth_token, http_client=Http(base_url, timeout_s))
        self._timeout_s = timeout_s
        self._from, self._status_url = from_number, status_url

    def send(self, message: Message, leaves: Leaves = freely) -> str:
        """Send once per ``delivery_id``; the reference is Twilio's message SID."""
        try:
            if message.is_retry and (found := self._find(message)) is not None:
                return found
            leaves(2 * self._timeout_s + LATE_S)
            more = {"status_callback": self._status_url} if self._status_url else {}
            sent = self._client.messages.create(
                to=message.recipient, from_=self._from, body=text(message), **more
            )  # fmt: skip
        except (TwilioRestException, TwilioServiceException) as error:
            raise _by_recovery(error) from None
        except (RequestException, OSError, TwilioException) as error:
            # Twilio's errors and requests' quote the address and with it the number.
            raise RetryableError(f"sms: {type(error).__name__}") from None
        return str(sent.sid)

    def _find(self, message: Message) -> str | None:
        for item in self._client.messages.list(to=message.recipient, from_=self._from, limit=LOOK_BACK):
            if reference(message) in (item.body or "") and item.status not in _LOST:
                return str(item.sid)
        return None


def reference(message: Message) -> str:
    """Our own name for the text, at its end."""
    return f"[{message.delivery_id}]"


def text(message: Message) -> str:
    """Word the alert in two parts of an SMS: what, what it costs, what can be answered."""
    answers = [f"{_WORDS[choice.name]} {message.alert_id}" for choice in message.choices if choice.name in _WORDS]
    category = words.category(message.category).upper()
    head = message.title if message.state == "resolved" else f"{category}: {message.title}"
    parts = [f"{_short(head, MAX_TITLE)}.", _short(message.summary, MAX_SUMMARY)]
    if answers:
        first, last = ", ".join(answers[:-1]), answers[-1]
        parts.append(
            say("Reply {answers} or {last}.", answers=first, last=last) if first else say("Reply {last}.", last=last)
        )
    return " ".join([*parts, reference(message)])


def _short(words: str, limit: int) -> str:
    # Three dots: the one sign for them is in no SMS alphabet and would halve what a text holds.
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= limit else f"{one_line[: limit - 3]}..."


def _by_recovery(error: TwilioRestException | TwilioServiceException) -> RetryableError | PermanentError:
    code = f"sms: Twilio {error.status}" + (f", error {error.code}" if error.code else "")
    if error.status == _TOO_MANY or error.status >= _SERVER_FAULT:
        return RetryableError(code, is_answered=error.status != HTTPStatus.GATEWAY_TIMEOUT)
    return PermanentError(code, status=502)
