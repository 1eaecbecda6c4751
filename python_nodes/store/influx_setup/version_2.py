"""InfluxDB 2.x: an organisation, buckets, mappings by which InfluxQL finds them, and tokens; by ``influxdb-client``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import influxdb_client
from influxdb_client.rest import ApiException

from python_nodes.store.influx_setup.plan import (
    DAY_S,
    Bucket,
    Gap,
    Plan,
    Token,
    Wishes,
    put_secret,
    retention_gap,
    secret_file,
)
from python_nodes.store.metrics.influx_http import InfluxHttp

DEFAULT_POLICY = "autogen"
_CLIENT: Any = influxdb_client
"""Its records have no types."""


def gaps(http: InfluxHttp, plan: Plan, wishes: Wishes) -> Iterator[Gap]:
    """Give what is not as planned, one after the other: whoever mends a gap does so before asking for the next."""
    name = plan.organisation if http.address.org == "-" else http.address.org
    if _organisation(http, name) is None:
        yield Gap(f"organisation {name} is missing", lambda: http.client.organizations_api().create_organization(name))
    org = _organisation(http, name)
    if org is None:
        return
    for bucket in plan.buckets:
        yield from _bucket_gaps(http, org, bucket, wishes)
    found = {one.policy: _bucket(http, org, one) for one in plan.buckets}
    if None in found.values():
        return
    for bucket in plan.buckets:
        yield from _mapping_gaps(http, org, bucket, found[bucket.policy].id)
    if wishes.tokens_folder is not None:
        for token in plan.tokens:
            ids = [found[one.policy].id for one in plan.buckets]
            yield from _token_gaps(http, org, token, ids, wishes)


def _organisation(http: InfluxHttp, name: str) -> str | None:
    found = _unless_missing(lambda: http.client.organizations_api().find_organizations(org=name))
    return str(found[0].id) if found else None


def _bucket(http: InfluxHttp, org: str, bucket: Bucket) -> Any:
    name = http.bucket(bucket.policy)
    found = _unless_missing(lambda: http.client.buckets_api().find_buckets(name=name, org_id=org).buckets)
    return found[0] if found else None


def _unless_missing(ask: Callable[[], Any]) -> Any:
    """Return what a server tells, None where it says that there is no such thing."""
    try:
        return ask()
    except ApiException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _bucket_gaps(http: InfluxHttp, org: str, bucket: Bucket, wishes: Wishes) -> Iterator[Gap]:
    name, api = http.bucket(bucket.policy), http.client.buckets_api()
    rule = {
        "type": "expire", "everySeconds": bucket.keep_days * DAY_S,
        "shardGroupDurationSeconds": bucket.shard_days * DAY_S,
    }  # fmt: skip
    known = _bucket(http, org, bucket)
    if known is None:
        yield Gap(
            f"bucket {name} is missing", lambda: api.create_bucket(bucket_name=name, retention_rules=rule, org=org)
        )
        return
    (kept,) = known.retention_rules or [None]
    kept_s, shard_s = (kept.every_seconds, kept.shard_group_duration_seconds) if kept else (0, 0)

    def change(every_s: int, of_shard_s: int) -> None:
        known.retention_rules = [{**rule, "everySeconds": every_s, "shardGroupDurationSeconds": of_shard_s}]
        api.update_bucket(known)

    gap = retention_gap(f"bucket {name}", kept_s, bucket, wishes, lambda: change(bucket.keep_days * DAY_S, shard_s))
    if gap is not None:
        yield gap
    if shard_s != bucket.shard_days * DAY_S:
        keep_s = kept_s if gap is None or gap.mend is None else bucket.keep_days * DAY_S
        words = f"bucket {name} has shards of {shard_s // DAY_S} days, not {bucket.shard_days} (those to come change)"
        yield Gap(words, lambda: change(keep_s, bucket.shard_days * DAY_S))


def _mapping_gaps(http: InfluxHttp, org: str, bucket: Bucket, bucket_id: str) -> Iterator[Gap]:
    """See that InfluxQL finds the bucket as ``"database"."policy"``."""
    database, policy = http.address.database, bucket.policy or DEFAULT_POLICY
    service = _CLIENT.DBRPsService(http.client.api_client)
    known = [one for one in service.get_dbr_ps(org_id=org, db=database).content or [] if one.retention_policy == policy]
    written = [one for one in known if not one.virtual]
    if any(one.bucket_id == bucket_id and bool(one.default) == (not bucket.policy) for one in written):
        return

    def write() -> None:
        for one in written:
            service.delete_dbrpid(dbrp_id=one.id, org_id=org)
        service.post_dbrp(
            _CLIENT.DBRPCreate(
                org_id=org, bucket_id=bucket_id, database=database, retention_policy=policy, default=not bucket.policy
            )
        )  # fmt: skip

    yield Gap(f"InfluxQL's mapping of {database}.{policy} is missing or leads elsewhere", write)


def _token_gaps(http: InfluxHttp, org: str, token: Token, bucket_ids: list[str], wishes: Wishes) -> Iterator[Gap]:
    folder = wishes.tokens_folder or Path()
    api, about, file = http.client.authorizations_api(), _description(http, token), folder / secret_file(token)
    known = [one for one in api.find_authorizations(org_id=org) if one.description == about]
    wanted = {(right, bucket) for right in token.may for bucket in bucket_ids}
    fit = [one for one in known if _rights(one) == wanted and one.status == "active"]

    def make() -> None:
        given = [
            _CLIENT.Permission(action=right, resource=_CLIENT.PermissionResource(type="buckets", id=bucket, org_id=org))
            for right, bucket in sorted(wanted)
        ]
        made = api.create_authorization(
            authorization=_CLIENT.Authorization(org_id=org, permissions=given, description=about)
        )  # fmt: skip
        put_secret(folder, file.name, made.token)
        for one in known:
            api.delete_authorization(one)

    if not fit or wishes.renew_tokens:
        why = "is missing" if not known else "is renewed" if fit else "may not do what it should, or more than that"
        yield Gap(f"token {token.name} {why}; {file} holds it", make)
    elif not file.exists():
        # Later servers do not tell a token twice; then a new one takes its place.
        told = fit[0].token or ""
        yield Gap(f"{file} is missing", (lambda: put_secret(folder, file.name, told)) if told else make)


def _description(http: InfluxHttp, token: Token) -> str:
    return f"{http.address.database} {token.name}: buckets only, by `nightporter influx setup`"


def _rights(authorization: Any) -> set[tuple[str, str]]:
    return {(one.action, one.resource.id or one.resource.type) for one in authorization.permissions}
