"""A tenant with guests on real stores, and what a channel tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from bench import _documents
from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.steps import connection_admin, payload_normalize
from python_nodes.steps.guest_erase import By
from python_nodes.steps.services import Services
from python_nodes.store import portfolio
from tests.conftest import MigratedDatabase

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
BY = By(via="cli", actor="test")
RESERVATION = """<HotelReservation CreateDateTime="2026-03-01T09:00:00+00:00"><RoomStays><RoomStay IndexNumber="1">
<RoomTypes><RoomType RoomTypeCode="r00001"/></RoomTypes><RoomRates><RoomRate EffectiveDate="2026-04-01"/></RoomRates>
<Total AmountAfterTax="{total}" CurrencyCode="EUR" DecimalPlaces="2"/></RoomStay></RoomStays><ResGlobalInfo>
<HotelReservationIDs><HotelReservationID ResID_Value="{number}"/></HotelReservationIDs><Profiles><ProfileInfo><Profile>
<Customer><PersonName><GivenName>{given}</GivenName><Surname>{surname}</Surname></PersonName>
<Telephone PhoneNumber="{phone}"/><Email>{email}</Email></Customer></Profile></ProfileInfo></Profiles>
<Comments><Comment><Text>{words}</Text></Comment></Comments></ResGlobalInfo></HotelReservation>"""


@dataclass(frozen=True, slots=True)
class Told:
    """A guest as the channel tells of them."""

    number: str
    given: str
    surname: str
    email: str
    phone: str
    words: str = ""
    total: str = "24690"

    @property
    def own(self) -> tuple[str, ...]:
        """All that is theirs."""
        return tuple(filter(None, (self.given, self.surname, self.email, self.phone, self.words)))

    def xml(self) -> str:
        return RESERVATION.format(**{name: getattr(self, name) for name in self.__slots__})


ADA = Told("900001", "Adelheid", "Löwenzahn", "adelheid@loewenzahn.example", "+49 151 23456789", "Ich komme spät an")
BO = Told("900002", "Bogumil", "Przybylski", "bogumil.p@poczta.example", "+48 601 234 567")


def queue(*guests: Told) -> bytes:
    """A document of the channel's queue."""
    inner = "\n".join(one.xml() for one in guests)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OTA_HotelResNotifRQ xmlns="http://www.opentravel.org/OTA/2003/05">'
        f"<HotelReservations>{inner}</HotelReservations></OTA_HotelResNotifRQ>"
    ).encode()


@dataclass(frozen=True)
class House:
    """Services of one tenant, with a connection to a channel."""

    services: Services
    tenant_id: int
    connection_id: int
    root: Path

    def told(self, content: bytes, operation: str = "reservations", as_of: datetime = AS_OF) -> dict[str, Any]:
        """Hand in a payload as if it had been polled."""
        return payload_normalize.run(
            self.services, self.tenant_id, self.connection_id, "booking_com", operation, content, "text/xml", as_of
        )

    def rows(self, query: str, **told: Any) -> list[tuple[Any, ...]]:
        with self.services.database.tenant(self.tenant_id) as conn:
            return [tuple(row) for row in conn.execute(text(query), told)]

    def payloads(self) -> list[bytes]:
        """Every payload, as the archive gives it back."""
        with self.services.database.tenant(self.tenant_id) as conn:
            ids = conn.execute(text("SELECT id FROM raw_index ORDER BY id")).scalars().all()
            return [self.services.archive.get(conn, one) for one in ids]

    def on_disk(self) -> bytes:
        """All that lies in the archive's files."""
        return b"".join(path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file())

    def dump(self) -> str:
        """Every row of every table, as text, with bytes as text where they are."""
        names = self.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        found = []
        for (name,) in names:
            if name not in ("tenants", "alembic_version"):
                found += [str(row[0]) for row in self.rows(f"SELECT to_jsonb(t)::text FROM {name} t")]
        for (raw,) in self.rows("SELECT raw FROM rejected"):
            found.append(bytes(raw).decode("utf-8", "replace"))
        return "\n".join(found)


@contextmanager
def opened(
    database: MigratedDatabase, tenant_id: int, valkey_url: str, folder: Path, *, ota_url: str = "http://127.0.0.1:9",
    **more: Any,
) -> Iterator[House]:  # fmt: skip
    """Set up services with a portfolio and a connection to ``ota_url``; ``more`` are further settings."""
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url), tenant_id=tenant_id,
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=folder / "raw",
        erased_root=folder / "erased", retry_attempts=1, **more,
    )  # fmt: skip
    services = wiring.build_services(settings)
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _documents.portfolio_of(3))
    wanted = connection_admin.NewConnection(
        vendor="booking_com", name="ota", base_url=ota_url,
        settings={"rate_limits": {"*": "1000/second"}}, credentials={"client_id": "a", "client_secret": "b"},
    )  # fmt: skip
    yield House(services, tenant_id, connection_admin.add(services, tenant_id, wanted), folder / "raw")
    services.database.dispose()


@pytest.fixture
def house(database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path) -> Iterator[House]:
    with opened(database, tenant_id, valkey_url, tmp_path) as found:
        yield found
