"""A sweep that many processes share: planned once, worked on shard by shard, ended by whoever ends the last.

A shard is held while it is worked on. Who dies lets go of it, and whoever comes next takes it; nothing of it was kept,
so nothing is kept twice. The last one stores what all found, in the transaction that notes its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.steps import job_admin, metrics_score, swept_part
from python_nodes.steps.services import Services
from python_nodes.store import jobs, portfolio, sweep_shards
from python_nodes.store.sweep_shards import Shard

KIND, SHARD = "metrics.score", "metrics.score.shard"
"""What workers are asked for: to plan a sweep, and to look at one of its shards."""
AT_MOST = 256
"""So many calls for a worker are under way for one sweep; each is followed by another while shards are not done."""
MOST_TRIES = 5
"""A shard whose worker died so often is taken for what killed it."""
PATIENCE = timedelta(seconds=30)
"""A sweep that nobody works on and that stood still for so long is called for anew."""
ENDED = ("done", "failed")


def is_wide(services: Services, tenant_id: int) -> bool:
    """Whether the portfolio is swept in shards."""
    with services.database.tenant(tenant_id) as conn:
        return portfolio.count_listings(conn) > services.sweep_shard_listings


def accept(services: Services, tenant_id: int, job_id: str, as_of: datetime, run_id: str) -> job_admin.Task:
    """Write the queued job, and say what it asks of the workers."""
    task = job_admin.Task(job_id=job_id, name=KIND, arguments=(tenant_id, job_id, as_of.isoformat(), run_id))
    with services.database.tenant(tenant_id) as conn:
        jobs.create(conn, job_id, KIND, 0, at=services.clock())
        job_admin.note(conn, task)
    return task


def plan(services: Services, tenant_id: int, job_id: str, as_of: datetime, *, is_last_try: bool = True) -> int:
    """Write the shards down, unless that is done; return how many calls for a worker are to be made."""
    try:
        parts, given = swept_part.survey(services, tenant_id, as_of)
        with services.database.tenant(tenant_id) as conn:
            if jobs.hold(conn, job_id).state in ENDED:
                return 0
            done, total = sweep_shards.count(conn, job_id)
            if not total:
                ids = [[listing.listing_id for listing in part] for part in parts]
                sweep_shards.plan(conn, job_id, ids, given.as_json())
                total = len(parts)
            jobs.progress(conn, job_id, at=services.clock(), done=done, total=total)
        return min(total - done, AT_MOST)
    except Exception as error:
        _failed(services, tenant_id, job_id, error, is_last_try)
        raise


def work(services: Services, tenant_id: int, job_id: str, *, is_last_try: bool = True) -> bool:
    """Look at one shard that nobody works on; say whether another call for a worker is to be made."""
    try:
        with services.database.tenant(tenant_id) as conn:
            shard = sweep_shards.take(conn, job_id)
            if shard is None:
                return False
            if shard.tries >= MOST_TRIES:
                raise PermanentError(
                    f"shard {shard.number}: {shard.tries} workers ended in its midst; see their memory's limit and logs"
                )
            with services.database.tenant(tenant_id) as beside:
                sweep_shards.note_try(beside, job_id, shard.number)
            with log.stage("sweep_shard", tenant_id=tenant_id) as facts:
                given = swept_part.Given.of_json(shard.given)
                looked = _look(services, tenant_id, shard.listing_ids, given)
                facts.update(shard=shard.number, listings=len(shard.listing_ids), found=len(looked.found))
            return _ended(services, conn, job_id, given.as_of, shard, looked)
    except Exception as error:
        _failed(services, tenant_id, job_id, error, is_last_try)
        raise


def abandoned(services: Services, tenant_id: int, job_id: str) -> int:
    """Return how many calls for a worker are to be made anew: some where all who worked on the sweep have died."""
    now = services.clock()
    with services.database.tenant(tenant_id) as conn:
        job = jobs.get(conn, job_id)
        if job.kind != KIND or job.state != "running" or job.updated_at > now - PATIENCE:
            return 0
        waiting = min(sweep_shards.idle(conn, job_id), AT_MOST)
        if waiting:
            jobs.progress(conn, job_id, at=now)
    return waiting


def _look(
    services: Services, tenant_id: int, listing_ids: Sequence[int], given: swept_part.Given
) -> swept_part.Looked:  # fmt: skip
    with services.database.tenant(tenant_id) as conn:
        part = portfolio.load_listings(conn, listing_ids)
    swept_part.derive(services, tenant_id, part, given)
    # The other cores are other shards'.
    return swept_part.look(services, tenant_id, part, given, at_once=1)


def _ended(
    services: Services, conn: Connection, job_id: str, as_of: datetime, shard: Shard, looked: swept_part.Looked
) -> bool:
    """Note a shard's end and, if it was the last, store what all found; say whether some are not done."""
    # Two that end at once wait for one another here, so that the later one knows that it is the last.
    if jobs.hold(conn, job_id).state in ENDED:
        return False
    done, total = sweep_shards.finish(conn, job_id, shard.number, looked.as_text(), services.clock())
    if done < total:
        jobs.progress(conn, job_id, at=services.clock(), done=done, total=total)
        return True
    with log.stage("metrics_score") as facts:
        every = [swept_part.Looked.of_text(one) for one in sweep_shards.told(conn, job_id)]
        result = metrics_score.keep(conn, as_of, every)
        facts.update(result, shards=total, failed=sum(len(one.failed) for one in every))
    sweep_shards.forget(conn, job_id)
    jobs.progress(conn, job_id, at=services.clock(), state="done", done=done, total=total, result=result)
    return False


def _failed(services: Services, tenant_id: int, job_id: str, error: Exception, is_last_try: bool) -> None:
    """Mark the job failed, unless it goes on later; what the last sweep found holds on."""
    if isinstance(error, RetryableError) and not is_last_try:
        return
    # Only our own errors' words are known to hold no payload and no secret.
    reason = str(error) if isinstance(error, NightporterError) else type(error).__name__
    with services.database.tenant(tenant_id) as conn:
        if jobs.hold(conn, job_id).state not in ENDED:
            sweep_shards.forget(conn, job_id)
            jobs.progress(conn, job_id, at=services.clock(), state="failed", error=str(log.redact(reason)))
