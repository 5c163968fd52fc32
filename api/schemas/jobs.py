"""Jobs of the workers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from api.schemas.common import Answer, Cursor, Id, Request
from engine.domain import JobState
from engine.jobs.job import MAX_LIST
from engine.jobs.parameters import (
    CountDemographicsParameters,
    DiscoverTopicsParameters,
    FindSimilarUsersParameters,
    JobKind,
    ReembedParameters,
    RelateInterestsParameters,
    RetrainParameters,
)


class ReembedBody(ReembedParameters):
    """What to embed again."""

    plain: ClassVar[bool] = True
    model_config = ConfigDict(json_schema_extra={"example": {"selection": "users", "ids": ["household-1"]}})


class RetrainBody(RetrainParameters):
    """How to train."""

    plain: ClassVar[bool] = True
    model_config = ConfigDict(json_schema_extra={"example": {"training": {"max_seconds": 120}}})


class RelateInterestsBody(RelateInterestsParameters):
    """Nothing to say: send {}."""

    plain: ClassVar[bool] = True


class CountDemographicsBody(CountDemographicsParameters):
    """Nothing to say: send {}."""

    plain: ClassVar[bool] = True


class DiscoverTopicsBody(DiscoverTopicsParameters):
    """How many topics."""

    plain: ClassVar[bool] = True
    model_config = ConfigDict(json_schema_extra={"example": {"number": 40}})


class FindSimilarUsersBody(FindSimilarUsersParameters):
    """Whom to compare."""

    plain: ClassVar[bool] = True
    model_config = ConfigDict(json_schema_extra={"example": {"everyone": True}})


class JobPath(Request):
    """A job."""

    job_id: Id


class JobsQuery(Request):
    """A page of jobs."""

    n: Annotated[int, Field(ge=1, le=MAX_LIST, description="Entries of a page.")] = 50
    cursor: Cursor | None = None
    state: list[JobState] | None = Field(None, description="Only these; may be given again.")
    kind: list[JobKind] | None = Field(None, description="Only these; may be given again.")


class JobError(Answer):
    """Why a job failed."""

    code: str | None = None
    message: str | None = None
    field: str | None = None
    value: Any = None
    remedy: str | None = None


class JobAnswer(Answer):
    """A job as it stands."""

    id: str
    kind: JobKind
    state: JobState
    params: dict[str, Any]
    version: str | None = Field(description="Embedding version that it works on.")
    done: int = Field(description="Steps done.")
    total: int = Field(description="Steps in all; 0 while unknown.")
    message: str
    result: dict[str, Any]
    error: JobError | None
    created_at: int
    started_at: int | None
    finished_at: int | None
    heartbeat_at: int | None
    cancel_requested: bool


class CreatedJobAnswer(JobAnswer):
    """A job that was just made."""

    delivery: Literal["sent", "waiting"] = Field(
        description="`waiting`: the broker is down; the job is kept in the graph and sent when the broker is back."
    )


class JobsAnswer(Answer):
    """A page of jobs."""

    jobs: list[JobAnswer] = Field(description="Newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
