"""Relations of interests and groups of users by the clock, and similar users as their vectors change."""

from __future__ import annotations

import structlog
from celery import shared_task

from engine.errors import UnavailableError
from engine.graph.store import GraphStore
from engine.interests.relations import relations_due
from engine.jobs.job import create_job_unless_pending
from engine.jobs.parameters import JobKind
from engine.pipelines.demographics import demographics_due
from engine.settings import get_settings
from engine.social.similar import similar_users_due
from workers import contracts, resources
from workers.tasks.jobs import announce

_log = structlog.get_logger("workers.relations")


@shared_task(name=contracts.REFRESH_RELATIONS, soft_time_limit=60, time_limit=120)
def refresh_relations() -> None:
    """Have RELATED_TO counted again where its time has come and something has happened since."""
    try:
        store = resources.store()
        if relations_due(store, get_settings()):
            _ask(store, JobKind.RELATE_INTERESTS)
    except UnavailableError as error:
        _log.warning("relations_wait", error=str(error))


@shared_task(name=contracts.REFRESH_SIMILAR_USERS, soft_time_limit=60, time_limit=120)
def refresh_similar_users() -> None:
    """Have users compared whose vector changed."""
    try:
        store = resources.store()
        if similar_users_due(store):
            _ask(store, JobKind.FIND_SIMILAR_USERS)
    except UnavailableError as error:
        _log.warning("similar_users_wait", error=str(error))


@shared_task(name=contracts.REFRESH_DEMOGRAPHICS, soft_time_limit=60, time_limit=120)
def refresh_demographics() -> None:
    """Have groups of users counted again where their time has come."""
    try:
        store = resources.store()
        if demographics_due(store, get_settings()):
            _ask(store, JobKind.COUNT_DEMOGRAPHICS)
    except UnavailableError as error:
        _log.warning("demographics_wait", error=str(error))


def _ask(store: GraphStore, kind: JobKind) -> None:
    job = create_job_unless_pending(store, kind)
    if job is not None:
        _log.info("job_asked_for", kind=str(kind), refresh_job_id=job.id)
        announce(job)
