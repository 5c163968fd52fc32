"""Real Celery workers: messages that are wrong, late, lost or doubled; parts that die."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event, JobState, now_ms
from engine.events.apply import apply_events
from engine.graph.store import GraphStore
from engine.jobs import create_job, get_job, list_jobs
from engine.settings import Settings, load_settings
from tests.support.celery_worker import running_beat, running_worker, wait_until, worker_environment
from workers import contracts

# Generous: a loaded machine imports torch in a minute.
pytestmark = pytest.mark.timeout(1800)
REBUILD = "rebuild_co_occurrence"
PICKLED = json.dumps(
    {
        "body": base64.b64encode(pickle.dumps([[], {}, {}])).decode(),
        "content-encoding": "binary",
        "content-type": "application/x-python-serialize",
        "headers": {"task": contracts.RUN_JOB, "id": "pickled", "lang": "py"},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": "pickled",
            "delivery_info": {"exchange": "", "routing_key": "cpu"},
        },
    }
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("workers"))


@pytest.fixture(scope="module")
def environment(neo4j_server: Settings, valkey_server: str, home: Path) -> dict[str, str]:
    return worker_environment(neo4j_server, valkey_server, home)


@pytest.fixture
def broker(valkey_server: str) -> Iterator[redis.Redis]:
    """The broker, emptied."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
        yield client


@pytest.fixture
def sender(valkey_server: str) -> Settings:
    return load_settings(redis_url=valkey_server)


def wait_for_state(store: GraphStore, job_id: str, state: JobState, *, timeout_s: float = 180) -> None:
    wait_until(
        lambda: get_job(store, job_id).state == state, timeout_s=timeout_s, why=lambda: f"{get_job(store, job_id)}"
    )


def events_of(users: int, items: int) -> list[Event]:
    """Give sequences that overlap, one event an hour."""
    start = now_ms() - 30 * MS_PER_DAY
    return [
        Event(
            f"e{user}-{step}", "purchase", f"u{user}", f"i{(user * 7 + step * step) % items}", start + step * 3_600_000
        )
        for user in range(users)
        for step in range(6)
    ]


def edges_of(store: GraphStore) -> list[tuple[str, str, int, float]]:
    text = (
        "MATCH (i:Item)-[r:CO_OCCURS]->(j:Item) MATCH (s:State {id: 'co_occurrence'}) RETURN i.id, j.id, r.count, "
        "r.weight * 2.0 ^ ((r.updated_at - s.as_of) / $half_life_ms) ORDER BY i.id, j.id"
    )
    half_life_ms = load_settings().co_occurrence.half_life_days * MS_PER_DAY
    rows = store.read_transaction(lambda tx: tx.run_text(text, half_life_ms=half_life_ms).values())
    return [(source, target, count, round(weight, 9)) for source, target, count, weight in rows]


def nothing_waits(store: GraphStore) -> bool:
    """Tell whether every event is taken, and what was taken is settled."""
    [row] = store.read("cooccurrence/waiting")
    return (row["unfolded"], row["moves"]) == (0, 0)


def test_messages_that_are_wrong_late_doubled_or_lost(
    store: GraphStore, environment: dict[str, str], broker: redis.Redis, sender: Settings, home: Path
) -> None:
    apply_events(store, events_of(3, 5), settings=sender, create_missing=True)
    with running_worker("cpu", environment, home, name="messages") as worker:
        # Wrong ones are named and dropped; the worker goes on.
        contracts.send(sender, contracts.RUN_JOB, {"job_id": "nobody", "version": None}, queue="cpu")
        worker.wait_for('"code": "not_found"')
        contracts.send(sender, contracts.RUN_JOB, {"job": "misnamed"}, queue="cpu")
        worker.wait_for("unexpected keyword argument 'job'")
        mislabelled = create_job(store, REBUILD)
        wrong = {"job_id": mislabelled.id, "version": "v20260101000000"}
        contracts.send(sender, contracts.RUN_JOB, wrong, queue="cpu")
        worker.wait_for('"code": "wrong_version"')
        assert get_job(store, mislabelled.id).state == JobState.QUEUED
        contracts.send(sender, "interestgraph.no_such_task", {}, queue="cpu")
        worker.wait_for("no_such_task")
        broker.lpush("cpu", PICKLED)
        worker.wait_for("application/x-python-serialize")

        # A job sent three times runs once.
        job = create_job(store, REBUILD)
        for _ in range(3):
            contracts.send_job(sender, job)
        wait_for_state(store, job.id, JobState.SUCCEEDED)
        ended = get_job(store, job.id)
        contracts.send_job(sender, job)
        worker.wait_for('"outcome": "final"')
        assert get_job(store, job.id) == ended
        assert ended.fence == 1

        wait_until(lambda: broker.llen("cpu") == 0 and broker.hlen("unacked") == 0)
        assert worker.stop() == 0


