"""The message people get, and the contract of those who carry it; senders are found by their file's name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from python_nodes.domain.findings import Category
from python_nodes.errors import ConfigError, PermanentError, RetryableError

MessageState = Literal["raised", "updated", "resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One labelled value, plain text: each sender escapes for its own medium."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One place to go on from the message."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that the message offers; ``url`` where the medium has no buttons of its own."""

    name: str
    label: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one recipient is told of one alert once, or of the day: a digest is about none in particular, alert 0.

    ``delivery_id`` is the message's identity: the same message keeps it over every attempt. ``is_retry`` says that an
    earlier attempt may already have reached the provider. ``update_ref`` is the provider reference of the message
    that the same recipient already has about this alert. ``people`` are lines on who takes care of it, ``note`` what
    has just been done, and ``is_call`` says that it calls people anew, who are not to miss it in a thread; ``in_words``
    are two sentences on what is wrong and what to do.
    ``chart_key`` names what the chart shows, if that has a name; ``chart_ref`` is the provider reference of a message
    that has the same chart: it ends with ``:`` and the key where the sender keeps charts.
    ``span`` is what a digest is of, ``day`` or ``week``.
    """

    delivery_id: str
    alert_id: int
    recipient: str
    state: MessageState
    category: Category
    title: str
    summary: str
    fields: tuple[Field, ...]
    evidence: tuple[str, ...]
    links: tuple[Link, ...] = ()
    choices: tuple[Choice, ...] = ()
    people: tuple[str, ...] = ()
    note: str = ""
    is_call: bool = False
    in_words: str = ""
    chart_png: bytes | None = None
    chart_alt: str = ""
    chart_key: str = ""
    chart_ref: str = ""
    update_ref: str | None = None
    is_retry: bool = False
    span: str = "day"

    @property
    def is_digest(self) -> bool:
        """Tell a day's summary from an alert."""
        return self.alert_id == 0


Leaves = Callable[[float], None]
"""Told right before a request that cannot be taken back: within how many seconds it arrives or never will.

Raises RetryableError where another attempt has taken the message over: then nothing may be sent."""

LATE_S = 10.0
"""How long a request may still take to arrive after its sender has given it up."""


def freely(within_s: float) -> None:
    """Let it leave: nobody else sends this message."""


def may_arrive(error: Exception) -> bool:
    """Tell whether what failed like this may still reach its provider: nobody said that it was refused."""
    return not isinstance(error, PermanentError) and not (isinstance(error, RetryableError) and error.is_answered)


class Sender(Protocol):
    """Carries messages to one kind of recipient. Implementations pass tests/conformance/test_sender.py."""

    NAME: str
    SHOWS_PICTURES: bool
    """Whether a message's chart is shown; none is drawn for one that shows none."""

    def send(self, message: Message, leaves: Leaves = freely) -> str:
        """Send, or find it already sent, and return the provider's reference.

        Parameters
        ----------
        message : Message
            Its ``delivery_id`` identifies it over all attempts.
        leaves : Leaves
            Called right before each request that would show people something twice if it were made twice.

        Returns
        -------
        str
            What a later message about the same alert passes as ``update_ref``.

        Raises
        ------
        RetryableError
            Passing failure; the message may or may not have arrived: try again with ``is_retry``, and where the
            error is not ``is_answered`` only when what left cannot arrive any more.
        PermanentError
            The provider will never take this message.
        """
        ...


def discover() -> dict[str, type[Sender]]:
    """Find every sender: one file in ``senders`` with a class ``Sender``, its ``NAME`` and what it shows."""
    package = importlib.import_module("python_nodes.notify.senders")
    found: dict[str, type[Sender]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        sender: type[Sender] = importlib.import_module(f"{package.__name__}.{module.name}").Sender
        found[sender.NAME] = sender
    return found


def build(name: str, settings: Mapping[str, Any]) -> Sender:
    """Make a sender from its settings; a setting it does not know is refused by name."""
    senders = discover()
    if name not in senders:
        raise ConfigError(f"unknown sender {name!r}; there are: {', '.join(sorted(senders))}")
    known = inspect.signature(senders[name]).parameters
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ConfigError(f"sender {name!r} does not know the setting {unknown[0]!r}")
    missing = [key for key, spec in known.items() if spec.default is spec.empty and key not in settings]
    if missing:
        raise ConfigError(f"sender {name!r} needs the setting {missing[0]!r}")
    return senders[name](**settings)
