"""Names of tasks and queues, what their messages carry, and the way to send one.

Messages carry ids and a version only. This module is light: the API sends jobs with it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict

from engine.broker import broker_url
from engine.errors import BrokerUnavailableError
from engine.jobs.parameters import JobKind
from engine.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

    from engine.jobs.job import Job

CPU_QUEUE: Final = "cpu"
GPU_QUEUE: Final = "gpu"

FOLD_CO_OCCURRENCE: Final = "interestgraph.fold_co_occurrence"
DISPATCH_JOBS: Final = "interestgraph.dispatch_jobs"
REEMBED_DIRTY: Final = "interestgraph.reembed_dirty"
SCHEDULE_RETRAINING: Final = "interestgraph.schedule_retraining"
REFRESH_RELATIONS: Final = "interestgraph.refresh_relations"
SCHEDULE_PRUNING: Final = "interestgraph.schedule_pruning"
REFRESH_SIMILAR_USERS: Final = "interestgraph.refresh_similar_users"
REFRESH_DEMOGRAPHICS: Final = "interestgraph.refresh_demographics"
RUN_JOB: Final = "interestgraph.run_job"

QUEUE_OF_KIND: Final[Mapping[str, str]] = {
    JobKind.REEMBED: GPU_QUEUE,
    JobKind.EMBED_TEXTS: GPU_QUEUE,
    JobKind.RETRAIN: GPU_QUEUE,
    JobKind.REBUILD_CO_OCCURRENCE: CPU_QUEUE,
    JobKind.DISCOVER_TOPICS: GPU_QUEUE,
    # These need no torch, but take minutes: on the queue of the fold they would stand before it.
    JobKind.REBUILD_INTERACTIONS: GPU_QUEUE,
    JobKind.PRUNE: GPU_QUEUE,
    JobKind.RELATE_INTERESTS: GPU_QUEUE,
    JobKind.FIND_SIMILAR_USERS: GPU_QUEUE,
    JobKind.COUNT_DEMOGRAPHICS: GPU_QUEUE,
}

_TIMEOUT_S: Final = 2.0
_producers: dict[str, Celery] = {}
_lock = threading.Lock()


class JobMessage(TypedDict):
    """Message of a job: everything else is read from the `:Job` node."""

    job_id: str
    version: str | None


def send_job(settings: Settings, job: Job) -> None:
    """Send the message of a job that is stored already.

    When this fails nothing is lost: the job is queued in the graph, and `dispatch_jobs` sends its message later.

    Args:
        settings: Where the broker is.
        job: The job.

    Raises:
        BrokerUnavailableError: The Redis server does not answer in about two seconds.
    """
    message: JobMessage = {"job_id": job.id, "version": job.version}
    send(settings, RUN_JOB, dict(message), queue=QUEUE_OF_KIND[job.kind])


def job_of(message: bytes) -> str | None:
    """Give the job that a message in a queue is about, as its sender wrote it in the header."""
    try:
        job_id = json.loads(message)["headers"].get("job_id")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return job_id if isinstance(job_id, str) else None


def send(settings: Settings, task: str, payload: Mapping[str, Any], *, queue: str) -> None:
    """Send one message.

    Raises:
        BrokerUnavailableError: The Redis server does not answer in about two seconds.
    """
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    try:
        _producer(broker_url(settings)).send_task(
            task, kwargs=dict(payload), headers={"job_id": payload.get("job_id")}, queue=queue, retry=False
        )
    except (OperationalError, RedisError, OSError) as error:
        raise BrokerUnavailableError(
            "The Redis server does not answer.", remedy="See that it runs: interestgraph status."
        ) from error


def _producer(url: str) -> Celery:
    """Give this process's sender for a broker, made when it is first needed."""
    with _lock:
        if url not in _producers:
            from celery import Celery

            app = Celery("interestgraph.producer", broker=url, set_as_current=False)
            app.conf.update(
                task_serializer="json",
                accept_content=["json"],
                task_ignore_result=True,
                broker_connection_timeout=_TIMEOUT_S,
                broker_transport_options={
                    "socket_connect_timeout": _TIMEOUT_S,
                    "socket_timeout": _TIMEOUT_S,
                    "max_retries": 1,
                    "interval_start": 0,
                    "interval_step": 0.1,
                    "interval_max": 0.1,
                },
            )
            _producers[url] = app
        return _producers[url]
