"""Nodes are found by index: no statement reads a whole label but those named here, on purpose."""

from __future__ import annotations

import pytest

from cypher import catalogue
from engine.graph.capabilities import SEARCH_CLAUSE
from engine.graph.store import GraphStore
from tests.support.profile import db_hits, explain, profile

WHOLE = {
    "demographics/finish": "few nodes: at most 50 an attribute",
    "demographics/values": "counts the users by their values, once a count",
    "ranking/census": "lists every item",
    "ranking/demographics": "few nodes: at most 50 an attribute",
    "ranking/interests": "streams every item",
    "ranking/inferred": "streams every item, after an inference",
    "ranking/items": "streams every item",
    "ranking/resembling": "streams every item, after items were joined",
    "ranking/rows": "streams every item",
    "ranking/waiting": "looks at a hundred of those that wait for the fold",
    "ranking/size": "the server has the number at hand",
    "social/changed_users": "looks through a label for new vectors",
    "social/search_nearest": "names an index that has to be there; see test_relations",
    "subgraph/all_ids": "streams a label",
    "subgraph/all_items": "streams every item",
    "relations/item_weights": "streams every item",
    "relations/search_alike": "names an index that has to be there; see test_interest_reads",
    "relations/user_weights": "streams every user",
    "topics/drop_empty": "looks through the interests, once a run",
    "topics/items": "streams every item",
    "verification/about": "counts everything again",
    "verification/dangling": "counts everything again",
    "verification/impossible": "counts everything again",
    "verification/rows": "counts everything again",
    "vectors/read": "streams a label",
    "vectors/search_items": "names an index that has to be there; see test_versions",
    "vectors/read_since": "looks through a label for new vectors",
}
OTHERS = {
    *("cooccurrence", "events", "interests"),  # see test_event_plans
    *("dataset", "reembed", "forgetting", "inferred"),  # run rarely, and read much on purpose
    *("imports", "keys", "jobs", "versions", "schema"),  # few nodes
}

STATEMENTS = [
    statement.name
    for statement in catalogue.statements()
    if statement.name not in WHOLE and statement.name.split("/")[0] not in OTHERS
]


@pytest.mark.parametrize("name", STATEMENTS)
def test_nodes_are_found_by_index(any_store: GraphStore, name: str) -> None:
    needed = catalogue.statement(name).capability
    if needed is not None and not any_store.capabilities.has(needed):
        pytest.skip(f"the server has no {needed}")
    for operator in explain(any_store, name):
        assert not operator.reads_everything, operator


def test_a_whole_label_is_seen(store: GraphStore) -> None:
    assert any(operator.reads_everything for operator in explain(store, "subgraph/all_ids"))


def test_reading_some_of_many_costs_what_it_gives(store: GraphStore) -> None:
    make(store, 2_000)
    wanted = [f"item {number:05d}" for number in (3, 700, 1_999)]
    found = profile(store, "items/get", ids=wanted)
    assert found[0].rows == 3
    assert db_hits(found) < 100
    assert db_hits(profile(store, "items/list", after="item 00500", limit=10)) < 100
    assert db_hits(profile(store, "subgraph/page", after="item 00500", limit=10)) < 100


def test_what_was_profiled_is_taken_back(store: GraphStore) -> None:
    make(store, 1)
    profile(store, "users/upsert", rows=[{"id": "ann", "created_at": None, "properties": {}}], own=["id"], at=1)
    assert store.read("users/get", ids=["ann"]) == []


def test_the_search_clause_is_known_where_it_is(store: GraphStore) -> None:
    assert store.capabilities.has(SEARCH_CLAUSE) == store.capabilities.version.startswith("20")


def make(store: GraphStore, count: int) -> None:
    store.write_auto(f"UNWIND range(0, {count} - 1) AS n CREATE (:Item {{id: 'item ' + right('0000' + n, 5)}})")
