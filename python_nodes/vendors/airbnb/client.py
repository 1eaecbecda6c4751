"""Calls Airbnb: what comes back is archived as it came before anything maps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from python_nodes.errors import ConfigError, PermanentError, RetryableError
from python_nodes.vendors.airbnb.envelope import seal
from python_nodes.vendors.airbnb.oauth import authorization_url, host_auth, new_verifier
from python_nodes.vendors.airbnb.settings import FEED, VENDOR, has_account, read_links, read_settings
from python_nodes.vendors.base import Products, RawPayload, Runtime
from python_nodes.vendors.base_http import UPSTREAM_STATUS, Call, HttpSession, Reply
from python_nodes.vendors.json_text import read_json

API = "/assumed/v1"
MAX_PAGES = 10_000


class Client:
    """One host's account, one or more listings' feeds, or both."""

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], settings: Mapping[str, Any], runtime: Runtime
    ) -> None:
        self._settings = read_settings(settings, base_url)
        self._links = read_links(credentials, self._settings.ical_base_url)
        has_consent = has_account(credentials)
        if not has_consent and not self._links:
            raise ConfigError(
                f"{VENDOR}: credentials.refresh_token is missing, and there is no credentials.ical.<listing>"
            )
        self._session = HttpSession(VENDOR, base_url, runtime)
        self._feeds = HttpSession(VENDOR, self._settings.ical_base_url, runtime)
        rate = self._settings.rates["token"]
        self._vault = runtime.vault
        self._auth = host_auth(self._session, credentials, runtime, rate) if has_consent else None

    @staticmethod
    def consent(base_url: str, client_id: str, redirect_uri: str) -> dict[str, str]:
        """Return the page where a host consents, and the credentials that the code he is sent back with needs."""
        state, verifier = new_verifier(), new_verifier()
        url = authorization_url(
            base_url, client_id=client_id, redirect_uri=redirect_uri, state=state, verifier=verifier
        )
        return {"url": url, "state": state, "code_verifier": verifier}

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._feeds.close()

    def settle(self) -> bool:
        """Renew the host's consent where another process began to and did not end; returns whether it was left so."""
        if self._auth is None or self._vault is None:
            return False
        return self._auth.settle(self._vault.is_renewing)

    def offers(self, operation: str) -> bool:
        """Tell whether this connection can do ``operation``: feeds need their links, all else the host's consent."""
        return bool(self._links) if operation == FEED else self._auth is not None

    def fetch_reservations(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read what changed since ``start``, or in the last ``reservation_days``, page by page (assumed)."""
        since = as_of.astimezone(UTC) - timedelta(days=self._settings.reservation_days)
        if start:
            since = datetime.combine(start, time.min, UTC)
        params = {"updated_after": since.isoformat(timespec="seconds")}
        yield from self._pages("reservations", "reservations", params, as_of)

    def fetch_reservation_history(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read reservations by booking date, page by page (assumed)."""
        last = end or as_of.date()
        first = start or last - timedelta(days=self._settings.reservation_days)
        params = {"booked_from": first.isoformat(), "booked_to": last.isoformat()}
        yield from self._pages("reservation_history", "reservations", params, as_of)

    def fetch_ari(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None,
        products: Products | None = None,
    ) -> Iterator[RawPayload]:  # fmt: skip
        """Read calendars, ``listings_per_call`` at a time (assumed)."""
        first = start or as_of.date()
        last = end or first + timedelta(days=self._settings.ari_nights - 1)
        params = {"from": first.isoformat(), "to": last.isoformat()}
        yield from self._by_listing("ari", "calendars", params, property_ids, as_of)

    def fetch_reviews(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read each listing's rating, ``listings_per_call`` at a time (assumed)."""
        yield from self._by_listing("reviews", "review_summaries", {}, property_ids, as_of)

    def fetch_health(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read each listing's status, page by page (assumed)."""
        yield from self._pages("health", "listings", {"fields": "status"}, as_of)

    def fetch_content(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read each listing's amenities and rate plans, page by page (assumed)."""
        yield from self._pages("content", "listings", {"fields": "content"}, as_of)

    def fetch_ical_calendar(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read the feed of each listing that has a link; each comes with whose it is and what was asked."""
        first = start or as_of.date()
        last = end or first + timedelta(days=self._settings.ical_nights - 1)
        for listing_id in property_ids:
            link = self._links.get(listing_id)
            if link is None:
                continue
            call = Call(operation=FEED, method="GET", path=link, rate=self._settings.rates[FEED])
            reply = self._feeds.call(call)
            content = seal(
                reply.content,
                listing_id=listing_id,
                first=first,
                last=last,
                notice_nights=self._settings.advance_notice_nights,
                window_nights=self._settings.booking_window_nights,
            )
            key = f"{listing_id}/{first}/{last}"
            yield RawPayload(operation=FEED, content=content, content_type="text/calendar", fetched_at=as_of, key=key)

    def _by_listing(
        self, operation: str, path: str, params: Mapping[str, str], listing_ids: Sequence[str], as_of: datetime
    ) -> Iterator[RawPayload]:
        size = self._settings.listings_per_call
        for at in range(0, len(listing_ids), size):
            told = {**params, "listing_ids": ",".join(listing_ids[at : at + size])}
            yield _payload(operation, self._get(operation, path, told), as_of, f"{operation}/{at}")

    def _pages(self, operation: str, path: str, params: Mapping[str, str], as_of: datetime) -> Iterator[RawPayload]:
        cursor: str | None = None
        seen: set[str] = set()
        for number in range(MAX_PAGES):
            told = {**params, "limit": str(self._settings.page_size), **({"cursor": cursor} if cursor else {})}
            reply = self._get(operation, path, told)
            yield _payload(operation, reply, as_of, f"{operation}/{number}")
            cursor = _next_cursor(reply.content)
            if cursor is None:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise RetryableError(f"{VENDOR} {operation}: the pages never end")

    def _get(self, operation: str, path: str, params: Mapping[str, str]) -> Reply:
        if self._auth is None:
            raise PermanentError(
                f"{VENDOR} {operation}: this connection has feeds only; the host has not consented",
                status=UPSTREAM_STATUS,
            )
        rate = self._settings.rates[operation]
        call = Call(operation=operation, method="GET", path=f"{API}/{path}", rate=rate, params=params)
        return self._session.call(call, self._auth)


def _next_cursor(content: bytes) -> str | None:
    """The next page, if this one says so; a page that cannot be read is the mapping's to refuse."""
    try:
        cursor = read_json(content)["next_cursor"]
    except (ValueError, KeyError, TypeError):
        return None
    return cursor if isinstance(cursor, str) and cursor else None


def _payload(operation: str, reply: Reply, as_of: datetime, key: str) -> RawPayload:
    return RawPayload(
        operation=operation, content=reply.content, content_type=reply.content_type, fetched_at=as_of, key=key
    )
