"""Old data leaves for files and a bucket and comes back as it was, on a real PostgreSQL and a real S3 API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import parquet
from sqlalchemy import text

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.records import BookingRecord, External
from python_nodes.domain.retention import BucketAddress, LifeOfData
from python_nodes.errors import NotFoundError, PermanentError, RetryableError
from python_nodes.steps import archive, archive_admin, archive_load
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, ari, bookings, flowerrors, old_rows
from python_nodes.store import portfolio as portfolio_store
from python_nodes.store.old_entities import ARCHIVED
from tests.integration.worker.conftest import Worker, harbour
from tests.integration.worker.test_import_queue import (
    CHECKOUT,
    accepted_once_and_carried_out,
    environment,
)

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEPT = date(2024, 7, 1)
OLD = date(2022, 5, 10)
BUCKET = "np-archive"


def stay(name: str, room: str, ends: date, **changes: Any) -> BookingRecord:
    at = datetime(ends.year, ends.month, ends.day, 9, tzinfo=UTC) - timedelta(days=20)
    record = BookingRecord(
        origin=External(source="test", external_id=name, source_version=1, source_updated_at=at),
        listing_external_id=room, rate_plan_external_id="standard", check_in_date=ends - timedelta(days=3),
        check_out_date=ends, booked_at=at, cancelled_at=None, total_amount_minor=20_000, currency="EUR",
        status="confirmed", guest_name='Zoë "Z", Ōta', guest_email="zoe@example.com",
    )  # fmt: skip
    return replace(record, **changes)


def nights(first: date, observed_at: datetime) -> AriColumns:
    days = np.datetime64(first) + np.arange(40)
    told = np.where(np.arange(40) % 7 == 3, np.nan, 10_000.0 + np.arange(40))
    return AriColumns(
        source="test", raw_id=None, observed_at=observed_at, raw_row=lambda row: b"",
        listing_external_id=np.full(40, "100101", dtype=object),
        rate_plan_external_id=np.full(40, "standard", dtype=object), stay_date=days, price_minor=told,
        currency=np.full(40, "EUR", dtype=object), is_open=np.arange(40) % 2 == 0, units_left=np.arange(40) % 3,
        min_stay_nights=np.ones(40, dtype=np.int64), fees_minor=np.zeros(40, dtype=np.int64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(worker: Worker) -> dict[str, int]:
    """Bookings, rates, figures and findings of May 2022 and of 2026."""
    assert worker.post("/v1/portfolio", harbour()).status_code == 200
    services, tenant = worker.services, worker.settings.tenant_id
    with services.database.tenant(tenant) as conn:
        ids = {one.external_id: one.listing_id for one in portfolio_store.load_listings(conn)}
        revised = stay("b-3", "100101", OLD)
        bookings.upsert(conn, [
            stay("b-1", "100101", OLD), stay("b-2", "100201", OLD, status="cancelled", cancelled_at=AS_OF),
            revised, replace(revised, origin=replace(revised.origin, source_version=2), total_amount_minor=25_000),
            stay("b-4", "100101", date(2026, 2, 20)),
            stay("b-5", "100101", KEPT - timedelta(days=200)),
        ], ids)  # fmt: skip
        ari.upsert_changed(conn, [nights(OLD, AS_OF - timedelta(days=1400))], ids)
        ari.upsert_changed(conn, [nights(date(2026, 3, 1), AS_OF)], ids)
        found = Anomaly(
            listing_id=ids["100101"], kind="conversion_drop", metric="conversion_rate", onset_date=OLD, observed=0.0,
            expected=0.02, lower=None, upper=None, p_value=1e-6, share_lost=0.8, confidence=1.0,
            cause="conversion_drop", evidence={"said": 'a "quoted", line\nand another', "empty": ""},
        )  # fmt: skip
        anomalies.replace(conn, datetime(2022, 5, 10, 12, tzinfo=UTC), "watches", [found])
        flowerrors.add(
            conn,
            workflow="poll",
            node="node",
            message="words",
            execution_id="1",
            reported_at=AS_OF - timedelta(days=200),
        )
    figures = {"booking_velocity": np.array([1.0, 2.5]), "adr": np.array([np.nan, 0.1 + 0.2])}
    days = np.array([np.datetime64("2020-05-10"), np.datetime64("2020-05-11")])
    points = MetricPoints(np.full(2, ids["100101"]), days, "test", AS_OF - timedelta(days=2100), figures)
    services.metrics.write(tenant, points)
    return ids


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A server that speaks S3, with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client(endpoint).create_bucket(Bucket=BUCKET)
    try:
        yield endpoint
    finally:
        server.stop()


def client(endpoint: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )


def living(worker: Worker, root: Path, endpoint: str | None = None, **changes: Any) -> Services:
    """The worker's services with an archive of its own."""
    own = worker.services.life.retention
    bucket = endpoint and BucketAddress(
        bucket=BUCKET, prefix="hotel", region="us-east-1", endpoint=endpoint, access_key="k", secret_key="s"
    )
    told = {"root": root, "retention": own, "bucket": bucket or None, **changes}
    return replace(worker.services, life=LifeOfData(**told))


