"""Jobs that nobody asked for: vectors of what changed, and training by the clock."""

from __future__ import annotations

import structlog
from celery import shared_task

from engine.errors import ConflictError, UnavailableError
from engine.jobs.job import create_job_unless_pending
from engine.jobs.parameters import JobKind
from engine.pipelines.selection import anything_dirty
from engine.pipelines.versions import retraining_due
from engine.settings import get_settings
from workers import contracts, resources
from workers.tasks.jobs import announce

_log = structlog.get_logger("workers.schedule")


@shared_task(name=contracts.REEMBED_DIRTY, soft_time_limit=60, time_limit=120)
def reembed_dirty() -> None:
    """Make a job for what changed since its last embedding, unless one of this version is pending."""
    try:
        store = resources.store()
        if not anything_dirty(store):
            return
        job = create_job_unless_pending(store, JobKind.REEMBED, {"selection": "dirty"})
        if job is not None:
            announce(job)
    except ConflictError:
        return
    except UnavailableError as error:
        _log.warning("schedule_waits", error=str(error))


@shared_task(name=contracts.SCHEDULE_RETRAINING, soft_time_limit=60, time_limit=120)
def schedule_retraining() -> None:
    """Make a training job when the newest version is older than the settings say."""
    settings = get_settings()
    try:
        store = resources.store()
        if not retraining_due(store, settings):
            return
        job = create_job_unless_pending(store, JobKind.RETRAIN)
        if job is not None:
            _log.info("retraining_due", job_id=job.id)
            announce(job)
    except UnavailableError as error:
        _log.warning("schedule_waits", error=str(error))
