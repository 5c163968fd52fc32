"""Pruning by the clock."""

from __future__ import annotations

import structlog
from celery import shared_task

from engine.errors import SettingsError, UnavailableError
from engine.jobs.job import create_job_unless_pending
from engine.jobs.parameters import JobKind
from engine.settings import get_settings
from workers import contracts, resources
from workers.tasks.jobs import announce

_log = structlog.get_logger("workers.retention")


@shared_task(name=contracts.SCHEDULE_PRUNING, soft_time_limit=60, time_limit=120)
def schedule_pruning() -> None:
    """Make a job that prunes where its time has come."""
    from engine.pipelines.prune import pruning_due

    try:
        store = resources.store()
        if not pruning_due(store, get_settings()):
            return
        job = create_job_unless_pending(store, JobKind.PRUNE)
        if job is not None:
            announce(job)
    except SettingsError as error:
        _log.error("pruning_refused", code=error.code, error=str(error))
    except UnavailableError as error:
        _log.warning("pruning_waits", error=str(error))