def rows(services: Services, tenant: int) -> dict[str, list[str]]:
    """Every row of what may be archived, as PostgreSQL writes it, without what names a guest."""
    found = {}
    with services.database.tenant(tenant) as conn:
        for name, entity in ARCHIVED.items():
            less = "".join(f" - '{column}'" for column in entity.personal)
            query = text(f"SELECT (to_jsonb(t){less})::text AS line FROM {name} t ORDER BY line")
            found[name] = list(conn.execute(query).scalars())
    return found


def restored(services: Services, tenant: int) -> None:
    """Put back what a test left in its archive, so that the next one starts with all of it."""
    for one in archive_admin.listed(services, tenant):
        if one["state"] == "archived":
            archive_load.load(services, tenant, one["entity"], one["month_date"], AS_OF - timedelta(days=60))


def test_old_rows_leave_and_come_back_as_they_were(worker: Worker, filled: dict[str, int], root: Path) -> None:
    services, tenant = living(worker, root), worker.settings.tenant_id
    before = rows(services, tenant)
    made = archive.run(services, tenant, AS_OF)
    # May 2022 of bookings, their revisions and findings; May and June of rates; May 2020 of figures.
    assert made["files"] == 6
    assert made["rows"] == 3 + 1 + 1 + 40 + 2
    assert made["deleted"] == {"ari_current": 40, "flow_errors": 1}
    assert made["guests_forgotten"] == 5, "four stays of long ago, and a revision"
    left = rows(services, tenant)
    assert {name: len(before[name]) - len(left[name]) for name in before if before[name] != left[name]} == {
        "bookings": 3, "superseded_bookings": 1, "anomalies": 1, "ari_observations": 40, "metrics_daily": 2,
    }  # fmt: skip
    assert archive.run(services, tenant, AS_OF)["files"] == 0
    for name in ("bookings", "superseded_bookings", "anomalies", "ari_observations", "metrics_daily"):
        archive_load.load(services, tenant, name, None, AS_OF)
    assert rows(services, tenant) == before
    assert archive.run(services, tenant, AS_OF)["files"] == 0, "what was put back stays for a while"
    again = archive.run(services, tenant, AS_OF + timedelta(days=31))
    assert again["files"] == 6
    states = [one["state"] for one in archive_admin.listed(services, tenant, "bookings")]
    assert states == ["superseded", "archived"]
    restored(services, tenant)


def test_what_is_known_by_month_stays(worker: Worker, filled: dict[str, int], root: Path) -> None:
    services, tenant = living(worker, root), worker.settings.tenant_id
    archive.run(services, tenant, AS_OF)
    answer = worker.client.get(
        "/v1/archive/months", params={"entity": "bookings", "start": "2022-01-01", "end": "2022-12-31"}
    ).json()["months"]  # fmt: skip
    by_listing = {one["listing_id"]: one["figures"] for one in answer}
    assert by_listing[filled["100101"]] == {
        "bookings": 2, "cancelled": 0, "nights": 6, "revenue_minor": 45_000, "cancelled_revenue_minor": 0,
    }  # fmt: skip
    assert by_listing[filled["100201"]]["cancelled_revenue_minor"] == 20_000
    (told,) = archive_admin.months(services, tenant, "metrics_daily", None, date(2020, 1, 1), date(2020, 12, 31))
    assert told["figures"]["booking_velocity"] == {"mean": 1.75, "days": 2}
    assert told["figures"]["adr"]["days"] == 1
    restored(services, tenant)
    gone = archive_admin.months(services, tenant, "bookings", None, date(2022, 1, 1), date(2022, 12, 31))
    assert gone == [], "the rows are there again and would count twice"


