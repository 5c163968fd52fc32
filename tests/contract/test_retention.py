"""Pruning on every supported server: what is left is still what its events say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.domain import MS_PER_DAY
from engine.events.ingest import ingest
from engine.forgetting import forget_item, forget_user
from engine.graph.store import GraphStore
from engine.pipelines.fold import fold_waiting
from engine.pipelines.prune import pruning_due
from engine.retention.prune import prune
from engine.settings import Settings
from engine.verification.repair import repair_users
from engine.verification.verify import verify
from tests.integration.test_cooccurrence import ask, tell

DAY = MS_PER_DAY
NOW = 20_500 * DAY
LIMIT_DAYS = 200


def settings_of(**retention: Any) -> Settings:
    """Short half-lives, so that 200 days are twenty of them."""
    return Settings(
        _env_file=None,
        co_occurrence={"half_life_days": 10, "window": 3},
        ranking={"popularity_half_life_days": 10},
        retention={"events_days": LIMIT_DAYS, "lost_share": 1e-6, "impressions_days": 30, **retention},
    )


@pytest.fixture
def settings() -> Settings:
    return settings_of()


@pytest.fixture
def graph(store: GraphStore, settings: Settings) -> GraphStore:
    """Five users over 400 days; u4 has old events only."""
    tell(
        store,
        "UNWIND range(0, 3) AS n CREATE (:Interest {id: 'x' + n, kind: 'tag', name: 'word' + n}) "
        "WITH count(*) AS made UNWIND range(0, 7) AS n CREATE (i:Item {id: 'i' + n}) WITH i, n "
        "MATCH (x:Interest {id: 'x' + (n % 4)}), (y:Interest {id: 'x' + ((n + 1) % 4)}) "
        "CREATE (i)-[:ABOUT {weight: 0.7}]->(x), (i)-[:ABOUT {weight: 0.3}]->(y)",
    )
    chance = random.Random(5)
    events: list[dict[str, Any]] = []
    for n in range(240):
        user = chance.randrange(5)
        days = chance.uniform(250, 400) if user == 4 else chance.uniform(0, 400)
        kind = chance.choice(["purchase", "view", "dislike", "impression", "search", "follow"])
        event: dict[str, Any] = {"id": f"e{n}", "type": kind, "user_id": f"u{user}", "at": NOW - int(days * DAY)}
        if kind == "search":
            event["query"] = f"word{chance.randrange(4)}"
        elif kind == "follow":
            event["followed_id"] = f"u{(user + 1) % 5}"
        else:
            event["item_id"] = f"i{chance.randrange(8)}"
        events.append(event)
    store.read_transaction(lambda tx: tx.run_text("CALL db.awaitIndexes(60)").consume())
    result = ingest(store, events, settings=settings)
    assert result.refused == 0
    fold_waiting(store, settings)
    return store


def everything(store: GraphStore) -> list[dict[str, Any]]:
    return ask(
        store,
        "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN labels(n) AS labels, properties(n) AS n, type(r) AS type, "
        "properties(r) AS r, m.id AS m ORDER BY labels, n.id, type, m, r.event",
    )


def counts(store: GraphStore) -> dict[str, int]:
    return {row["type"]: row["n"] for row in ask(store, "MATCH (e:Event) RETURN e.type AS type, count(e) AS n")}


def kept(store: GraphStore) -> list[dict[str, Any]]:
    """What users have, without the old parts."""
    return ask(
        store,
        "MATCH (u:User)-[r:INTERACTED|INTERESTED_IN|FOLLOWS]->(x) RETURN u.id AS u, x.id AS x, type(r) AS t, "
        "r {.event, .count, .times, .last_at, .weight, .mass, .updated_at, .moved} AS p ORDER BY u, t, x, p.event",
    )


def assert_equal(store: GraphStore, settings: Settings) -> None:
    report = verify(store, settings)
    assert {check.name: (check.kinds, check.examples) for check in report.checks if check.kinds} == {}
    assert {check.name: check.apart for check in report.checks if check.apart} == {}


def test_a_dry_run_changes_nothing_and_counts_what_the_run_deletes(graph: GraphStore, settings: Settings) -> None:
    assert_equal(graph, settings)
    before, had = everything(graph), counts(graph)
    planned = prune(graph, settings, dry_run=True, now=NOW)
    assert everything(graph) == before
    assert planned.events["purchase"] > 5
    assert planned.events["impression"] > 5
    done = prune(graph, settings, now=NOW)
    assert (done.events, done.interacted, done.users) == (planned.events, planned.interacted, planned.users)
    assert done.differing == []
    left = counts(graph)
    assert {kind: had[kind] - left.get(kind, 0) for kind in had if had[kind] != left.get(kind, 0)} == planned.events
    assert prune(graph, settings, now=NOW).events == {}


def test_what_is_left_is_what_the_events_say_and_users_keep_what_they_had(
    graph: GraphStore, settings: Settings
) -> None:
    before = kept(graph)
    prune(graph, settings, now=NOW)
    assert kept(graph) == before
    assert_equal(graph, settings)
    [log] = graph.read("retention/log")
    assert log["begins_at"] == NOW - LIMIT_DAYS * DAY
    assert verify(graph, settings).log_begins_at == log["begins_at"]
    # Nothing that still counts has gone, nothing that is old has stayed without a reason.
    assert ask(graph, "MATCH (e:Event) WHERE e.user_id = 'u4' RETURN count(e) AS n") == [{"n": 0}]
    steps = ask(
        graph,
        "MATCH (e:Event) WHERE e.at < $before AND e.type IN ['purchase', 'view'] "
        "RETURN e.user_id AS user, count(e) AS n ORDER BY user",
        before=log["begins_at"],
    )
    assert steps == [{"user": f"u{n}", "n": settings.co_occurrence.window} for n in range(4)]
    # The graph goes on: late and new events, and another pruning a hundred days on.
    later = [
        {"id": f"l{n}", "type": "purchase", "user_id": f"u{n % 5}", "item_id": f"i{n % 3}", "at": NOW - n * 40 * DAY}
        for n in range(10)
    ]
    assert ingest(graph, later, settings=settings).refused == 0
    fold_waiting(graph, settings)
    assert_equal(graph, settings)
    assert sum(prune(graph, settings, now=NOW + 100 * DAY).events.values()) > 10
    assert_equal(graph, settings)


def test_small_batches_and_a_stop_in_the_middle_end_in_the_same_graph(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = settings_of(batch_events=3)
    monkeypatch.setattr("engine.retention.prune._PAGE_USERS", 2)
    planned = prune(graph, small, dry_run=True, now=NOW)
    first = prune(graph, small, now=NOW, max_seconds=0.0)
    assert not first.finished
    assert graph.read("retention/log")[0]["cursor"] == "u1"
    assert pruning_due(graph, small, NOW)
    rest = prune(graph, small, now=NOW)
    assert rest.finished
    assert first.events + rest.events == planned.events
    assert graph.read("retention/log")[0]["pruned"] == sum(planned.events.values())
    assert not pruning_due(graph, small)
    assert_equal(graph, settings)


def test_events_that_wait_for_the_fold_stay(graph: GraphStore, settings: Settings) -> None:
    late = {"id": "late", "type": "purchase", "user_id": "u4", "item_id": "i1", "at": NOW - 399 * DAY}
    assert ingest(graph, [late], settings=settings).accepted == 1
    prune(graph, settings, now=NOW)
    assert ask(graph, "MATCH (e:Event {user_id: 'u4'}) RETURN e.id AS id, e:Unfolded AS waits") == [
        {"id": "late", "waits": True}
    ]
    fold_waiting(graph, settings)
    assert_equal(graph, settings)


def test_faded_interactions_go_when_none_of_their_events_is_left(graph: GraphStore) -> None:
    settings = settings_of(interacted_floor=0.1)
    interests = ask(graph, "MATCH (:User)-[r:INTERESTED_IN]->() RETURN sum(r.weight) AS weight, count(r) AS n")
    assert prune(graph, settings, now=NOW).interacted == {}, "their events go first"
    planned = prune(graph, settings, dry_run=True, now=NOW)
    assert planned.interacted["view"] > 0
    done = prune(graph, settings, now=NOW)
    assert done.interacted == planned.interacted
    assert ask(graph, "MATCH (:User)-[r:INTERESTED_IN]->() RETURN sum(r.weight) AS weight, count(r) AS n") == interests
    assert_equal(graph, settings)


def test_a_damaged_user_is_left_alone_until_repaired(graph: GraphStore, settings: Settings) -> None:
    tell(graph, "MATCH (:User {id: 'u4'})-[r:INTERACTED]->() WITH r LIMIT 1 SET r.count = r.count + 1")
    assert prune(graph, settings, now=NOW).differing == ["u4"]
    assert ask(graph, "MATCH (e:Event {user_id: 'u4'}) RETURN count(e) > 0 AS there") == [{"there": True}]
    assert repair_users(graph, settings).changed == 1
    assert prune(graph, settings, now=NOW).differing == []
    assert_equal(graph, settings)


def test_repair_keeps_old_parts(graph: GraphStore, settings: Settings) -> None:
    prune(graph, settings, now=NOW)
    before = kept(graph)
    tell(graph, "MATCH (:User)-[r:INTERACTED]->() SET r.weight = r.weight + 1, r.count = r.count + 1")
    tell(graph, "MATCH (:User)-[r:INTERESTED_IN]->() SET r.mass = r.weight + 1, r.weight = 0.0")
    assert not verify(graph, settings).ok
    repair_users(graph, settings)
    assert_equal(graph, settings)
    assert [(row["u"], row["x"], row["p"]["count"]) for row in kept(graph)] == [
        (row["u"], row["x"], row["p"]["count"]) for row in before
    ]


def test_forgetting_after_pruning_leaves_what_a_recount_finds(graph: GraphStore, settings: Settings) -> None:
    prune(graph, settings, now=NOW)
    assert forget_user(graph, settings, "u1")
    fold_waiting(graph, settings)
    assert_equal(graph, settings)
    assert forget_item(graph, settings, "i2")
    fold_waiting(graph, settings)
    report = verify(graph, settings)
    assert report.ok, report.to_dict()
