"""Jobs that relate interests, find topics and compare users, run as the workers run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.domain import MS_PER_DAY, Event, JobState, now_ms
from engine.errors import InvalidInputError
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, User, upsert_items, upsert_users
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.interests.relations import relations_due
from engine.jobs import create_job, get_job
from engine.jobs.run import Outcome, run_job
from engine.pipelines.handlers import handler
from engine.settings import Settings
from engine.social.similar import similar_users_due

TEXTS = ["green tea", "black tea with mint", "tea bags", "garden hose", "garden spade", "garden gloves"]


@pytest.fixture
def settings(neo4j_server: Settings, tmp_path: Path) -> Settings:
    changes: dict[str, Any] = {
        "cache": tmp_path,
        "relations": neo4j_server.relations.model_copy(update={"min_users": 2}),
        "social": neo4j_server.social.model_copy(update={"threshold": 0.9, "max_similar": 5}),
    }
    return neo4j_server.model_copy(update=changes)


def ask(store: GraphStore, text: str) -> list[list[Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text).values())


def done(store: GraphStore, settings: Settings, kind: str, **params: Any) -> dict[str, Any]:
    """Run a job to its end and give its result."""
    job = create_job(store, kind, params)
    assert run_job(store, settings, job.id, handler(job.kind, settings, lambda other: None)) is Outcome.SUCCEEDED
    return dict(get_job(store, job.id).result)


def embed(store: GraphStore, angles: dict[str, float], version: str | None = None) -> str:
    """Give users vectors, under the version or a new active one."""
    upsert_users(store, [User(name) for name in angles])
    name = version or create_version(store, dim=2, model="none").id
    vectors = np.array([[np.cos(angle), np.sin(angle)] for angle in angles.values()], dtype=np.float32)
    write_vectors(store, "User", list(angles), vectors, fence=Fence(name))
    if version is None:
        mark_ready(store, name)
        activate(store, name)
    return name


def test_interests_are_related_by_a_job(store: GraphStore, settings: Settings) -> None:
    items = {"tea": "ab", "honey": "ab", "beer": "xy", "crisps": "xy"}
    upsert_items(store, [Item(name, about=[About("category", name)]) for name in items])
    events = [
        Event(f"{user}{item}", "purchase", user, item, now_ms() - MS_PER_DAY)
        for item, users in items.items()
        for user in users
    ]
    apply_events(store, events, settings=settings, create_missing=True)
    assert relations_due(store, settings)
    assert done(store, settings, "relate_interests") == {"interests": 4, "users": 4, "items": 4, "relations": 4}
    assert not relations_due(store, settings)
    assert ask(store, "MATCH (:Interest {id: 'category:tea'})-[r:RELATED_TO]->(y) RETURN y.id") == [["category:honey"]]


def test_topics_are_found_by_a_job(store: GraphStore, settings: Settings) -> None:
    upsert_items(store, [Item(str(number), title=text) for number, text in enumerate(TEXTS)])
    found = done(store, settings, "discover_topics", number=2, seed=3)
    assert (found["topics"], found["items"]) == (2, 6)
    topics = ask(
        store, "MATCH (x:Interest {kind: 'topic'})<-[r:ABOUT]-(i) WITH x, i ORDER BY i.id RETURN x.name, collect(i.id)"
    )
    assert sorted(items for _, items in topics) == [["0", "1", "2"], ["3", "4", "5"]]
    assert {name.split(", ")[0] for name, _ in topics} == {"tea", "garden"}
    assert done(store, settings, "discover_topics", number=2, seed=4)["kept"] == 2
    with pytest.raises(InvalidInputError):
        create_job(store, "discover_topics", {"number": 0})


def test_users_are_compared_by_a_job_as_their_vectors_change(store: GraphStore, settings: Settings) -> None:
    assert not similar_users_due(store)
    assert done(store, settings, "find_similar_users") == {"users": 0, "relationships": 0}
    version = embed(store, {"a": 0.0, "b": 0.1, "c": 3.0, "d": 3.1})
    assert done(store, settings, "find_similar_users") == {"version": version, "users": 4, "relationships": 4}
    pairs = "MATCH (u)-[r:SIMILAR_TO {version: '%s'}]->(v) RETURN u.id, v.id ORDER BY u.id, v.id"
    assert ask(store, pairs % version) == [["a", "b"], ["b", "a"], ["c", "d"], ["d", "c"]]
    embed(store, {"b": 3.05}, version)
    changed = done(store, settings, "find_similar_users")
    assert (changed["users"], changed["relationships"]) == (1, 2)
    near = [["b", "c"], ["b", "d"], ["c", "b"], ["c", "d"], ["d", "b"], ["d", "c"]]
    assert ask(store, pairs % version) == near
    assert done(store, settings, "find_similar_users")["users"] == 0
    assert done(store, settings, "find_similar_users", everyone=True)["users"] == 4
    assert ask(store, pairs % version) == near
    # Another version replaces all of it.
    other = embed(store, {"a": 0.0, "c": 0.1})
    assert done(store, settings, "find_similar_users")["users"] == 4
    assert ask(store, pairs % other) == [["a", "c"], ["c", "a"]]
    assert ask(store, pairs % version) == []


def test_a_killed_comparison_goes_on_where_it_stood(store: GraphStore, settings: Settings) -> None:
    version = embed(store, {f"u{number:03}": number / 100 for number in range(120)})
    job = create_job(store, "find_similar_users")
    calls = iter(range(100))
    # Asked to stop at its second page; then it is queued again with what it has done.
    stopped = run_job(
        store, settings, job.id, handler(job.kind, settings, lambda other: None), should_stop=lambda: next(calls) > 3
    )
    assert stopped is Outcome.RELEASED
    waiting = get_job(store, job.id)
    assert waiting.state is JobState.QUEUED
    assert waiting.cursor is not None
    part = json.loads(waiting.cursor)["users"]
    assert 0 < part < 120
    assert run_job(store, settings, job.id, handler(job.kind, settings, lambda other: None)) is Outcome.SUCCEEDED
    assert get_job(store, job.id).result["users"] == 120
    assert ask(store, f"MATCH (u:User) WHERE NOT (u)-[:SIMILAR_TO {{version: '{version}'}}]->() RETURN u.id") == []
