"""Calls Booking.com: what comes back is archived as it came before anything maps it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

from python_nodes.errors import ConfigError, RetryableError
from python_nodes.vendors import at_once
from python_nodes.vendors.base import Products, RawPayload, Runtime
from python_nodes.vendors.base_http import Call, HttpSession, Reply
from python_nodes.vendors.booking_com.ota import OTA_NAMESPACE, reservation_ids
from python_nodes.vendors.capabilities import read_capabilities
from python_nodes.vendors.oauth import Granted, TokenAuth, printable

VENDOR = "booking_com"
NEW_QUEUE = "OTA_HotelResNotif"
CHANGE_QUEUE = "OTA_HotelResModifyNotif"
SETTINGS = frozenset(
    {"rate_limits", "every_hours", "token_ttl_s", "report_days", "ari_nights", "ari_properties_per_call"}
)
CAPABILITIES = read_capabilities(Path(__file__).with_name("capabilities.toml"))
PROPERTIES_PER_CALL = 100


class Client:
    """One connection to Booking.com."""

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], settings: Mapping[str, Any], runtime: Runtime
    ) -> None:
        for name in ("client_id", "client_secret"):
            if not credentials.get(name):
                raise ConfigError(f"{VENDOR}: credentials.{name} is missing")
        unknown = settings.keys() - SETTINGS
        if unknown:
            raise ConfigError(f"{VENDOR}: unknown setting {sorted(unknown)[0]!r}")
        self._rates = CAPABILITIES.rates(VENDOR, settings.get("rate_limits", {}))
        CAPABILITIES.every_hours(VENDOR, settings.get("every_hours", {}))
        self._report_days = int(settings.get("report_days", 100))
        self._ari_nights = int(settings.get("ari_nights", 90))
        self._ari_properties = int(settings.get("ari_properties_per_call", 50))
        if self._ari_properties < 1:
            raise ConfigError(f"{VENDOR}: ari_properties_per_call must be at least 1")
        self._session = HttpSession(VENDOR, base_url, runtime)
        ttl_s = float(settings.get("token_ttl_s", 3300))
        self._auth = TokenAuth(
            self._session,
            runtime,
            client_id=credentials["client_id"],
            fetch=lambda: _exchange(self._session, credentials, self._rates["token"]),
            is_rotated=False,
            ttl_s=ttl_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def fetch_reservations(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read both queues, new then changed; each repeats itself until ``acknowledge``."""
        params = {"hotel_ids": ",".join(property_ids)} if property_ids else None
        for queue, operation in ((NEW_QUEUE, "reservations"), (CHANGE_QUEUE, "reservation_changes")):
            reply = self._get(operation, f"/hotels/ota/{queue}", params)
            yield _payload("reservations", reply, as_of, queue)

    def acknowledge(self, payload: RawPayload, again: Sequence[bytes] = ()) -> int:
        """Tell the queue that ``payload`` is archived and stored, all but the parts that are to come ``again``.

        Returns how many reservations were named.
        """
        left = {one for part in again for one in reservation_ids(part)}
        named = [one for one in reservation_ids(payload.content) if one not in left]
        if not named:
            return 0
        call = Call(
            operation="acknowledge",
            method="POST",
            path=f"/hotels/ota/{payload.key}",
            rate=self._rates["acknowledge"],
            content=_acknowledgement(payload.key, named, payload.fetched_at),
            headers={"Content-Type": "application/xml"},
        )
        self._session.call(call, self._auth)
        return len(named)

    def fetch_reservation_history(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read the extranet's reservations by booking date, in windows of ``report_days``."""
        yield from self._report("reservation_history", "reservations.csv", as_of, start, end)

    def fetch_performance(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read the extranet's performance figures of all properties, in windows of ``report_days``."""
        yield from self._report("performance", "performance.csv", as_of, start, end)

    def fetch_ari(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None,
        products: Products | None = None,
    ) -> Iterator[RawPayload]:  # fmt: skip
        """Read availability and rates (our assumption), ``ari_properties_per_call`` properties a payload."""
        first = start or as_of.date()
        last = end or first + timedelta(days=self._ari_nights - 1)

        def read(at: int) -> Iterator[RawPayload]:
            asked = ",".join(property_ids[at : at + self._ari_properties])
            params = {"hotel_ids": asked, "from": first.isoformat(), "to": last.isoformat()}
            yield _payload("ari", self._get("ari", "/assumed/ari", params), as_of, f"{at}/{first}/{last}")

        starts = range(0, len(property_ids), self._ari_properties)
        yield from at_once.ask(read, starts, self._session.at_once(self._rates["ari"]))

    def fetch_health(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read what Booking.com itself says of properties and rooms."""
        for at in range(0, len(property_ids), PROPERTIES_PER_CALL):
            call = Call(
                operation="health",
                method="POST",
                path="/property-health-api/properties/health",
                rate=self._rates["health"],
                json={"property_ids": list(property_ids[at : at + PROPERTIES_PER_CALL])},
            )
            yield _payload("health", self._session.call(call, self._auth), as_of, f"health/{at}")

    def fetch_reviews(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read review scores of properties and rooms."""
        yield from self._pages("reviews", "/property-scores/summary", "property_ids", as_of, property_ids)

    def fetch_content(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read amenities and rate plans on sale (our assumption)."""
        yield from self._pages("content", "/assumed/content", "hotel_ids", as_of, property_ids)

    def _pages(
        self, operation: str, path: str, parameter: str, as_of: datetime, property_ids: Sequence[str]
    ) -> Iterator[RawPayload]:
        for at in range(0, len(property_ids), PROPERTIES_PER_CALL):
            asked = ",".join(property_ids[at : at + PROPERTIES_PER_CALL])
            yield _payload(operation, self._get(operation, path, {parameter: asked}), as_of, f"{operation}/{at}")

    def _report(
        self, operation: str, name: str, as_of: datetime, start: date | None, end: date | None
    ) -> Iterator[RawPayload]:
        last = end or as_of.date()
        first = start or last - timedelta(days=7)
        while first <= last:
            until = min(first + timedelta(days=self._report_days - 1), last)
            params = {"from": first.isoformat(), "to": until.isoformat()}
            reply = self._get(operation, f"/extranet/reports/{name}", params)
            yield _payload(operation, reply, as_of, f"{first}/{until}")
            first = until + timedelta(days=1)

    def _get(self, operation: str, path: str, params: Mapping[str, str] | None) -> Reply:
        call = Call(operation=operation, method="GET", path=path, rate=self._rates[operation], params=params)
        return self._session.call(call, self._auth)


def _exchange(session: HttpSession, credentials: Mapping[str, str], rate: str) -> Granted:
    """Booking.com's own exchange, which is no grant of OAuth's."""
    call = Call(
        operation="token",
        method="POST",
        path="/token-based-authentication/exchange",
        rate=rate,
        json={name: credentials[name] for name in ("client_id", "client_secret")},
    )
    reply = session.call(call)
    try:
        return Granted(access_token=printable(json.loads(reply.content)["jwt"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RetryableError(f"{VENDOR} token: the answer holds no jwt that can be used") from None


def _payload(operation: str, reply: Reply, as_of: datetime, key: str) -> RawPayload:
    return RawPayload(
        operation=operation, content=reply.content, content_type=reply.content_type, fetched_at=as_of, key=key
    )


def _acknowledgement(queue: str, named: Sequence[str], at: datetime) -> bytes:
    """Build the RS document that names every reservation taken over."""
    outer, inner = (
        ("HotelReservations", "HotelReservation") if queue == NEW_QUEUE else ("HotelResModifies", "HotelResModify")
    )

    def tag(name: str) -> str:
        return f"{{{OTA_NAMESPACE}}}{name}"

    root = etree.fromstring(f'<{queue}RS xmlns="{OTA_NAMESPACE}"/>')
    root.set("TimeStamp", at.strftime("%Y-%m-%dT%H:%M:%S"))
    root.set("Version", "2.001")
    etree.SubElement(root, tag("Success"))
    holder = etree.SubElement(root, tag(outer))
    for reservation_id in named:
        info = etree.SubElement(etree.SubElement(holder, tag(inner)), tag("ResGlobalInfo"))
        ids = etree.SubElement(info, tag("HotelReservationIDs"))
        etree.SubElement(ids, tag("HotelReservationID"), ResID_Value=reservation_id)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
