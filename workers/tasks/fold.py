"""Recent events into CO_OCCURS, every second or so."""

from __future__ import annotations

import structlog
from celery import shared_task

from engine.errors import UnavailableError
from engine.jobs.job import create_job_unless_pending
from engine.jobs.parameters import JobKind
from engine.pipelines.fold import fold_waiting
from engine.settings import get_settings
from workers import contracts, resources
from workers.tasks.jobs import announce

_log = structlog.get_logger("workers.fold")


@shared_task(name=contracts.FOLD_CO_OCCURRENCE, soft_time_limit=300, time_limit=360)
def fold_co_occurrence() -> None:
    """Fold the events that wait; have them all counted again where the state says so.

    Without a database nothing is lost: events wait in the graph, and the beat asks again.
    """
    settings = get_settings()
    try:
        store = resources.store()
        folded = fold_waiting(store, settings)
        if folded.events:
            _log.info("folded", events=folded.events, items=folded.items, edges=folded.edges)
        if folded.rebuild_due:
            job = create_job_unless_pending(store, JobKind.REBUILD_CO_OCCURRENCE)
            if job is not None:
                _log.warning("recount_due", recount_job_id=job.id)
                announce(job)
    except UnavailableError as error:
        _log.warning("fold_waits", error=str(error))