def test_a_file_never_names_a_guest(worker: Worker, filled: dict[str, int], root: Path) -> None:
    services, tenant = living(worker, root), worker.settings.tenant_id
    keep = replace(services.life.retention, guest_days=9_999)
    with services.database.tenant(tenant) as conn:
        conn.execute(text("UPDATE bookings SET guest_name = 'Zoë Ōta' WHERE external_id = 'b-1'"))
    services = replace(services, life=replace(services.life, retention=keep))
    archive.run(services, tenant, AS_OF)
    for path in root.rglob("*.parquet"):
        assert "Zoë".encode() not in path.read_bytes()
        assert not {"guest_name", "guest_email", "guest_phone"} & set(parquet.read_schema(path).names)
    restored(services, tenant)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda raw: raw[:40] + b"\0" + raw[41:], "its checksum is not that"),
        (lambda raw: raw[:-9], "bytes, not the"),
        (lambda raw: None, "it is not there"),
    ],
)
def test_a_damaged_file_is_refused_with_what_to_do(
    worker: Worker, filled: dict[str, int], root: Path, s3: str, harm: Any, says: str
) -> None:
    alone, tenant = living(worker, root), worker.settings.tenant_id
    archive.run(alone, tenant, AS_OF)
    (one,) = [one for one in archive_admin.listed(alone, tenant, "bookings") if one["state"] == "archived"]
    path = root / one["path"]
    whole, harmed = path.read_bytes(), harm(path.read_bytes())
    path.unlink() if harmed is None else path.write_bytes(harmed)
    before = rows(alone, tenant)
    with pytest.raises(PermanentError, match=f"{says}.*put the file back from a backup"):
        archive_load.load(alone, tenant, "bookings", None, AS_OF)
    assert rows(alone, tenant) == before
    (line,) = archive_load.verify(alone, tenant)["wrong"]
    assert says in line
    both = living(worker, root, s3)
    (line,) = archive.run(both, tenant, AS_OF)["errors"]
    assert "put the file back" in line, "a damaged file is not sent, the others are"
    path.write_bytes(whole)
    assert archive.run(both, tenant, AS_OF)["exported"] == 1
    path.unlink() if harmed is None else path.write_bytes(harmed)
    with pytest.raises(PermanentError, match="nightporter archive verify --mend"):
        archive_load.load(both, tenant, "bookings", None, AS_OF)
    assert archive_load.verify(both, tenant, mend=True)["mended"] == 1
    assert path.read_bytes() == whole
    restored(both, tenant)


def test_a_copy_is_sent_and_fetched_where_nothing_is_kept_here(
    worker: Worker, filled: dict[str, int], root: Path, s3: str
) -> None:
    services, tenant = living(worker, root, s3, keeps_local=False), worker.settings.tenant_id
    before = rows(services, tenant)
    made = archive.run(services, tenant, AS_OF)
    assert made["exported"] == made["files"] == 6
    assert made["errors"] == []
    left = [one for one in archive_admin.listed(services, tenant) if one["state"] == "archived"]
    assert [one["path"] for one in left if (root / one["path"]).exists()] == []
    keys = [one["Key"] for one in client(s3).list_objects_v2(Bucket=BUCKET)["Contents"]]
    (kept,) = [one for one in archive_admin.listed(services, tenant, "metrics_daily") if one["state"] == "archived"]
    assert f"hotel/{kept['path']}" in keys
    assert archive_load.verify(services, tenant, copies=True)["wrong"] == []
    client(s3).put_object(Bucket=BUCKET, Key=f"hotel/{kept['path']}", Body=b"PAR1 nothing of ours PAR1")
    with pytest.raises(PermanentError, match=r"copy s3://np-archive/hotel/.* is damaged too"):
        archive_load.load(services, tenant, "metrics_daily", None, AS_OF)
    client(s3).delete_object(Bucket=BUCKET, Key=f"hotel/{kept['path']}")
    with pytest.raises(NotFoundError, match="is not there"):
        archive_load.load(services, tenant, "metrics_daily", None, AS_OF)
    with services.database.tenant(tenant) as conn:
        conn.execute(text("DELETE FROM monthly_summaries WHERE archive_id = :id"), {"id": kept["archive_id"]})
        conn.execute(text("DELETE FROM archives WHERE id = :id"), {"id": kept["archive_id"]})
    restored(services, tenant)
    assert {name: lines for name, lines in rows(services, tenant).items() if name != "metrics_daily"} == {
        name: lines for name, lines in before.items() if name != "metrics_daily"
    }