def test_two_workers_fold_each_event_once(
    store: GraphStore, environment: dict[str, str], broker: redis.Redis, sender: Settings, home: Path
) -> None:
    events = events_of(40, 30)
    quick = {**environment, "INTERESTGRAPH_CO_OCCURRENCE__FOLD_BATCH_EVENTS": "7"}
    quick["INTERESTGRAPH_CO_OCCURRENCE__FOLD_INTERVAL_S"] = "0.1"
    with (
        running_worker("cpu", quick, home, name="fold-1", ready=False) as first,
        running_worker("cpu", quick, home, name="fold-2", ready=False) as second,
        running_beat(quick, home),
    ):
        for start in range(0, len(events), 20):
            apply_events(store, events[start : start + 20], settings=sender, create_missing=True)
        wait_until(lambda: nothing_waits(store))
        wait_until(
            lambda: all('"event": "folded"' in worker.log() for worker in (first, second)) or not broker.llen("cpu")
        )
        folded = edges_of(store)
    assert folded
    rebuild(store, sender)
    assert edges_of(store) == folded


def test_a_lost_message_is_sent_again(
    store: GraphStore, environment: dict[str, str], broker: redis.Redis, sender: Settings, home: Path
) -> None:
    job = create_job(store, REBUILD)
    contracts.send_job(sender, job)
    assert broker.llen("cpu") == 1
    broker.flushall()
    with running_worker("cpu", environment, home, name="lost") as worker, running_beat(environment, home):
        wait_for_state(store, job.id, JobState.SUCCEEDED)
        # The broker emptied under a running worker and beat: both go on.
        broker.flushall()
        again = create_job(store, REBUILD)
        wait_for_state(store, again.id, JobState.SUCCEEDED)
        assert worker.process.poll() is None
    assert {found.fence for found in list_jobs(store)} == {1}


def test_a_queue_that_is_never_empty_keeps_no_job_back(
    store: GraphStore, environment: dict[str, str], broker: redis.Redis, sender: Settings, home: Path
) -> None:
    lost, waiting = (create_job(store, REBUILD) for _ in range(2))
    store.write_transaction(lambda tx: tx.run_text("MATCH (j:Job) SET j.created_at = j.created_at - 60000").consume())
    contracts.send_job(sender, waiting)
    contracts.send(sender, contracts.FOLD_CO_OCCURRENCE, {}, queue="cpu")
    # The other queue's worker looks: this one stays as it is.
    contracts.send(sender, contracts.DISPATCH_JOBS, {}, queue="gpu")
    with running_worker("gpu", environment, home, name="looks") as worker:
        worker.wait_for("jobs_sent_again")
    found = [contracts.job_of(message) for message in broker.lrange("cpu", 0, -1)]
    assert found == [lost.id, None, waiting.id]


def test_an_import_that_died_is_counted_again_once(
    store: GraphStore, environment: dict[str, str], broker: redis.Redis, sender: Settings, home: Path
) -> None:
    apply_events(store, events_of(5, 6), settings=sender, create_missing=True, mark_unfolded=False)
    assert edges_of(store) == []
    with running_worker("cpu", environment, home, name="recount"), running_beat(environment, home):
        wait_until(lambda: any(job.state == JobState.SUCCEEDED for job in list_jobs(store)))
    assert edges_of(store)
    assert len(list_jobs(store)) == 1
