"""One run of a job: taken by exactly one runner, with signs of life, progress, and an end."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

import structlog

from engine.domain import MS_PER_SECOND, JobState
from engine.errors import (
    CancelledError,
    DatabaseUnavailableError,
    FencedError,
    InterestGraphError,
    NotFoundError,
    QueryTimeoutError,
)
from engine.graph.store import GraphStore
from engine.jobs.job import Job, job_from
from engine.settings import Settings

MOST_ATTEMPTS: Final = 5
"""Runs of a job that may be lost at one step before it fails."""

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 10.0
_MOST_TIMEOUTS: Final = 3
_log = structlog.get_logger("engine.jobs")


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"
    """Asked to stop; the job is queued again and goes on from its cursor."""
    BUSY = "busy"
    """Another run has the job; nothing was done."""
    FINAL = "final"
    """The job has ended before; nothing was done."""
    FENCED = "fenced"
    """Another run took the job over; this one wrote nothing after that."""


class StopRequestedError(Exception):
    """The process ends or the run has had its time: the job goes back to the queue."""


@dataclass(frozen=True, slots=True)
class Take:
    """Answer to a run that asks for a job: taken, busy, final, cancelled or exhausted."""

    answer: str
    job: Job


def take_job(store: GraphStore, job_id: str, *, runner: str, lost_after_s: float) -> Take:
    """Ask for a job.

    Args:
        store: The graph.
        job_id: The job.
        runner: Name of the run; it may take its own job again after an outage.
        lost_after_s: Silence of another run after which its job may be taken over.

    Raises:
        NotFoundError: There is no such job.
    """
    rows = store.write(
        "jobs/take",
        id=job_id,
        runner=runner,
        lost_after_ms=int(lost_after_s * MS_PER_SECOND),
        most_attempts=MOST_ATTEMPTS,
    )
    if not rows:
        raise NotFoundError(
            "There is no such job.", field="job_id", value=job_id, remedy="Its message is dropped; make a new job."
        )
    return Take(rows[0]["answer"], job_from(rows[0]["job"]))


class JobRun:
    """A job in the hands of its runner; a thread gives signs of life while the block lasts.

    Args:
        store: The graph.
        job: The job as it was taken; its fence is this run's.
        heartbeat_s: Seconds between two signs of life; progress is written with them, not more often.
        max_seconds: Seconds after which `check` sends the job back to the queue.
        should_stop: Tells that the process ends.
    """

    def __init__(
        self,
        store: GraphStore,
        job: Job,
        *,
        heartbeat_s: float,
        max_seconds: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.store = store
        self.job = job
        self.cursor = job.cursor
        self.version = job.version
        self._heartbeat_s = heartbeat_s
        self._deadline = None if max_seconds is None else time.monotonic() + max_seconds
        self._should_stop = should_stop
        self._done, self._total, self._message = job.done, job.total, job.message
        self._cancelled = job.cancel_requested
        self._fenced = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{job.id}", daemon=True)

    @property
    def fence(self) -> int:
        """Number of this run; every write of its results is checked against it."""
        return self.job.fence

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=self._heartbeat_s + 5)

    def report(self, done: int, total: int, message: str) -> None:
        """Keep the progress; the next sign of life writes it."""
        self._done, self._total, self._message = done, total, message

    def check(self) -> None:
        """Stop here if the run has to: call it between two steps.

        Raises:
            CancelledError: Somebody asked the job to stop.
            FencedError: Another run has the job.
            StopRequestedError: The process ends, or the run has had its time.
        """
        if self._fenced:
            raise _fenced(self.job.id)
        if self._cancelled:
            raise CancelledError("Somebody asked this job to stop.", field="job_id", value=self.job.id)
        if self._should_stop():
            raise StopRequestedError("the worker ends")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise StopRequestedError("the run has had its time")

    def advance(self, cursor: str, *, version: str | None = None) -> None:
        """Keep where the next run goes on, with the progress reported; then check.

        Args:
            cursor: Read by the next run as `cursor`.
            version: The embedding version, where the job had none when it began.
        """
        rows = self.store.write(
            "jobs/advance",
            id=self.job.id,
            fence=self.fence,
            cursor=cursor,
            version=version,
            done=self._done,
            total=self._total,
        )
        self._read(rows)
        self.cursor = cursor
        self.version = self.version or version
        self.check()

    def finish(
        self,
        state: JobState,
        message: str,
        *,
        result: Mapping[str, Any] | None = None,
        error: InterestGraphError | None = None,
    ) -> None:
        """End the job, or with `queued` send it back.

        Raises:
            FencedError: Another run has the job; nothing was written.
        """
        rows = self.store.write(
            "jobs/finish",
            id=self.job.id,
            fence=self.fence,
            state=str(state),
            message=message,
            result=json.dumps(dict(result)) if result else None,
            error=json.dumps(error.to_dict()) if error is not None else None,
        )
        if not rows:
            raise _fenced(self.job.id)

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            try:
                rows = self.store.write(
                    "jobs/beat",
                    id=self.job.id,
                    fence=self.fence,
                    done=self._done,
                    total=self._total,
                    message=self._message,
                )
            except InterestGraphError as error:
                _log.warning("no_heartbeat", job_id=self.job.id, error=str(error))
                continue
            self._read(rows)
            if self._fenced:
                return

    def _read(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            self._fenced = True
        elif rows[0]["cancel_requested"]:
            self._cancelled = True


def run_job(
    store: GraphStore,
    settings: Settings,
    job_id: str,
    execute: Callable[[JobRun], Mapping[str, Any]],
    *,
    runner: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Take a job, execute it and keep how it ended.

    While the database does not answer the run waits; then it takes its job again and goes on from the cursor.

    Args:
        store: The graph.
        settings: Time limits.
        job_id: The job.
        execute: Does the work and gives its result; called again after an outage.
        runner: Name of this run; a new one where none is given.
        should_stop: Tells that the process ends.

    Raises:
        NotFoundError: There is no such job.
        UnavailableError: The process ends while the database does not answer.
    """
    runner = runner or uuid.uuid4().hex
    wait_s = _FIRST_WAIT_S
    timeouts = 0
    while True:
        try:
            return _run_once(store, settings, job_id, execute, runner, should_stop)
        except (DatabaseUnavailableError, QueryTimeoutError) as error:
            if isinstance(error, QueryTimeoutError):
                timeouts += 1
            if should_stop() or timeouts > _MOST_TIMEOUTS:
                raise
            _log.warning("job_waits_for_database", job_id=job_id, wait_s=wait_s, error=str(error))
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _run_once(
    store: GraphStore,
    settings: Settings,
    job_id: str,
    execute: Callable[[JobRun], Mapping[str, Any]],
    runner: str,
    should_stop: Callable[[], bool],
) -> Outcome:
    options = settings.workers
    taken = take_job(store, job_id, runner=runner, lost_after_s=options.lost_after_s)
    if taken.answer != "taken":
        return {"busy": Outcome.BUSY, "final": Outcome.FINAL, "cancelled": Outcome.CANCELLED}.get(
            taken.answer, Outcome.FAILED
        )
    log = _log.bind(job_id=job_id, kind=str(taken.job.kind), fence=taken.job.fence)
    log.info("job_taken", version=taken.job.version, cursor=taken.job.cursor)
    run = JobRun(
        store,
        taken.job,
        heartbeat_s=options.heartbeat_s,
        max_seconds=options.soft_time_limit_s,
        should_stop=should_stop,
    )
    try:
        with run:
            outcome = _execute(run, execute)
    except FencedError as error:
        log.warning("job_fenced", error=str(error))
        return Outcome.FENCED
    log.info("job_ended", outcome=str(outcome))
    return outcome


