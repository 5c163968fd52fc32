"""Life of a job on the real database: one runner, fences, cancelling, outages."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from engine.domain import JobState
from engine.errors import ConflictError, DatabaseUnavailableError, FencedError, InvalidInputError, NotFoundError
from engine.graph.store import GraphStore
from engine.jobs import create_job, get_job, list_jobs, request_cancel
from engine.jobs.job import create_job_unless_pending
from engine.jobs.run import MOST_ATTEMPTS, JobRun, Outcome, run_job, take_job
from engine.settings import Settings, load_settings

KIND = "rebuild_co_occurrence"


@pytest.fixture
def settings() -> Settings:
    return load_settings(workers={"heartbeat_s": 0.05, "lost_after_s": 60})


def run_of(store: GraphStore, job_id: str, *, runner: str = "r", lost_after_s: float = 60) -> JobRun:
    taken = take_job(store, job_id, runner=runner, lost_after_s=lost_after_s)
    assert taken.answer == "taken"
    return JobRun(store, taken.job, heartbeat_s=60)


def test_a_job_runs_to_its_end(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)
    assert (job.state, job.fence) == (JobState.QUEUED, 0)

    def execute(run: JobRun) -> Mapping[str, Any]:
        run.report(3, 7, "counts")
        run.advance("here")
        return {"events": 5}

    assert run_job(store, settings, job.id, execute) == Outcome.SUCCEEDED
    ended = get_job(store, job.id)
    assert (ended.state, ended.done, ended.total, ended.cursor) == (JobState.SUCCEEDED, 7, 7, "here")
    assert ended.result == {"events": 5}
    assert ended.created_at <= (ended.started_at or 0) <= (ended.finished_at or 0)
    assert run_job(store, settings, job.id, execute) == Outcome.FINAL
    assert get_job(store, job.id) == ended


def test_only_one_of_many_runners_has_it(store: GraphStore) -> None:
    job = create_job(store, KIND)
    answers: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(take_job(store, job.id, runner=f"r{n}", lost_after_s=60).answer)
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["busy"] * 7 + ["taken"]
    assert get_job(store, job.id).fence == 1


def test_a_silent_run_is_taken_over_and_fenced(store: GraphStore) -> None:
    job = create_job(store, KIND)
    old = run_of(store, job.id, runner="old")
    old.advance("step 1")
    time.sleep(0.02)
    new = run_of(store, job.id, runner="new", lost_after_s=0.01)
    assert (new.cursor, new.fence) == ("step 1", 2)
    with pytest.raises(FencedError):
        old.advance("step 2")
    with pytest.raises(FencedError):
        old.finish(JobState.SUCCEEDED, "done")
    new.finish(JobState.SUCCEEDED, "done")
    assert get_job(store, job.id).cursor == "step 1"


def test_signs_of_life_keep_it_and_show_progress(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)
    seen: list[tuple[int, str]] = []

    def execute(run: JobRun) -> Mapping[str, Any]:
        first = get_job(store, job.id).heartbeat_at or 0
        run.report(4, 9, "counts")
        end = time.monotonic() + 180
        while time.monotonic() < end:
            now = get_job(store, job.id)
            if now.done == 4 and (now.heartbeat_at or 0) > first:
                seen.append((now.total, now.message))
                break
            time.sleep(0.02)
        return {}

    run_job(store, settings, job.id, execute)
    assert seen == [(9, "counts")]


def test_a_queued_job_is_cancelled_at_once(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)
    assert request_cancel(store, job.id).state == JobState.CANCELLED
    assert request_cancel(store, job.id).state == JobState.CANCELLED
    assert run_job(store, settings, job.id, lambda run: {}) == Outcome.FINAL


def test_a_running_job_stops_between_steps(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)

    def execute(run: JobRun) -> Mapping[str, Any]:
        assert request_cancel(store, job.id).state == JobState.RUNNING
        end = time.monotonic() + 180
        while time.monotonic() < end:
            run.check()
            time.sleep(0.01)
        raise AssertionError("never stopped")

    assert run_job(store, settings, job.id, execute) == Outcome.CANCELLED
    assert get_job(store, job.id).state == JobState.CANCELLED


def test_a_lost_job_that_was_asked_to_stop_does_not_begin_again(store: GraphStore) -> None:
    job = create_job(store, KIND)
    run_of(store, job.id, runner="lost")
    request_cancel(store, job.id)
    time.sleep(0.02)
    assert take_job(store, job.id, runner="new", lost_after_s=0.01).answer == "cancelled"
    assert get_job(store, job.id).state == JobState.CANCELLED


def test_known_and_unknown_errors_fail_the_job(store: GraphStore, settings: Settings) -> None:
    def refuse(run: JobRun) -> Mapping[str, Any]:
        raise InvalidInputError("No.", field="x", value=1, remedy="Do it right.")

    def burst(run: JobRun) -> Mapping[str, Any]:
        raise ZeroDivisionError("nothing to share")

    for execute, code, message in ((refuse, "invalid_input", "No."), (burst, "internal", "ZeroDivisionError: nothing")):
        job = create_job(store, KIND)
        assert run_job(store, settings, job.id, execute) == Outcome.FAILED
        ended = get_job(store, job.id)
        assert ended.state == JobState.FAILED
        assert ended.error is not None
        assert ended.error["code"] == code
        assert ended.message.startswith(message)
        with pytest.raises(ConflictError):
            request_cancel(store, job.id)


def test_an_outage_in_the_middle_is_waited_for(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)
    cursors: list[str | None] = []

    def execute(run: JobRun) -> Mapping[str, Any]:
        cursors.append(run.cursor)
        if run.cursor is None:
            run.advance("half")
            raise DatabaseUnavailableError("Neo4j does not answer.")
        return {}

    assert run_job(store, settings, job.id, execute) == Outcome.SUCCEEDED
    assert cursors == [None, "half"]
    assert get_job(store, job.id).fence == 2


def test_a_worker_that_ends_gives_the_job_back(store: GraphStore, settings: Settings) -> None:
    job = create_job(store, KIND)
    stop = threading.Event()

    def execute(run: JobRun) -> Mapping[str, Any]:
        stop.set()
        run.advance("half")
        raise AssertionError("went on")

    assert run_job(store, settings, job.id, execute, should_stop=stop.is_set) == Outcome.RELEASED
    waiting = get_job(store, job.id)
    assert (waiting.state, waiting.cursor, waiting.finished_at) == (JobState.QUEUED, "half", None)
    assert run_job(store, settings, job.id, lambda run: {"cursor": run.cursor}) == Outcome.SUCCEEDED
    assert get_job(store, job.id).result == {"cursor": "half"}


def test_a_job_that_kills_its_workers_fails(store: GraphStore) -> None:
    job = create_job(store, KIND)
    for number in range(MOST_ATTEMPTS):
        run_of(store, job.id, runner=f"r{number}", lost_after_s=-1)
    assert take_job(store, job.id, runner="last", lost_after_s=-1).answer == "exhausted"
    ended = get_job(store, job.id)
    assert ended.state == JobState.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "worker_lost"


def test_progress_gives_new_attempts(store: GraphStore) -> None:
    job = create_job(store, KIND)
    for number in range(2 * MOST_ATTEMPTS):
        run_of(store, job.id, runner=f"r{number}", lost_after_s=-1).advance(str(number))
    assert get_job(store, job.id).cursor == str(2 * MOST_ATTEMPTS - 1)


def test_an_equal_pending_job_is_not_made_twice(store: GraphStore) -> None:
    made: list[str] = []

    def make() -> None:
        job = create_job_unless_pending(store, KIND)
        if job is not None:
            made.append(job.id)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert create_job_unless_pending(store, "retrain") is not None
    request_cancel(store, made[0])
    assert create_job_unless_pending(store, KIND) is not None


def test_pages_of_the_list_hold_each_job_once(store: GraphStore) -> None:
    ids = [create_job(store, KIND if number % 2 else "retrain").id for number in range(7)]
    seen: list[str] = []
    before = None
    while page := list_jobs(store, limit=3, before=before):
        seen += [job.id for job in page]
        before = page[-1].id
    assert seen == sorted(ids, reverse=True)
    assert {job.kind for job in list_jobs(store, kinds=["retrain"])} == {"retrain"}
    request_cancel(store, ids[0])
    assert [job.id for job in list_jobs(store, states=["cancelled"])] == [ids[0]]


def test_what_is_not_there_is_named(store: GraphStore, settings: Settings) -> None:
    for call in (
        lambda: get_job(store, "j1"),
        lambda: request_cancel(store, "j1"),
        lambda: run_job(store, settings, "j1", lambda run: {}),
    ):
        with pytest.raises(NotFoundError) as caught:
            call()
        assert caught.value.field == "job_id"
    with pytest.raises(ConflictError, match="no embedding version"):
        create_job(store, "reembed")
    with pytest.raises(NotFoundError):
        create_job(store, "reembed", {"version": "v20260101000000"})
    assert list_jobs(store) == []
