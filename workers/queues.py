"""Queues, routes and what the beat sends."""

from __future__ import annotations

from typing import Any, Final

from kombu import Exchange, Queue

from engine.settings import Settings
from workers.contracts import (
    CPU_QUEUE,
    DISPATCH_JOBS,
    FOLD_CO_OCCURRENCE,
    GPU_QUEUE,
    REEMBED_DIRTY,
    REFRESH_DEMOGRAPHICS,
    REFRESH_RELATIONS,
    REFRESH_SIMILAR_USERS,
    RUN_JOB,
    SCHEDULE_PRUNING,
    SCHEDULE_RETRAINING,
)

# Each by an exchange of its own: with the default one for both, each message would stand in both.
QUEUES: Final = tuple(Queue(name, Exchange(name), routing_key=name) for name in (CPU_QUEUE, GPU_QUEUE))

ROUTES: Final = {
    FOLD_CO_OCCURRENCE: {"queue": CPU_QUEUE},
    DISPATCH_JOBS: {"queue": CPU_QUEUE},
    REEMBED_DIRTY: {"queue": CPU_QUEUE},
    SCHEDULE_RETRAINING: {"queue": CPU_QUEUE},
    REFRESH_RELATIONS: {"queue": CPU_QUEUE},
    REFRESH_SIMILAR_USERS: {"queue": CPU_QUEUE},
    REFRESH_DEMOGRAPHICS: {"queue": CPU_QUEUE},
    SCHEDULE_PRUNING: {"queue": CPU_QUEUE},
    # The sender names the queue of each job by its kind; without a name the worker with torch can run all of them.
    RUN_JOB: {"queue": GPU_QUEUE},
}

_RETRAINING_LOOK_S: Final = 300.0
_PRUNING_LOOK_S: Final = 300.0
_RELATIONS_LOOK_S: Final = 60.0
"""Longest time between two looks whether relations or demographics are due: the beat forgets its clock when it starts
anew."""
_LEAST_EXPIRY_S: Final = 2.0


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Give what the beat sends; a message that no worker takes before the next one is due expires."""
    schedule = {
        "fold": _entry(FOLD_CO_OCCURRENCE, settings.co_occurrence.fold_interval_s),
        "dispatch": _entry(DISPATCH_JOBS, settings.workers.dispatch_interval_s),
        "reembed-dirty": _entry(REEMBED_DIRTY, settings.workers.reembed_dirty_interval_s),
        "relations": _entry(REFRESH_RELATIONS, min(settings.relations.interval_s, _RELATIONS_LOOK_S)),
        "pruning": _entry(SCHEDULE_PRUNING, _PRUNING_LOOK_S),
        "demographics": _entry(REFRESH_DEMOGRAPHICS, min(settings.ranking.demographics_interval_s, _RELATIONS_LOOK_S)),
        "similar-users": _entry(REFRESH_SIMILAR_USERS, settings.social.interval_s),
    }
    if settings.workers.retrain_every_hours is not None:
        schedule["retraining"] = _entry(SCHEDULE_RETRAINING, _RETRAINING_LOOK_S)
    return schedule


def _entry(task: str, interval_s: float) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": interval_s,
        "options": {"queue": CPU_QUEUE, "expires": max(interval_s, _LEAST_EXPIRY_S)},
    }