def _execute(run: JobRun, execute: Callable[[JobRun], Mapping[str, Any]]) -> Outcome:
    try:
        run.check()
        result = execute(run)
    except (FencedError, DatabaseUnavailableError, QueryTimeoutError):
        raise
    except CancelledError:
        run.finish(JobState.CANCELLED, "cancelled")
        return Outcome.CANCELLED
    except StopRequestedError as error:
        run.finish(JobState.QUEUED, f"waits for a worker: {error}")
        return Outcome.RELEASED
    except InterestGraphError as error:
        _log.warning("job_failed", job_id=run.job.id, error=str(error))
        run.finish(JobState.FAILED, error.message, error=error)
        return Outcome.FAILED
    except Exception as error:
        _log.exception("job_failed", job_id=run.job.id)
        known = InterestGraphError(
            f"{type(error).__name__}: {error}"[:500], remedy="The log of the worker has the trace."
        )
        run.finish(JobState.FAILED, known.message, error=known)
        return Outcome.FAILED
    run.finish(JobState.SUCCEEDED, "done", result=result)
    return Outcome.SUCCEEDED


def _fenced(job_id: str) -> FencedError:
    return FencedError("Another run has this job.", field="job_id", value=job_id)


__all__ = ["JobRun", "Outcome", "StopRequestedError", "Take", "run_job", "take_job"]
