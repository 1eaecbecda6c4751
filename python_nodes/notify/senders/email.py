"""E-mail over SMTP: text and HTML, the chart inline, one thread an alert, the same Message-ID on each attempt."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from python_nodes.domain.said import say
from python_nodes.domain.speech import current
from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.notify import words
from python_nodes.notify.base import LATE_S, Leaves, Message, freely

Tls = Literal["none", "starttls", "tls"]

COMMANDS = 4
"""How many answers of the server a mail waits for, each as long as the time-out: MAIL, RCPT, DATA, its end."""

_COLOURS = {
    "critical": "#b42318",
    "high": "#c4570a",
    "medium": "#a37200",
    "low": "#667085",
}
_RESOLVED_COLOUR = "#107a48"
_TEMPLATES = Environment(
    loader=PackageLoader("python_nodes.notify", "templates"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["say"] = say


class Sender:
    """Sends from one address through one SMTP server."""

    NAME = "email"
    SHOWS_PICTURES = True

    def __init__(
        self,
        host: str,
        port: int,
        from_address: str,
        from_name: str = "Nightporter",
        tls: Tls = "starttls",
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        timeout_s: float = 15.0,
    ) -> None:
        if tls not in ("none", "starttls", "tls"):
            raise ConfigError(f"email tls must be none, starttls or tls, not {tls!r}")
        if username is not None and tls == "none":
            raise ConfigError("email tls is 'none': a password would travel in clear")
        self._host, self._port, self._tls, self._timeout_s = host, port, tls, timeout_s
        self._username, self._password, self._ca_file = username, password, ca_file
        self._from = Address(from_name, addr_spec=from_address)

    def send(self, message: Message, leaves: Leaves = freely) -> str:
        """Send once; the reference is the Message-ID of the thread's first message."""
        mail = compose(message, self._from)
        try:
            with self._connected() as server:
                leaves(COMMANDS * self._timeout_s + LATE_S)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((refusal[0] for refusal in error.recipients.values()), default=550)
            raise _by_recovery(code) from error
        except smtplib.SMTPResponseException as error:
            raise _by_recovery(error.smtp_code) from error
        except smtplib.SMTPNotSupportedError as error:
            raise PermanentError("email: the server lacks what the settings ask of it", status=502) from error
        except ssl.SSLCertVerificationError as error:
            raise PermanentError("email: the server's certificate cannot be verified", status=502) from error
        except (smtplib.SMTPException, OSError) as error:
            raise RetryableError(f"email: {type(error).__name__}") from error
        return message.update_ref or str(mail["Message-ID"])

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        # A relay within the house may be signed by the house's own authority.
        context = ssl.create_default_context(cafile=self._ca_file)
        server: smtplib.SMTP
        if self._tls == "tls":
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            if self._tls == "starttls":
                server.starttls(context=context)
            if self._username is not None:
                server.login(self._username, self._password or "")
            yield server
            # The message is accepted: a server that hangs up on QUIT must not make us send it again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()


def message_id(delivery_id: str, domain: str) -> str:
    """Derive the Message-ID from the delivery, so that mailboxes that drop duplicates drop a repeated one."""
    return f"<{hashlib.sha256(delivery_id.encode()).hexdigest()[:32]}@{domain}>"


def compose(message: Message, sender: Address) -> EmailMessage:
    """Build the mail: plain text, HTML beside it, the chart inside the HTML."""
    mail = EmailMessage(policy=SMTP_POLICY)
    one_line = " ".join(message.title.split())
    mail["From"] = sender
    mail["To"] = message.recipient
    is_plain = message.is_digest or message.state == "resolved"
    mail["Subject"] = one_line if is_plain else f"[{words.category(message.category)}] {one_line}"
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = message_id(message.delivery_id, sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Nightporter-Delivery"] = message.delivery_id
    if message.update_ref:
        mail["In-Reply-To"] = message.update_ref
        mail["References"] = message.update_ref
    cid = f"chart-{message.alert_id}@{sender.domain}"
    text, html = bodies(message, cid)
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    if message.chart_png is not None:
        parts = mail.get_payload()
        related = parts[1] if isinstance(parts, list) else mail
        if isinstance(related, EmailMessage):
            related.add_related(message.chart_png, "image", "png", cid=f"<{cid}>", filename="chart.png")
    return mail


def bodies(message: Message, cid: str) -> tuple[str, str]:
    """Lay the message out as plain text and as HTML, in the language that is spoken; ``cid`` is the chart's address."""
    if message.is_digest:
        kicker, footer = words.digest(message.span), "Nightporter"
    else:
        is_over = message.state == "resolved"
        kicker = words.state(message.state) if is_over else words.category(message.category)
        footer = say("Nightporter, alert {alert_id}", alert_id=message.alert_id)
    values = {
        "message": message, "cid": cid, "language": current().tag, "kicker": kicker, "footer": footer,
        "heading": words.heading(message.is_digest),
        "colour": _RESOLVED_COLOUR if message.state == "resolved" else _COLOURS[message.category],
    }  # fmt: skip
    text, html = (_TEMPLATES.get_template(f"alert.{kind}.j2").render(values) for kind in ("txt", "html"))
    return text, html


def _by_recovery(code: int) -> RetryableError | PermanentError:
    if 400 <= code < 500:
        return RetryableError(f"email: SMTP {code}", is_answered=True)
    return PermanentError(f"email: SMTP {code}", status=502)
