"""EQC's Product, Availability and Rates Retrieval: the request, its limits, and errors that come with status 200."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from lxml import etree

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.base import Product, ThrottledError
from python_nodes.vendors.base_http import UPSTREAM_STATUS, UnauthorizedError

PATH = "/eqc/parr"
NAMESPACE = "http://www.expediaconnect.com/EQC/PAR/2013/07"
DAYS_PER_ANSWER = 31
"""More days of several rate plans are cut off without a word."""
DAYS_OF_ONE_PLAN = 365
"""What an answer tells where exactly one rate plan is asked for."""

NOTHING_LOADED = 3144
UNKNOWN_HOTEL = frozenset({3143, 3202})
BAD_CREDENTIALS = frozenset({1000, 1001, 1003})
BUSY = 3210
REQUEST_ERRORS_FROM, SYSTEM_ERRORS_FROM = 3000, 4000
DO_NOT_RETRY = frozenset({4100, 4101})
_NIGHT = re.compile(rb"<(?:\w+:)?AvailRate\s")
_ERROR = re.compile(rb"<(?:\w+:)?Error\s[^>]*?\bcode\s*=\s*[\"'](\d{1,6})[\"']")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An EQC account; empty until ``ari`` is asked for without one."""

    username: str
    password: str = field(repr=False)


class BasicAuth:
    """Signs with user name and password; there is no token to refresh. See ``base_http.Auth``."""

    def __init__(self, credentials: Credentials) -> None:
        if not (credentials.username and credentials.password):
            raise ConfigError("expedia_group: credentials.eqc_username and eqc_password are needed for ari")
        told = f"{credentials.username}:{credentials.password}".encode()
        self._value = f"Basic {base64.b64encode(told).decode()}"

    def headers(self, *, fresh: bool) -> Mapping[str, str]:
        """See ``base_http.Auth``."""
        return {"Authorization": self._value}


def windows(first: date, last: date, days: int = DAYS_PER_ANSWER) -> Iterator[tuple[date, date]]:
    """Cut the nights into windows that one answer can tell."""
    since = first
    while since <= last:
        until = min(since + timedelta(days=days - 1), last)
        yield since, until
        since = until + timedelta(days=1)


def request(credentials: Credentials, hotel_id: str, since: date, until: date, product: Product | None = None) -> bytes:
    """Build the request; the schema wants the account in an element, newer pages as Basic, so both are sent."""

    def tag(name: str) -> str:
        return f"{{{NAMESPACE}}}{name}"

    root = etree.fromstring(f'<ProductAvailRateRetrievalRQ xmlns="{NAMESPACE}"/>')
    etree.SubElement(root, tag("Authentication"), username=credentials.username, password=credentials.password)
    etree.SubElement(root, tag("Hotel"), id=hotel_id)
    asked = etree.SubElement(root, tag("ParamSet"))
    span = etree.SubElement(asked, tag("AvailRateRetrieval"), {"from": since.isoformat(), "to": until.isoformat()})
    if product is not None:
        room = etree.SubElement(span, tag("RoomType"), id=product.listing_external_id)
        etree.SubElement(room, tag("RatePlan"), id=product.rate_plan_external_id)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def error_code(content: bytes) -> int | None:
    """The code of an answer's first ``Error``; an error document is small, so it is looked for at the beginning."""
    found = _ERROR.search(content[:4096])
    return int(found.group(1)) if found else None


def knows_product(content: bytes) -> bool:
    """Whether an answer about one rate plan tells of it, or of the hotel; else it is known by another name there."""
    code = error_code(content)
    return _NIGHT.search(content) is not None if code is None else not _is_of_request(code)


def refuse_of_product(content: bytes) -> None:
    """Do as ``refuse``, but leave what the product's name may be the reason of to ``knows_product``."""
    code = error_code(content)
    if code is None or not _is_of_request(code):
        refuse(content)


def _is_of_request(code: int) -> bool:
    return REQUEST_ERRORS_FROM <= code < SYSTEM_ERRORS_FROM and code not in {NOTHING_LOADED, BUSY, *UNKNOWN_HOTEL}


def refuse(content: bytes) -> None:
    """Raise for errors that concern the account or the system; those about one hotel are left to the mapping."""
    code = error_code(content)
    if code is None or code == NOTHING_LOADED or code in UNKNOWN_HOTEL:
        return
    if code in BAD_CREDENTIALS:
        raise UnauthorizedError(f"expedia_group ari: credentials were refused ({code})", status=UPSTREAM_STATUS)
    if code == BUSY:
        raise ThrottledError(f"expedia_group ari: one call per hotel at a time ({code})")
    if code >= SYSTEM_ERRORS_FROM and code not in DO_NOT_RETRY:
        raise RetryableError(f"expedia_group ari: failed with {code}")
    raise PermanentError(f"expedia_group ari: refused with {code}", status=UPSTREAM_STATUS)
