"""What a bucket refuses, in words that say what to do; by a server that answers as S3 does."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from python_nodes.archive.bucket import Bucket
from python_nodes.archive.parquet_file import Written
from python_nodes.domain.retention import BucketAddress
from python_nodes.errors import PermanentError, RetryableError


def refused(httpserver: HTTPServer, tmp_path: Path, code: str, status: int) -> Exception:
    """Send a file to a bucket that answers with an error of S3's."""
    said = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    httpserver.expect_request("/np-archive/hotel/one.parquet", method="PUT").respond_with_data(
        said, status, content_type="application/xml"
    )
    path = tmp_path / "one.parquet"
    path.write_bytes(b"PAR1")
    bucket = Bucket(BucketAddress(
        bucket="np-archive", prefix="/hotel", region="us-east-1", endpoint=httpserver.url_for("").rstrip("/"),
        access_key="k", secret_key="s-very-secret",
    ))  # fmt: skip
    with pytest.raises((PermanentError, RetryableError)) as error:
        bucket.put("one.parquet", path, Written(rows=1, size_bytes=4, sha256=bytes(32)))
    return error.value


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("RequestTimeTooSkewed", 403, "this machine's clock is wrong: set it (NTP)"),
        ("InvalidAccessKeyId", 403, "check NIGHTPORTER_ARCHIVE_ACCESS_KEY, its secret"),
        ("SignatureDoesNotMatch", 403, "check NIGHTPORTER_ARCHIVE_ACCESS_KEY, its secret"),
        ("AccessDenied", 403, "that it may read, write and delete in np-archive"),
        ("NoSuchBucket", 404, "create it, or correct NIGHTPORTER_ARCHIVE_URL; nothing is lost"),
    ],
)
def test_what_a_bucket_refuses_says_what_to_do(
    httpserver: HTTPServer, tmp_path: Path, code: str, status: int, says: str
) -> None:
    error = refused(httpserver, tmp_path, code, status)
    assert isinstance(error, PermanentError), "to try again cannot help"
    assert says in str(error)
    assert httpserver.url_for("").rstrip("/") in str(error), "which server says so"
    assert "s-very-secret" not in str(error)


def test_a_server_that_is_overloaded_is_asked_again_later(httpserver: HTTPServer, tmp_path: Path) -> None:
    error = refused(httpserver, tmp_path, "InternalError", 500)
    assert isinstance(error, RetryableError)
