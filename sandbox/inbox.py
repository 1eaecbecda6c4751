"""What the receivers got, in memory, newest last."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.receivers_forms import Forms

Block = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFile:
    """A file on its way into a channel; ``content`` is None until it is uploaded."""

    file_id: str
    name: str
    length_bytes: int
    content: bytes | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """One message in a channel as it stands now; ``versions`` counts its edits and itself."""

    channel: str
    ts: str
    thread_ts: str | None
    text: str
    blocks: tuple[Block, ...]
    file_ids: tuple[str, ...]
    posted_at: datetime
    edited_at: datetime | None = None
    versions: int = 1
    only_for: str | None = None
    """The one person who sees it, for a message that Slack calls ephemeral."""
    is_broadcast: bool = False
    """Whether a reply is shown in the channel as well as in its thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture attached to an e-mail."""

    name: str
    mimetype: str
    data_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """One e-mail, taken apart."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    sender: str
    subject: str
    message_id: str
    text: str | None
    html: str | None
    pictures: tuple[Picture, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text message, either way; ``is_answer`` came from a person."""

    sid: str
    sender: str
    recipient: str
    body: str
    status: str
    at: datetime
    status_url: str = ""
    is_answer: bool = False


class Inbox:
    """Everything that was received, guarded by one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._slack: list[SlackMessage] = []
        self._emails: list[Email] = []
        self._texts: list[Text] = []
        self._files: dict[str, SlackFile] = {}
        self._channels: dict[str, str] = {}
        self.forms = Forms()

    def channel_id(self, name: str) -> str:
        """The id of a channel named by id or by name; a new name becomes a channel."""
        if name.startswith(("C", "D", "G")) and name[1:].isalnum() and name.isupper():
            return name
        plain = name.lstrip("#")
        channel_id = "C" + hashlib.sha256(plain.encode()).hexdigest()[:10].upper()
        with self._lock:
            self._channels[channel_id] = plain
        return channel_id

    def channel_name(self, channel_id: str) -> str:
        """How people call a channel."""
        with self._lock:
            return self._channels.get(channel_id, channel_id)

    def add_email(self, message: Email) -> None:
        """Keep an e-mail."""
        with self._lock:
            self._emails.append(message)

    def post(
        self, channel: str, text: str, blocks: tuple[Block, ...], now: datetime, *,
        thread_ts: str | None = None, file_ids: tuple[str, ...] = (), only_for: str | None = None,
        is_broadcast: bool = False,
    ) -> SlackMessage:  # fmt: skip
        """Keep a new Slack message under its own time stamp."""
        with self._lock:
            ts = f"{int(now.timestamp())}.{next(self._serial):06d}"
            message = SlackMessage(
                channel=channel, ts=ts, thread_ts=thread_ts, text=text, blocks=blocks, file_ids=file_ids,
                posted_at=now, only_for=only_for, is_broadcast=is_broadcast,
            )  # fmt: skip
            self._slack.append(message)
            return message

    def update(self, channel: str, ts: str, text: str, blocks: tuple[Block, ...], now: datetime) -> SlackMessage | None:
        """Edit a message in place; None if there is none."""
        with self._lock:
            for i, old in enumerate(self._slack):
                if (old.channel, old.ts) == (channel, ts):
                    new = replace(old, text=text, blocks=blocks, edited_at=now, versions=old.versions + 1)
                    self._slack[i] = new
                    return new
        return None

    def new_file(self, name: str, length_bytes: int) -> SlackFile:
        """Announce a file."""
        with self._lock:
            file = SlackFile(file_id=f"F{next(self._serial):010d}", name=name, length_bytes=length_bytes)
            self._files[file.file_id] = file
            return file

    def put_file(self, file: SlackFile) -> None:
        """Replace what is known of a file."""
        with self._lock:
            self._files[file.file_id] = file

    def file(self, file_id: str) -> SlackFile | None:
        """A file by its id."""
        with self._lock:
            return self._files.get(file_id)

    def add_text(self, text: Text) -> Text:
        """Keep a text, or what it has become."""
        with self._lock:
            for i, old in enumerate(self._texts):
                if old.sid == text.sid:
                    self._texts[i] = text
                    return text
            self._texts.append(text)
            return text

    def texts(self) -> list[Text]:
        """Texts, newest first."""
        with self._lock:
            return self._texts[::-1]

    def slack(self) -> list[SlackMessage]:
        """Slack messages, newest first."""
        with self._lock:
            return self._slack[::-1]

    def emails(self) -> list[Email]:
        """E-mails, newest first."""
        with self._lock:
            return self._emails[::-1]

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        slack = []
        for message in self.slack():
            row = asdict(message)
            row["channel_name"] = self.channel_name(message.channel)
            row["posted_at"] = message.posted_at.isoformat()
            row["edited_at"] = message.edited_at.isoformat() if message.edited_at else None
            slack.append(row)
        emails = [asdict(mail) | {"received_at": mail.received_at.isoformat()} for mail in self.emails()]
        texts = [asdict(text) | {"at": text.at.isoformat()} for text in self.texts()]
        return {"slack": slack, "emails": emails, "texts": texts}
