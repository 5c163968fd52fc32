"""Which code runs which kind of job; each is imported only where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.jobs.job import Job
from engine.jobs.parameters import JobKind
from engine.jobs.run import JobRun
from engine.settings import Settings

Handler = Callable[[JobRun], Mapping[str, Any]]
Announce = Callable[[Job], None]


def handler(kind: JobKind, settings: Settings, announce: Announce) -> Handler:
    """Give what executes a job.

    Args:
        kind: What the job does.
        settings: The settings.
        announce: Sends the message of a job that this one has made.
    """

    def execute(run: JobRun) -> Mapping[str, Any]:
        match kind:
            case JobKind.REBUILD_CO_OCCURRENCE:
                from engine.pipelines.fold import run_rebuild

                return run_rebuild(run, settings)
            case JobKind.REEMBED:
                from engine.pipelines.reembed import run_reembed

                return run_reembed(run, settings)
            case JobKind.EMBED_TEXTS:
                from engine.pipelines.texts import run_embed_texts

                return run_embed_texts(run, settings)
            case JobKind.RETRAIN:
                from engine.pipelines.train import run_retrain

                return run_retrain(run, settings, announce)
            case JobKind.REBUILD_INTERACTIONS:
                from engine.pipelines.repair import run_rebuild_interactions

                return run_rebuild_interactions(run, settings)
            case JobKind.PRUNE:
                from engine.pipelines.prune import run_prune

                return run_prune(run, settings)
            case JobKind.RELATE_INTERESTS:
                from engine.pipelines.relations import run_relate_interests

                return run_relate_interests(run, settings)
            case JobKind.DISCOVER_TOPICS:
                from engine.pipelines.topics import run_discover_topics

                return run_discover_topics(run, settings)
            case JobKind.FIND_SIMILAR_USERS:
                from engine.pipelines.similar_users import run_find_similar_users

                return run_find_similar_users(run, settings)
            case JobKind.COUNT_DEMOGRAPHICS:
                from engine.pipelines.demographics import run_count_demographics

                return run_count_demographics(run, settings)

    return execute
