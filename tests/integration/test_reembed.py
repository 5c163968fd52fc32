"""Re-embedding through a real worker: whole, in part, killed, ended, cancelled, without a database."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event, JobState, VersionState, now_ms
from engine.embedded import EmbeddedStack
from engine.embedded.stack import NEO4J, VALKEY
from engine.errors import FencedError
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, upsert_items
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.graph.versions import active_version, get_version
from engine.jobs import create_job, get_job, list_jobs, request_cancel
from engine.jobs.run import JobRun, take_job
from engine.model.embedder import Embedder
from engine.pipelines.neighbourhood import read_neighbourhood
from engine.pipelines.reembed import run_reembed
from engine.settings import Settings, load_settings
from tests.conftest import wipe
from tests.support.celery_worker import (
    CeleryProcess,
    running_beat,
    running_worker,
    wait_until,
    worker_environment,
)
from tests.support.hold import holding
from tests.support.servers import running
from tests.support.tiny_model import DIM, make_tiny_version
from workers import contracts

# Generous: a loaded machine imports torch in a minute.
pytestmark = pytest.mark.timeout(1800)
ITEMS, USERS = 40, 60
MIDDLE, LATER = "u030", "u050"
"""Users whose nodes are held, so that a run stands before them."""


def fill(store: GraphStore, settings: Settings) -> None:
    """Put items of four categories and sequences over them."""
    upsert_items(
        store,
        [
            Item(id=f"i{number:03}", title=f"Item {number}", about=[About("category", f"c{number % 4}")])
            for number in range(ITEMS)
        ],
    )
    start = now_ms() - 30 * MS_PER_DAY
    events = [
        Event(
            f"e{user}-{step}", "purchase", f"u{user:03}", f"i{(user * 3 + step * step) % ITEMS:03}", start + step * 1000
        )
        for user in range(USERS)
        for step in range(4)
    ]
    apply_events(store, events, settings=settings, mark_unfolded=False)
    rebuild(store, settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("reembed"))


@pytest.fixture(scope="module")
def settings(valkey_server: str, home: Path) -> Settings:
    """What the workers' settings are, in this process."""
    return load_settings(redis_url=valkey_server, home=home, cache=home / "cache", workers={"batch_size": 5})


@pytest.fixture(scope="module")
def environment(neo4j_server: Settings, valkey_server: str, home: Path) -> dict[str, str]:
    return worker_environment(neo4j_server, valkey_server, home, INTERESTGRAPH_WORKERS__BATCH_SIZE="5")


