"""Forgotten means gone: what is left of a graph is what a recount of the rest finds."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY
from engine.events.apply import apply_events
from engine.events.parse import parse_events
from engine.forgetting import forget_item, forget_user
from engine.graph.entities import About, Follow, Item, set_follows, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import create_version
from engine.graph.writeback import Fence, write_vectors
from engine.interests.declared import declare_interests

START = 1_700_000_000_000
HOUR_MS = 3_600_000
VERSION = "v20260301120000"


def ask(store: GraphStore, text: str, **parameters: Any) -> list[list[Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).values())


@pytest.fixture
def lively(store: GraphStore) -> GraphStore:
    """Four users, eight items, 120 events, 100 of them folded; a declared interest, links and vectors."""
    upsert_items(store, [Item(f"i{n}", about=[About("tag", f"t{n % 3}")]) for n in range(8)])
    chance = random.Random(1)
    raw = [
        {
            "id": f"e{n}",
            "type": chance.choice(["view", "purchase", "like", "dislike"]),
            "user_id": f"u{chance.randrange(4)}",
            "item_id": f"i{chance.randrange(8)}",
            "at": START + n * HOUR_MS,
        }
        for n in range(120)
    ]
    settings = store.settings
    events = parse_events(raw, settings=settings.events, now=START + MS_PER_DAY * 365)
    apply_events(store, events[:100], settings=settings)
    fold(store, settings)
    apply_events(store, events[100:], settings=settings)
    declare_interests(store, "u1", {"tag:t0": 1.0}, at=START)
    set_follows(store, [Follow("u1", "u2"), Follow("u3", "u1")])
    create_version(store, dim=2, model="test", version=VERSION)
    write_vectors(store, "User", ["u1", "u2"], np.ones((2, 2), np.float32), fence=Fence(VERSION))
    return store


def counted(store: GraphStore) -> tuple[dict[tuple[str, str], tuple[int, float]], dict[str, float]]:
    """CO_OCCURS and popularity, as of one time."""
    edges = ask(
        store,
        """MATCH (i:Item)-[r:CO_OCCURS]->(j:Item)
        RETURN i.id, j.id, r.count, r.weight * 2.0 ^ ((r.updated_at - $at) / $half_life_ms)""",
        at=START,
        half_life_ms=float(store.settings.co_occurrence.half_life_days * MS_PER_DAY),
    )
    popular = ask(
        store,
        "MATCH (i:Item) RETURN i.id, coalesce(i.popularity * 2.0 ^ ((i.popularity_at - $at) / $half_life_ms), 0.0)",
        at=START,
        half_life_ms=float(store.settings.ranking.popularity_half_life_days * MS_PER_DAY),
    )
    return (
        {(source, target): (count, round(weight, 9)) for source, target, count, weight in edges},
        {name: round(weight, 9) for name, weight in popular},
    )


@pytest.mark.parametrize("batch_events", [7, 2_000])
def test_of_a_forgotten_user_nothing_is_left(lively: GraphStore, batch_events: int) -> None:
    assert forget_user(lively, lively.settings, "u1", batch_events=batch_events) is True
    assert ask(lively, "MATCH (n) WHERE n.id = 'u1' OR n.user_id = 'u1' RETURN n") == []
    fold(lively, lively.settings)
    left = counted(lively)
    assert left[0]
    rebuild(lively, lively.settings)
    assert counted(lively) == left
    assert forget_user(lively, lively.settings, "u1") is False


def test_others_keep_what_is_theirs(lively: GraphStore) -> None:
    theirs = """MATCH (u:User)-[r:INTERACTED|INTERESTED_IN]->(n) WHERE u.id <> 'u1'
        RETURN u.id, n.id, r {.*} ORDER BY u.id, n.id, r.event"""
    before = ask(lively, theirs)
    forget_user(lively, lively.settings, "u1")
    assert ask(lively, theirs) == before
    assert ask(lively, "MATCH (e:Event) RETURN count(DISTINCT e.user_id)") == [[3]]


def test_a_forgotten_user_stands_in_no_job(lively: GraphStore) -> None:
    params = {"selection": "users", "ids": ["u0", "u1", "u10"]}
    lively.write_transaction(
        lambda tx: tx.run_text(
            "CREATE (:Job {id: 'j', state: 'queued', params: $params})", params=json.dumps(params)
        ).consume()
    )
    forget_user(lively, lively.settings, "u1")
    [[stored]] = ask(lively, "MATCH (j:Job) RETURN j.params")
    assert json.loads(stored)["ids"] == ["u0", "(forgotten)", "u10"]


def test_forgetting_while_a_recount_is_due_leaves_it_due(lively: GraphStore) -> None:
    lively.write("cooccurrence/mark_stale")
    forget_user(lively, lively.settings, "u1")
    forget_item(lively, lively.settings, "i3")
    assert ask(lively, "MATCH (s:State {id: 'co_occurrence'}) RETURN s.state") == [["rebuilding"]]
    rebuild(lively, lively.settings)
    assert all("i3" not in pair for pair in counted(lively)[0])


@pytest.mark.parametrize("batch_users", [1, 200])
def test_of_a_forgotten_item_nothing_is_left(lively: GraphStore, batch_users: int) -> None:
    assert forget_item(lively, lively.settings, "i3", batch_users=batch_users) is True
    assert ask(lively, "MATCH (n) WHERE n.id = 'i3' OR n.item_id = 'i3' RETURN n") == []
    fold(lively, lively.settings)
    left = counted(lively)
    assert left[0]
    rebuild(lively, lively.settings)
    assert counted(lively) == left
    assert forget_item(lively, lively.settings, "i3") is False


def test_items_that_lose_a_neighbour_are_stamped(lively: GraphStore) -> None:
    [[latest]] = ask(lively, "MATCH (i:Item) RETURN max(i.edges_at)")
    sources = {name for [name] in ask(lively, "MATCH (i:Item)-[:CO_OCCURS]->(:Item {id: 'i3'}) RETURN i.id")}
    assert sources
    forget_item(lively, lively.settings, "i3")
    stamped = {name for [name] in ask(lively, "MATCH (i:Item) WHERE i.edges_at > $latest RETURN i.id", latest=latest)}
    assert sources <= stamped
