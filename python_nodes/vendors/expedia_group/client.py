"""Calls Expedia Group: what comes back is archived as it came before anything maps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

from python_nodes.errors import ConfigError
from python_nodes.vendors import at_once
from python_nodes.vendors.base import Product, Products, RawPayload, Runtime
from python_nodes.vendors.base_http import Auth, Call, HttpSession, Reply
from python_nodes.vendors.capabilities import read_capabilities
from python_nodes.vendors.expedia_group import batches, graphql, parr
from python_nodes.vendors.json_text import read_json
from python_nodes.vendors.oauth import TokenAuth, TokenEndpoint

VENDOR = "expedia_group"
GRANT_PATH = "/identity/oauth2/v3/token"
SETTINGS = frozenset(
    {
        "channel", "rate_limits", "every_hours", "id_source", "eqc_base_url", "token_ttl_s", "page_size", "ari_nights",
        "reservation_days", "review_brands", "properties_per_call",
    }
)  # fmt: skip
CAPABILITIES = read_capabilities(Path(__file__).with_name("capabilities.toml"))
ID_SOURCES = ("EXPEDIA", "VRBO", "SUPPLIER")


class Client:
    """One connection to Expedia Group, for one of its channels."""

    def __init__(
        self, base_url: str, credentials: Mapping[str, str], settings: Mapping[str, Any], runtime: Runtime
    ) -> None:
        for name in ("client_id", "client_secret"):
            if not credentials.get(name):
                raise ConfigError(f"{VENDOR}: credentials.{name} is missing")
        unknown = settings.keys() - SETTINGS
        if unknown:
            raise ConfigError(f"{VENDOR}: unknown setting {sorted(unknown)[0]!r}")
        channel = _one_of("channel", settings.get("channel", CAPABILITIES.channels[0]), CAPABILITIES.channels)
        self._id_source = _one_of("id_source", settings.get("id_source", channel.upper()), ID_SOURCES)
        self._brands = _texts("review_brands", settings.get("review_brands", [channel.upper()]))
        self._rates = CAPABILITIES.rates(VENDOR, settings.get("rate_limits", {}))
        CAPABILITIES.every_hours(VENDOR, settings.get("every_hours", {}))
        self._page_size = _at_least_one(settings, "page_size", 100)
        # Our assumption where it is more than one: GraphQL allows it, the documents tell no limit.
        self._per_call = _at_least_one(settings, "properties_per_call", 1)
        self._ari_nights = _at_least_one(settings, "ari_nights", 90)
        self._reservation_days = _at_least_one(settings, "reservation_days", 3)
        self._session = HttpSession(VENDOR, base_url, runtime)
        self._eqc_session = HttpSession(VENDOR, str(settings.get("eqc_base_url", base_url)), runtime)
        self._eqc = parr.Credentials(credentials.get("eqc_username", ""), credentials.get("eqc_password", ""))
        endpoint = TokenEndpoint(session=self._session, path=GRANT_PATH, rate=self._rates["token"])
        ttl_s = float(_at_least_one(settings, "token_ttl_s", 1800))
        self._auth: Auth = TokenAuth(
            self._session, runtime, client_id=credentials["client_id"], ttl_s=ttl_s,
            fetch=lambda: endpoint.grant("client_credentials", credentials), is_rotated=False,
        )  # fmt: skip

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._eqc_session.close()

    def fetch_reservations(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read what changed since ``start``, or in the last ``reservation_days``, page by page."""
        since = _midnight(start) if start else as_of - timedelta(days=self._reservation_days)
        until = _end_of(end) if end else as_of
        yield from self._sales("reservations", "Reservations", as_of, property_ids, since, until)

    def fetch_reservation_history(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read what last changed from ``start`` to ``end``, page by page, without guests."""
        last = end or as_of.date()
        since = _midnight(start or last - timedelta(days=7))
        yield from self._sales(
            "reservation_history", "ReservationHistory", as_of, property_ids, since, min(_end_of(last), as_of)
        )

    def fetch_health(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read what Expedia Group itself says of properties and units."""
        yield from self._each("health", "Health", as_of, property_ids, {"idSource": self._id_source})

    def fetch_reviews(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read the average scores of the channel's own brand, or of ``review_brands``."""
        same = {"idSource": self._id_source, "brands": self._brands}
        yield from self._each("reviews", "AggregatedReviews", as_of, property_ids, same)

    def fetch_content(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
    ) -> Iterator[RawPayload]:
        """Read each property's list of units, then each unit's amenities and rate plans."""

        def read(some: Sequence[str]) -> Iterator[RawPayload]:
            each = [{"propertyId": property_id} for property_id in some]
            listed = self._query_many("content", "Units", as_of, each, {"idSource": self._id_source})
            yield listed
            told = [_units(part) for part in batches.parts(listed.content)]
            wanted = [{"propertyId": place, "unitId": unit_id} for place, unit_ids in told for unit_id in unit_ids]
            for units in _cut(wanted, self._per_call):
                yield self._query_many("content", "UnitContent", as_of, units, {})

        yield from self._at_once("content", read, property_ids, self._per_call)

    def fetch_ari(
        self, *, as_of: datetime, property_ids: Sequence[str] = (), start: date | None = None, end: date | None = None,
        products: Products | None = None,
    ) -> Iterator[RawPayload]:  # fmt: skip
        """Read availability, rates and restrictions by PARR, in windows of as many days as it tells at once."""
        first = start or as_of.date()
        last = end or first + timedelta(days=self._ari_nights - 1)
        auth = parr.BasicAuth(self._eqc)

        def ask(property_id: str, since: date, until: date, product: Product | None) -> RawPayload:
            call = Call(
                operation="ari", method="POST", path=parr.PATH, rate=self._rates["ari"],
                content=parr.request(self._eqc, property_id, since, until, product),
                headers={"Content-Type": "text/xml"}, check=parr.refuse_of_product if product else parr.refuse,
            )  # fmt: skip
            return _payload("ari", self._eqc_session.call(call, auth), as_of, f"{property_id}/{since}/{until}")

        def read(some: Sequence[str]) -> Iterator[RawPayload]:
            for property_id in some:
                alone = _alone((products or {}).get(property_id, ()))
                spans = list(parr.windows(first, last, parr.DAYS_OF_ONE_PLAN)) if alone else []
                named = [ask(property_id, *span, alone) for span in spans]
                if named and all(parr.knows_product(one.content) for one in named):
                    yield from named
                    continue
                for span in parr.windows(first, last):
                    yield ask(property_id, *span, None)

        # One connection a hotel is what PARR allows: hotels are asked for together, a hotel's windows in turn.
        yield from self._at_once("ari", read, property_ids, 1)

    def _at_once(
        self, operation: str, read: Callable[[Sequence[str]], Iterator[RawPayload]], property_ids: Sequence[str],
        per_call: int,
    ) -> Iterator[RawPayload]:  # fmt: skip
        workers = self._session.at_once(self._rates[operation])
        return at_once.ask(read, list(_cut(property_ids, per_call)), workers)

    def _sales(
        self, operation: str, query: str, as_of: datetime, property_ids: Sequence[str], since: datetime, until: datetime
    ) -> Iterator[RawPayload]:
        window = {"from": _moment(since), "to": _moment(until), "pageSize": self._page_size}
        # A hotel's history is long pages, of which several in one answer would gain nothing; a home's is a few lines.
        per_call = 1 if operation == "reservation_history" and self._id_source != "VRBO" else self._per_call

        def read(some: Sequence[str]) -> Iterator[RawPayload]:
            each = [{"propertyId": property_id} for property_id in some]
            same = {"idSource": self._id_source, **window, "after": None}
            first = self._query_many(operation, query, as_of, each, same)
            yield first
            for property_id, part in zip(some, batches.parts(first.content), strict=False):
                yield from self._following(operation, query, as_of, property_id, window, _next_cursor(part))

        yield from self._at_once(operation, read, property_ids, per_call)

    def _following(
        self, operation: str, query: str, as_of: datetime, property_id: str, window: Mapping[str, Any],
        following: str | None,
    ) -> Iterator[RawPayload]:  # fmt: skip
        """Read a property's pages behind its first."""
        cursor: str | None = None
        # A cursor that does not move would be asked for for ever.
        while following is not None and following != cursor:
            cursor = following
            variables = {"propertyId": property_id, "idSource": self._id_source, **window, "after": cursor}
            page = self._query(
                operation, graphql.document(query), query, as_of, f"{property_id}/{window['from']}/{cursor}", variables
            )
            yield page
            following = _next_cursor(page.content)

    def _each(
        self, operation: str, query: str, as_of: datetime, property_ids: Sequence[str], same: Mapping[str, Any]
    ) -> Iterator[RawPayload]:
        def read(some: Sequence[str]) -> Iterator[RawPayload]:
            yield self._query_many(operation, query, as_of, [{"propertyId": one} for one in some], same)

        yield from self._at_once(operation, read, property_ids, self._per_call)

    def _query_many(
        self, operation: str, name: str, as_of: datetime, each: Sequence[Mapping[str, str]], same: Mapping[str, Any]
    ) -> RawPayload:
        """Ask for each in one call; for one alone with the query as it is written."""
        key = "/".join([*each[0].values(), str(len(each))])
        if len(each) == 1:
            return self._query(operation, graphql.document(name), name, as_of, key, {**same, **each[0]})
        text = batches.document(name, len(each), tuple(each[0]))
        return self._query(operation, text, name, as_of, key, batches.variables(each, same))

    def _query(
        self, operation: str, text: str, name: str, as_of: datetime, key: str, variables: Mapping[str, Any]
    ) -> RawPayload:
        call = Call(
            operation=operation, method="POST", path=graphql.PATH, rate=self._rates[operation],
            json={"operationName": name, "query": text, "variables": dict(variables)},
            headers={"Accept": graphql.ACCEPT}, check=graphql.refuse,
        )  # fmt: skip
        return _payload(operation, self._session.call(call, self._auth), as_of, key)


T = TypeVar("T")


def _cut(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _next_cursor(content: bytes) -> str | None:
    """Where the next page begins; None on the last one, and where the answer cannot be read (mapping rejects it)."""
    try:
        page: Any = read_json(content)["data"]["property"]["reservations"]["pageInfo"]
        return str(page["endCursor"]) if page["hasNextPage"] is True and page["endCursor"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _alone(products: Sequence[Product]) -> Product | None:
    """The one rate plan of a property that has no other, if it is known."""
    return products[0] if len(products) == 1 and products[0].rate_plan_external_id else None


def _units(content: bytes) -> tuple[str, list[str]]:
    """The property's own id and its units' ids; nothing where the answer cannot be read."""
    try:
        told: Any = read_json(content)["data"]["property"]
        return str(told["id"]), [str(unit["id"]) for unit in told["units"] if unit]
    except (ValueError, KeyError, TypeError):
        return "", []


def _at_least_one(settings: Mapping[str, Any], name: str, default: int) -> int:
    value = settings.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{VENDOR}: {name} must be a whole number of 1 or more")
    return value


def _texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ConfigError(f"{VENDOR}: {name} must be a list of names")
    return value


def _one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise ConfigError(f"{VENDOR}: {name} must be one of {', '.join(known)}")
    return str(value)


def _payload(operation: str, reply: Reply, as_of: datetime, key: str) -> RawPayload:
    return RawPayload(
        operation=operation, content=reply.content, content_type=reply.content_type, fetched_at=as_of, key=key
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