@pytest.fixture
def broker(valkey_server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
        yield client


@pytest.fixture
def version(store: GraphStore, settings: Settings) -> str:
    """A graph, and a version of a tiny model that has no vectors yet."""
    fill(store, settings)
    return make_tiny_version(store, settings, settings.models_dir)


def ask(store: GraphStore, settings: Settings, **params: Any) -> str:
    job = create_job(store, "reembed", params)
    contracts.send_job(settings, job)
    return job.id


def wait_for(store: GraphStore, job_id: str, state: JobState) -> None:
    wait_until(lambda: get_job(store, job_id).state == state, why=lambda: f"{get_job(store, job_id)}")


def wait_for_users(store: GraphStore, job_id: str) -> None:
    """Wait until a job is among the users; it cannot pass the one that is held."""
    wait_until(lambda: get_job(store, job_id).done > ITEMS + 10, why=lambda: f"{get_job(store, job_id)}")
    assert get_job(store, job_id).state == JobState.RUNNING


def assert_whole(store: GraphStore, version: str) -> None:
    """Every node has one vector, and every job that ended well counted each once."""
    for label, count in (("Item", ITEMS), ("Interest", 4), ("User", USERS)):
        found = read_vectors(store, version, label)
        assert found.matrix.shape == (count, DIM)
        assert np.isfinite(found.matrix).all()
        assert np.abs(found.matrix).sum(axis=1).min() > 0


def stamps(store: GraphStore, version: str, label: str) -> dict[str, int]:
    text = f"MATCH (n:{label}) RETURN n.id, n.embedded_at_{version}"
    return dict(store.read_transaction(lambda tx: tx.run_text(text).values()))


def test_all_then_some_then_what_is_dirty(
    store: GraphStore, settings: Settings, environment: dict[str, str], broker: redis.Redis, home: Path, version: str
) -> None:
    often = {**environment, "INTERESTGRAPH_WORKERS__REEMBED_DIRTY_INTERVAL_S": "0.5"}
    with running_worker("gpu", environment, home, name="all") as worker, running_worker("cpu", often, home, name="all"):
        job_id = ask(store, settings, version=version, activate=True)
        wait_for(store, job_id, JobState.SUCCEEDED)
        assert_whole(store, version)
        ended = get_job(store, job_id)
        assert ended.result == {**ended.result, "items": ITEMS, "interests": 4, "users": USERS, "activated": True}
        active = active_version(store)
        assert active is not None
        assert (active.id, active.state) == (version, VersionState.ACTIVE)

        # Written page by page, it is what the model gives for the whole graph at once.
        embedder = Embedder.load(settings.models_dir / version)
        names = [f"i{number:03}" for number in range(ITEMS)]
        found = read_neighbourhood(store, settings, "Item", names, hops=1, neighbours=embedder.neighbours)
        whole = embedder.embed(found.item_ids, {}, found.interest_ids, found.about, found.co_occurs)
        np.testing.assert_allclose(read_vectors(store, version).matrix, whole.items, atol=1e-5)
        text = f"MATCH (i:Item)-[r:CO_OCCURS|ABOUT]->() RETURN i.id, sum(r.attention_{version})"
        shares = dict(store.read_transaction(lambda tx: tx.run_text(text).values()))
        # What an item hears, it hears in shares that sum to 1.
        assert set(shares) == set(names)
        assert all(share == pytest.approx(1, abs=1e-4) for share in shares.values())

        # Exactly the nodes that were named are written.
        before = stamps(store, version, "Item")
        job_id = ask(store, settings, selection="items", ids=["i003", "i005", "gone"])
        wait_for(store, job_id, JobState.SUCCEEDED)
        after = stamps(store, version, "Item")
        assert {item for item in after if after[item] != before[item]} == {"i003", "i005"}
        assert get_job(store, job_id).result["items"] == 2

        # New behaviour and a new item are embedded by themselves.
        store.write("reembed/embedded_until", version=version, until=now_ms() + 1000, basis=None)
        store.write_transaction(
            lambda tx: tx.run_text("MATCH (v:EmbeddingVersion) SET v.embedded_until = $now", now=now_ms()).consume()
        )
        upsert_items(store, [Item(id="new", title="New", about=[About("category", "c1")])])
        users = stamps(store, version, "User")
        event = Event("late", "purchase", "u007", "i011", now_ms())
        apply_events(store, [event], settings=settings)
        with running_beat(often, home):
            wait_until(lambda: "new" in read_vectors(store, version).ids)
            wait_until(lambda: all(job.state == JobState.SUCCEEDED for job in list_jobs(store, limit=3)))
        moved = {user for user, stamp in stamps(store, version, "User").items() if stamp != users[user]}
        assert moved == {"u007"}
        assert worker.stop() == 0


def test_a_killed_worker_is_replaced(
    store: GraphStore, settings: Settings, environment: dict[str, str], broker: redis.Redis, home: Path, version: str
) -> None:
    with running_beat(environment, home), running_worker("cpu", environment, home, name="kill"):
        with (
            running_worker("gpu", environment, home, name="killed", ready=False) as first,
            holding(store, MIDDLE),
        ):
            job_id = ask(store, settings, version=version)
            wait_for_users(store, job_id)
            first.kill()
        cursor = json.loads(get_job(store, job_id).cursor or "{}")
        with running_worker("gpu", environment, home, name="second", ready=False):
            wait_for(store, job_id, JobState.SUCCEEDED)
    ended = get_job(store, job_id)
    assert ended.fence == 2
    assert cursor["written"]["items"] == ITEMS
    assert cursor["done"] < ended.total
    # The second one went on where the first stood: nothing is counted twice.
    assert ended.result == {**ended.result, "items": ITEMS, "interests": 4, "users": USERS}
    assert_whole(store, version)
    assert get_version(store, version).state is VersionState.READY


def test_an_ended_worker_gives_its_job_back_and_a_cancelled_one_stops(
    store: GraphStore, settings: Settings, environment: dict[str, str], broker: redis.Redis, home: Path, version: str
) -> None:
    with running_worker("gpu", environment, home, name="ended", ready=False) as first:
        with holding(store, MIDDLE):
            job_id = ask(store, settings, version=version)
            wait_for_users(store, job_id)
            first.ask_to_end()
        assert first.ended() == 0
    waiting = get_job(store, job_id)
    assert waiting.state == JobState.QUEUED
    assert broker.llen("gpu") == 1
    with running_worker("gpu", environment, home, name="cancelled", ready=False) as second:
        with holding(store, LATER):
            wait_until(lambda: get_job(store, job_id).fence == 2)
            request_cancel(store, job_id)
        wait_for(store, job_id, JobState.CANCELLED)
        cancelled = get_job(store, job_id)
        assert waiting.done <= cancelled.done < cancelled.total
        assert get_version(store, version).state is VersionState.BUILDING

        # A version whose model is not here fails with what to do.
        (settings.models_dir / version).rename(settings.models_dir / "elsewhere")
        job_id = ask(store, settings, version=version)
        wait_for(store, job_id, JobState.FAILED)
        error = get_job(store, job_id).error
        assert error is not None
        assert error["code"] == "artefact_invalid"
        assert error["remedy"]
        assert second.stop() == 0
    (settings.models_dir / "elsewhere").rename(settings.models_dir / version)


def test_a_run_that_was_replaced_writes_nothing(store: GraphStore, settings: Settings, version: str) -> None:
    job = create_job(store, "reembed", {"version": version, "selection": "users", "ids": ["u001"]})
    old = JobRun(store, take_job(store, job.id, runner="old", lost_after_s=60).job, heartbeat_s=60)
    take_job(store, job.id, runner="new", lost_after_s=-1)
    run_of_items = create_job(store, "reembed", {"version": version, "selection": "items", "ids": ["i001"]})
    stale = JobRun(store, take_job(store, run_of_items.id, runner="old", lost_after_s=60).job, heartbeat_s=60)
    take_job(store, run_of_items.id, runner="new", lost_after_s=-1)
    for run in (old, stale):
        with pytest.raises(FencedError):
            run_reembed(run, settings)
    assert read_vectors(store, version).ids == []


def test_database_and_broker_die_in_the_middle(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Path(tmp_path_factory.mktemp("outage"))
    with running(home, parts=(NEO4J, VALKEY)) as own:
        stack = EmbeddedStack(own)
        url = stack.redis_url()
        assert url is not None
        environment = worker_environment(own, url, home, INTERESTGRAPH_WORKERS__BATCH_SIZE="5")
        settings = load_settings(redis_url=url, home=home, cache=home / "cache", workers={"batch_size": 5})
        with GraphStore.open(own) as store:
            migrate(store)
            wipe(store)
            fill(store, settings)
            version = make_tiny_version(store, settings, settings.models_dir)
            with running_worker("gpu", environment, home, name="outage") as worker:
                with holding(store, MIDDLE):
                    job_id = ask(store, settings, version=version)
                    wait_for_users(store, job_id)
                    for part in (NEO4J, VALKEY):
                        process = stack.child(part).process()
                        assert process is not None
                        os.kill(process.pid, signal.SIGKILL)
                        process.wait(60)
                worker.wait_for("job_waits_for_database")
                stack.up()
                wait_for(store, job_id, JobState.SUCCEEDED)
                assert_whole(store, version)
                # It hears of jobs again.
                again = ask(store, settings, selection="users", ids=["u001"], version=version)
                wait_for(store, again, JobState.SUCCEEDED)
                assert_alive(worker)


def assert_alive(worker: CeleryProcess) -> None:
    assert worker.process.poll() is None, worker.log()[-2000:]
