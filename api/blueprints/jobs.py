"""Work of the workers: asked for, watched, cancelled."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from api import cursors, spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.jobs import (
    CountDemographicsBody,
    CreatedJobAnswer,
    DiscoverTopicsBody,
    FindSimilarUsersBody,
    JobAnswer,
    JobPath,
    JobsAnswer,
    JobsQuery,
    ReembedBody,
    RelateInterestsBody,
    RetrainBody,
)
from api.validation import validated
from engine.errors import BrokerUnavailableError, InvalidInputError
from engine.jobs import JobKind, create_job, get_job, list_jobs, request_cancel
from workers.contracts import send_job

blueprint = APIBlueprint("jobs", __name__, abp_tags=[spec.JOBS])
_log = structlog.get_logger("api.jobs")


def _create(kind: JobKind, raw: Any) -> Response:
    if not isinstance(raw, dict):
        raise InvalidInputError("The body is an object.", field="body", value=raw, remedy="Send {} for the defaults.")
    job = create_job(container().store(), kind, raw)
    delivery = "sent"
    try:
        send_job(container().settings, job)
    except BrokerUnavailableError as error:
        # The job stands in the graph. The workers' dispatcher sends queued jobs that nobody took.
        _log.warning("job waits for the broker", job_id=job.id, error=str(error))
        delivery = "waiting"
    return answer({**job.to_dict(), "delivery": delivery}, 202, {"Location": f"/v1/jobs/{job.id}"})


@blueprint.post(
    "/v1/jobs/reembed",
    summary="Embed nodes again",
    operation_id="reembed",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, 404, 409, body=True),
)
@needs(Scope.ADMIN)
@validated
def reembed(body: ReembedBody) -> Any:
    """Asks the workers to make vectors of the chosen nodes again and to write them back.

    Also while the broker is down the answer is 202: the job waits in the graph and says so by its `delivery`.
    """
    return _create(JobKind.REEMBED, body)


@blueprint.post(
    "/v1/jobs/retrain",
    summary="Train a new version",
    operation_id="retrain",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, 404, 409, body=True),
)
@needs(Scope.ADMIN)
@validated
def retrain(body: RetrainBody) -> Any:
    """Asks the workers to train a model of the present graph, to embed with it and to serve from it."""
    return _create(JobKind.RETRAIN, body)


@blueprint.post(
    "/v1/jobs/relate_interests",
    summary="Relate interests",
    operation_id="relateInterests",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, body=True),
)
@needs(Scope.ADMIN)
@validated
def relate_interests(body: RelateInterestsBody) -> Any:
    """Asks the workers to count again how interests are related; they also do it by the clock."""
    return _create(JobKind.RELATE_INTERESTS, body)


@blueprint.post(
    "/v1/jobs/count_demographics",
    summary="Count demographics",
    operation_id="countDemographics",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, body=True),
)
@needs(Scope.ADMIN)
@validated
def count_demographics(body: CountDemographicsBody) -> Any:
    """Asks the workers to count again what users with the same attributes take; they also do it by the clock."""
    return _create(JobKind.COUNT_DEMOGRAPHICS, body)


@blueprint.post(
    "/v1/jobs/discover_topics",
    summary="Find topics",
    operation_id="discoverTopics",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, body=True),
)
@needs(Scope.ADMIN)
@validated
def discover_topics(body: DiscoverTopicsBody) -> Any:
    """Asks the workers to cluster what items say into topics, which become interests."""
    return _create(JobKind.DISCOVER_TOPICS, body)


@blueprint.post(
    "/v1/jobs/find_similar_users",
    summary="Find similar users",
    operation_id="findSimilarUsers",
    security=security(Scope.ADMIN),
    responses=spec.responses({202: CreatedJobAnswer}, body=True),
)
@needs(Scope.ADMIN)
@validated
def find_similar_users(body: FindSimilarUsersBody) -> Any:
    """Asks the workers to compare users by their vectors; they also do it as vectors change."""
    return _create(JobKind.FIND_SIMILAR_USERS, body)


@blueprint.get(
    "/v1/jobs",
    summary="List jobs",
    operation_id="listJobs",
    security=security(Scope.READ),
    responses=spec.responses({200: JobsAnswer}),
)
@needs(Scope.READ)
@validated
def index(query: JobsQuery) -> Any:
    """Newest first, page by page."""
    before = cursors.decode(query.cursor, str)
    jobs = list_jobs(
        container().store(),
        limit=query.n,
        before=before[0] if before else None,
        states=query.state,
        kinds=query.kind,
    )
    following = cursors.encode([jobs[-1].id]) if len(jobs) == query.n else None
    return answer({"jobs": [job.to_dict() for job in jobs], "next": following})


@blueprint.get(
    "/v1/jobs/<id:job_id>",
    summary="Watch a job",
    operation_id="getJob",
    security=security(Scope.READ),
    responses=spec.responses({200: JobAnswer}, 404),
)
@needs(Scope.READ)
@validated
def show(path: JobPath) -> Any:
    """How far it is, what it has made, or why it failed."""
    return answer(get_job(container().store(), path.job_id).to_dict())


@blueprint.post(
    "/v1/jobs/<id:job_id>/cancel",
    summary="Cancel a job",
    operation_id="cancelJob",
    security=security(Scope.ADMIN),
    responses=spec.responses({200: JobAnswer}, 404, 409),
)
@needs(Scope.ADMIN)
@validated
def cancel(path: JobPath) -> Any:
    """A queued job ends at once, a running one between two steps; a second time changes nothing."""
    return answer(request_cancel(container().store(), path.job_id).to_dict())
