"""Runs jobs, and sends the messages of those that nobody runs."""

from __future__ import annotations

from typing import Final, cast

import redis
import structlog
from celery import Task, shared_task
from celery.exceptions import Reject

from engine.broker import broker_url
from engine.domain import MS_PER_SECOND
from engine.errors import BrokerUnavailableError, InterestGraphError, UnavailableError
from engine.jobs.job import Job, get_job
from engine.jobs.parameters import JobKind
from engine.jobs.run import Outcome, run_job
from engine.pipelines.handlers import handler
from engine.settings import get_settings
from workers import contracts, resources

_SILENT_MS: Final = 10 * MS_PER_SECOND
"""For how long a queued job waits before the queue is looked at for its message."""
_MOST_MESSAGES: Final = 100
_MOST_LOOKED_AT: Final = 5_000
"""Messages of a queue that are looked through for a job; one further back is sent twice, and runs once."""
_REDIS_TIMEOUT_S: Final = 5.0
_log = structlog.get_logger("workers.jobs")


@shared_task(name=contracts.RUN_JOB, bind=True)
def run(self: Task, job_id: str, version: str | None = None) -> None:
    """Run a job. Delivered twice, or late, it changes nothing: only one run has the job.

    Args:
        job_id: The job; what it is to do stands in the graph.
        version: The embedding version it was sent for.
    """
    settings = get_settings()
    try:
        store = resources.wait_for_store()
        job = get_job(store, job_id)
        if version is not None and version != job.version:
            _log.error("wrong_message", code="wrong_version", sent=version, stored=job.version)
            return
        outcome = run_job(
            store, settings, job_id, handler(job.kind, settings, announce), should_stop=resources.stopping
        )
    except UnavailableError as error:
        # The worker ends while a part is down: the message goes back as it came.
        _log.warning("job_given_back", error=str(error))
        raise Reject(str(error), requeue=True) from error
    except InterestGraphError as error:
        _log.error("wrong_message", code=error.code, error=str(error))
        return
    if outcome is Outcome.RELEASED:
        _log.info("job_given_back")
        raise Reject("the job goes on later", requeue=True)
    if outcome not in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED):
        _log.info("job_left_alone", outcome=str(outcome))


@shared_task(name=contracts.DISPATCH_JOBS, soft_time_limit=60, time_limit=120)
def dispatch_jobs() -> None:
    """Send the messages of queued jobs again that were lost, and of running ones whose worker was.

    A job whose message still stands in its queue only waits for its turn: it is not sent again and again.
    """
    settings = get_settings()
    try:
        store = resources.store()
        found = store.read(
            "jobs/unattended",
            silent_ms=_SILENT_MS,
            lost_after_ms=int(settings.workers.lost_after_s * MS_PER_SECOND),
            limit=_MOST_MESSAGES,
        )
        sent = []
        held: dict[str, set[str]] = {}
        for row in found:
            queue = contracts.QUEUE_OF_KIND[JobKind(row["kind"])]
            if queue not in held:
                held[queue] = _jobs_in(queue)
            if row["id"] in held[queue]:
                continue
            contracts.send(settings, contracts.RUN_JOB, {"job_id": row["id"], "version": row["version"]}, queue=queue)
            sent.append(row["id"])
        if sent:
            store.write("jobs/sent", ids=sent)
            _log.info("jobs_sent_again", jobs=sent)
    except UnavailableError as error:
        _log.warning("dispatch_waits", error=str(error))


def announce(job: Job) -> None:
    """Send a job's message; without a broker the dispatcher does it later."""
    try:
        contracts.send_job(get_settings(), job)
    except BrokerUnavailableError as error:
        _log.warning("job_not_sent", job_id=job.id, error=str(error))


def _jobs_in(queue: str) -> set[str]:
    """Give the ids of the jobs whose messages stand in a queue: the oldest ones, which the next workers take."""
    settings = get_settings()
    try:
        with redis.Redis.from_url(
            broker_url(settings), socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
        ) as client:
            messages = cast(list[bytes], client.lrange(queue, -_MOST_LOOKED_AT, -1))
    except redis.RedisError as error:
        raise BrokerUnavailableError("The Redis server does not answer.") from error
    return {job_id for message in messages if (job_id := contracts.job_of(message)) is not None}