def test_a_bucket_that_is_not_there_or_does_not_answer_says_so_and_loses_nothing(
    worker: Worker, filled: dict[str, int], root: Path, s3: str
) -> None:
    services, tenant = living(worker, root, s3), worker.settings.tenant_id
    assert services.life.bucket is not None
    away = replace(services.life, bucket=replace(services.life.bucket, bucket="np-elsewhere"))
    made = archive.run(replace(services, life=away), tenant, AS_OF)
    assert made["files"] >= 1
    assert made["exported"] == 0
    assert "there is no bucket np-elsewhere" in made["errors"][0]
    assert "NIGHTPORTER_ARCHIVE_URL" in made["errors"][0]
    deaf = replace(services.life, bucket=replace(services.life.bucket, endpoint="http://127.0.0.1:9"))
    assert "cannot be reached" in archive.run(replace(services, life=deaf), tenant, AS_OF)["errors"][0]
    assert archive.run(services, tenant, AS_OF)["exported"] == made["files"], "the next run sends what waits"
    restored(services, tenant)


def test_without_room_nothing_leaves_the_database(worker: Worker, filled: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")
    services, tenant = living(worker, tmp_path / "archive"), worker.settings.tenant_id
    before = rows(services, tenant)
    with pytest.raises(RetryableError, match="nothing was taken out of the database"):
        archive.run(services, tenant, AS_OF)
    assert rows(services, tenant) == before


def test_two_runs_at_once_do_not_meet(worker: Worker, filled: dict[str, int], root: Path) -> None:
    services, tenant = living(worker, root), worker.settings.tenant_id
    with services.database.tenant(tenant) as conn:
        assert old_rows.hold_all(conn)
        with pytest.raises(RetryableError, match="another run is at work"):
            archive.run(services, tenant, AS_OF)


def test_a_file_of_another_schema_is_refused(worker: Worker, filled: dict[str, int], tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text('"listing_id","mood"\n1,"good"\n')
    with (
        worker.services.database.tenant(worker.settings.tenant_id) as conn,
        pytest.raises(PermanentError, match="bookings has no column mood; read it with the release that wrote it"),
    ):
        old_rows.put_back(conn, ARCHIVED["bookings"], ["listing_id", "mood"], table)


def test_a_run_is_a_job_that_the_worker_carries_out(worker: Worker, filled: dict[str, int], tmp_path: Path) -> None:
    job = accepted_once_and_carried_out(worker, tmp_path, "/v1/archive", "ingest", {"as_of": AS_OF.isoformat()})
    # The month of figures is gone whose file another test destroyed.
    assert job["result"]["files"] == 5
    assert worker.client.get("/v1/archive", params={"entity": "moods"}).status_code == 422
    entities = {one["entity"] for one in worker.client.get("/v1/archive").json()["files"]}
    assert entities == {"bookings", "superseded_bookings", "anomalies", "ari_observations", "metrics_daily"}
    files = sorted(worker.services.life.root.rglob("*.parquet"))
    assert len(files) == 5
    assert said_by(worker, "verify") == (0, "5 of 5 files are whole, 0 of them mended\n", "")
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-1])
    code, shown, wrong = said_by(worker, "verify")
    assert (code, shown) == (1, "4 of 5 files are whole, 0 of them mended\n")
    assert "put the file back from a backup" in wrong
    files[0].write_bytes(whole)
    assert "alert_events" in said_by(worker, "load", "moods", "--all")[2]
    assert said_by(worker, "load", "bookings", "May")[0] == 2
    assert len(said_by(worker, "list", "--entity", "bookings")[1].splitlines()) > 1


def said_by(worker: Worker, *words: str) -> tuple[int, str, str]:
    """What the command `nightporter archive` answers."""
    command = [str(Path(sys.executable).with_name("nightporter")), "archive", *words]
    told = subprocess.run(
        command, env=environment(worker), cwd=CHECKOUT, capture_output=True, text=True, check=False
    )  # fmt: skip
    return told.returncode, told.stdout, told.stderr


def test_files_expire_after_seven_years(worker: Worker, filled: dict[str, int], s3: str) -> None:
    root = worker.services.life.root
    services, tenant = living(worker, root, s3), worker.settings.tenant_id
    assert archive.run(services, tenant, AS_OF)["exported"] == 5
    (one,) = [one for one in archive_admin.listed(services, tenant, "anomalies") if one["state"] == "archived"]

    def copies() -> list[str]:
        return [each["Key"] for each in client(s3).list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    assert (root / one["path"]).exists()
    assert f"hotel/{one['path']}" in copies()
    assert archive.run(services, tenant, AS_OF + timedelta(days=2557))["expired"] > 5
    assert not (root / one["path"]).exists()
    assert f"hotel/{one['path']}" not in copies()
    last = date(2022, 12, 31)
    assert archive_admin.months(services, tenant, "bookings", None, date(2020, 1, 1), last) == []
