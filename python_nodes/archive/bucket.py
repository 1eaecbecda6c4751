"""A bucket that speaks S3: files go there under their checksum and come back only where it holds."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from python_nodes.archive import parquet_file
from python_nodes.archive.parquet_file import Written
from python_nodes.domain.retention import BucketAddress
from python_nodes.errors import NightporterError, NotFoundError, PermanentError, RetryableError

_REFUSED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"})
_MISSING = frozenset({"NoSuchKey", "404"})
_CLOCK = "RequestTimeTooSkewed"


class Bucket:
    """One bucket; its client is built at first use."""

    def __init__(self, address: BucketAddress) -> None:
        self.address = address
        self._client: Any = None

    def put(self, key: str, path: Path, written: Written) -> None:
        """Send a file; the bucket itself compares its checksum with what arrived."""
        with self._speaking(key) as client, path.open("rb") as stream:
            client.put_object(
                Bucket=self.address.bucket, Key=self._key(key), Body=stream,
                ChecksumSHA256=base64.b64encode(written.sha256).decode(),
            )  # fmt: skip

    def fetch(self, key: str, path: Path, written: Written) -> None:
        """Get a file; it gets its name here only where it is what was written."""
        part = path.with_name(f".fetched-{path.name}")
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._speaking(key) as client, part.open("wb") as stream:
                body = client.get_object(Bucket=self.address.bucket, Key=self._key(key))["Body"]
                for block in body.iter_chunks(1 << 20):
                    stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
            wrong = parquet_file.fault(part, written)
            if wrong is not None:
                raise PermanentError(f"archive: the copy {self.place(key)} is damaged too: {wrong}", status=409)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Delete a file; one that is not there is none."""
        with self._speaking(key) as client:
            client.delete_object(Bucket=self.address.bucket, Key=self._key(key))

    def place(self, key: str) -> str:
        """Return the address of a file."""
        return f"s3://{self.address.bucket}/{self._key(key)}"

    def _key(self, key: str) -> str:
        return f"{self.address.prefix.strip('/')}/{key}".lstrip("/")

    @contextmanager
    def _speaking(self, key: str) -> Iterator[Any]:
        try:
            yield self._connected()
        except NightporterError:
            raise
        except ClientError as error:
            raise self._meant(error, key) from None
        except NoCredentialsError:
            raise PermanentError(
                "archive: no key for the bucket: set NIGHTPORTER_ARCHIVE_ACCESS_KEY and NIGHTPORTER_ARCHIVE_SECRET_KEY",
                status=502,
            ) from None
        except BotoCoreError as error:
            where = self.address.endpoint or self.address.region
            raise RetryableError(f"archive: the bucket at {where} cannot be reached: {type(error).__name__}") from None

    def _connected(self) -> Any:
        if self._client is None:
            told = self.address
            self._client = boto3.client(
                "s3", region_name=told.region, endpoint_url=told.endpoint, aws_access_key_id=told.access_key,
                aws_secret_access_key=told.secret_key,
                config=Config(
                    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3},
                    # What is not Amazon's own seldom has a name of its own for each bucket.
                    s3={"addressing_style": "path" if told.endpoint else "auto"},
                ),
            )  # fmt: skip
        return self._client

    def _meant(self, error: ClientError, key: str) -> NightporterError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        where = self.address.endpoint or self.address.region
        if code == "NoSuchBucket":
            return PermanentError(
                f"archive: there is no bucket {self.address.bucket} at {where}: create it, or correct"
                " NIGHTPORTER_ARCHIVE_URL; nothing is lost, files wait here and are sent with the next run", status=502,
            )  # fmt: skip
        if code in _MISSING:
            return NotFoundError(f"archive: {self.place(key)} is not there")
        if code == _CLOCK:
            return PermanentError(f"archive: {where} says that this machine's clock is wrong: set it (NTP)", status=502)
        if code in _REFUSED:
            return PermanentError(
                f"archive: {where} refuses our key ({code}): check NIGHTPORTER_ARCHIVE_ACCESS_KEY, its secret, and that"
                f" it may read, write and delete in {self.address.bucket}", status=502,
            )  # fmt: skip
        if status >= 500 or code in ("SlowDown", "RequestTimeout"):
            return RetryableError(f"archive: {where} answers {status} {code}")
        return PermanentError(f"archive: {where} answers {status} {code}", status=502)
