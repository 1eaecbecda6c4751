"""A real SMTP server that keeps what it gets, for the page to show."""

from __future__ import annotations

import base64
import email
import socket
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import default as default_policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.inbox import Email, Inbox, Picture


class Mailbox:
    """The aiosmtpd handler: parses each message and puts it into the inbox."""

    def __init__(self, inbox: Inbox, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._now = now

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one message; aiosmtpd dictates this name."""
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=default_policy)
        if not isinstance(message, EmailMessage) or not message.keys():
            return "554 5.6.0 no message headers"
        self._inbox.add_email(parse(message, envelope.mail_from or "", tuple(envelope.rcpt_tos), self._now()))
        return "250 2.0.0 kept by the sandbox"


def parse(message: EmailMessage, mail_from: str, rcpt_to: tuple[str, ...], received_at: datetime) -> Email:
    """Take a message apart into what a mail program would show."""
    text = message.get_body(("plain",))
    html = message.get_body(("html",))
    pictures: list[Picture] = []
    html_text = str(html.get_content()) if html else None
    for part in message.walk():
        if part.get_content_maintype() != "image":
            continue
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        picture = Picture(
            name=part.get_filename() or "image", mimetype=part.get_content_type(),
            data_url=f"data:{part.get_content_type()};base64,{base64.b64encode(content).decode('ascii')}",
        )  # fmt: skip
        cid = str(part.get("Content-ID", "")).strip("<>")
        if cid and html_text and f"cid:{cid}" in html_text:
            html_text = html_text.replace(f"cid:{cid}", picture.data_url)
        else:
            pictures.append(picture)
    return Email(
        mail_from=mail_from, rcpt_to=rcpt_to, subject=str(message.get("Subject", "")),
        sender=str(message.get("From", mail_from)), message_id=str(message.get("Message-ID", "")),
        text=str(text.get_content()) if text else None, html=html_text, pictures=tuple(pictures),
        received_at=received_at,
    )  # fmt: skip


def start_smtp(inbox: Inbox, now: Callable[[], datetime], host: str, port: int) -> Controller:
    """Start the server; port 0 takes a free one, found first because aiosmtpd probes the port it was told."""
    if port == 0:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
    controller = Controller(Mailbox(inbox, now), hostname=host, port=port)
    controller.start()
    return controller
