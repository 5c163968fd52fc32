"""The `:Job` node: made before its message is sent, read by whoever asks how it goes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.domain import EpochMs, JobState, now_ms
from engine.errors import ConflictError, InvalidInputError, NotFoundError
from engine.jobs.parameters import JobKind, JobParameters, ReembedParameters, parse_kind, parse_parameters

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

MAX_LIST: Final = 200
_FIGURES: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands.

    Attributes:
        id: Name; later jobs have greater ones.
        kind: What it does.
        state: Where it stands.
        params: Its parameters, checked, with defaults in place.
        version: Embedding version it works on; none where there is none (yet).
        fence: Number of its present run; every take raises it.
        cursor: Where the next run goes on.
        done: Steps done.
        total: Steps in all; 0 while unknown.
        message: What it does at the moment, or how it ended.
        result: What it has made, when it has succeeded.
        error: Why it failed: code, message, field, value, remedy.
        created_at: Epoch ms.
        started_at: When it was first taken.
        finished_at: When it ended.
        heartbeat_at: Latest sign of life of its run.
        cancel_requested: Whether somebody asked it to stop.
    """

    id: str
    kind: JobKind
    state: JobState
    params: Mapping[str, Any]
    version: str | None
    fence: int
    cursor: str | None
    done: int
    total: int
    message: str
    created_at: EpochMs
    started_at: EpochMs | None = None
    finished_at: EpochMs | None = None
    heartbeat_at: EpochMs | None = None
    cancel_requested: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None

    def parameters(self) -> JobParameters:
        """Give the parameters, checked again."""
        return parse_parameters(self.kind, self.params)

    def to_dict(self) -> dict[str, Any]:
        """Give what users may see, as plain data."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            "state": str(self.state),
            "params": dict(self.params),
            "version": self.version,
            "done": self.done,
            "total": self.total,
            "message": self.message,
            "result": dict(self.result),
            "error": dict(self.error) if self.error is not None else None,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "heartbeat_at": self.heartbeat_at,
            "cancel_requested": self.cancel_requested,
        }


def job_from(node: Mapping[str, Any]) -> Job:
    """Make a job of a node's properties."""
    error = node.get("error")
    return Job(
        id=node["id"],
        kind=JobKind(node["kind"]),
        state=JobState(node["state"]),
        params=json.loads(node["params"]),
        version=node.get("version"),
        fence=node["fence"],
        cursor=node.get("cursor"),
        done=node.get("done", 0),
        total=node.get("total", 0),
        message=node.get("message", ""),
        created_at=node["created_at"],
        started_at=node.get("started_at"),
        finished_at=node.get("finished_at"),
        heartbeat_at=node.get("heartbeat_at"),
        cancel_requested=bool(node.get("cancel_requested", False)),
        result=json.loads(node.get("result") or "{}"),
        error=json.loads(error) if error else None,
    )


def create_job(store: GraphStore, kind: str, params: Mapping[str, Any] | None = None) -> Job:
    """Store a new job, `queued`; the caller then sends its message.

    Args:
        store: The graph.
        kind: A name of `JobKind`.
        params: Its parameters.

    Raises:
        InvalidInputError: Kind or parameters are wrong.
        NotFoundError: The embedding version is not there.
        ConflictError: There is no version to work on, or its state forbids it.
    """
    job = create_job_unless_pending(store, kind, params, unless_pending=False)
    assert job is not None  # noqa: S101 - only an equal pending job answers none
    return job


def create_job_unless_pending(
    store: GraphStore, kind: str, params: Mapping[str, Any] | None = None, *, unless_pending: bool = True
) -> Job | None:
    """Store a new job, or give none if one of this kind and version is queued or running."""
    checked = parse_parameters(kind, params or {})
    version = _version_for(store, checked) if isinstance(checked, ReembedParameters) else None
    rows = store.write(
        "jobs/create",
        id=new_job_id(),
        kind=str(parse_kind(kind)),
        params=json.dumps(checked.model_dump(mode="json", exclude_none=True), separators=(",", ":"), sort_keys=True),
        version=version,
        unless_pending=unless_pending,
    )
    return job_from(rows[0]["job"]) if rows else None


def get_job(store: GraphStore, job_id: str) -> Job:
    """Give a job.

    Raises:
        NotFoundError: There is none of this id.
    """
    rows = store.read("jobs/get", id=job_id)
    if not rows:
        raise _not_found(job_id)
    return job_from(rows[0]["job"])


def list_jobs(
    store: GraphStore,
    *,
    limit: int = 50,
    before: str | None = None,
    states: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
) -> list[Job]:
    """List jobs, newest first.

    Args:
        store: The graph.
        limit: Most jobs, 1 to 200.
        before: Id of the last job of the page before.
        states: Only these states.
        kinds: Only these kinds.

    Raises:
        InvalidInputError: A limit, state or kind is wrong.
    """
    if not 1 <= limit <= MAX_LIST:
        raise InvalidInputError(
            "The limit is out of range.", field="limit", value=limit, remedy=f"Use 1 to {MAX_LIST}."
        )
    for state in states or ():
        if state not in set(JobState):
            raise InvalidInputError(
                "There is no such state.", field="state", value=state, remedy=f"Use one of {', '.join(JobState)}."
            )
    rows = store.read(
        "jobs/list",
        limit=limit,
        before=before,
        states=[str(state) for state in states] if states else None,
        kinds=[str(parse_kind(kind)) for kind in kinds] if kinds else None,
    )
    return [job_from(row["job"]) for row in rows]


def request_cancel(store: GraphStore, job_id: str) -> Job:
    """Ask a job to stop: a queued one is cancelled at once, a running one between two steps.

    Raises:
        NotFoundError: There is none of this id.
        ConflictError: It has succeeded or failed already.
    """
    rows = store.write("jobs/cancel", id=job_id)
    if not rows:
        raise _not_found(job_id)
    job = job_from(rows[0]["job"])
    if job.state in (JobState.SUCCEEDED, JobState.FAILED):
        raise ConflictError(
            f"This job has {job.state} already.", field="job_id", value=job_id, remedy="There is nothing to cancel."
        )
    return job


def new_job_id() -> str:
    """Give a new name: `j`, the time to the millisecond, and eight random figures; names sort by time."""
    remaining = now_ms()
    stamp = ""
    while remaining:
        remaining, figure = divmod(remaining, len(_FIGURES))
        stamp = _FIGURES[figure] + stamp
    return f"j{stamp:0>9}{secrets.token_hex(4)}"


def _version_for(store: GraphStore, params: ReembedParameters) -> str:
    """Give the version a re-embedding works on, the one named, the active or the newest one."""
    rows = store.read("jobs/version", version=params.version)
    if not rows:
        if params.version is not None:
            raise NotFoundError(
                "There is no such embedding version.",
                field="version",
                value=params.version,
                remedy="See GET /v1/versions or: interestgraph versions list.",
            )
        raise ConflictError(
            "There is no embedding version yet.", field="version", remedy="Train one: interestgraph train."
        )
    version, state = str(rows[0]["version"]), rows[0]["state"]
    if state not in ("building", "ready", "active"):
        raise ConflictError(
            f"This embedding version is {state}.",
            field="version",
            value=version,
            remedy="Name one that is building, ready or active.",
        )
    return version


def _not_found(job_id: str) -> NotFoundError:
    return NotFoundError("There is no such job.", field="job_id", value=job_id, remedy="See: interestgraph jobs list.")
