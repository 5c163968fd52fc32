from __future__ import annotations

import numpy as np
import pytest

from engine.domain import MS_PER_DAY
from engine.errors import InvalidInputError
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.subgraph import Edges, PullLimits, Subgraph, pull, pull_all, pull_pages
from tests.support.profile import db_hits, profile

NOW = 1_700_000_000_000


@pytest.fixture
def chain(store: GraphStore) -> GraphStore:
    """Items a to f, each followed by the next (1.0) and the one after that (0.5); two interests each; one user."""
    names = "abcdef"
    upsert_items(
        store,
        [
            Item(name, title=name.upper(), attributes={"n": place}, about=[About("tag", name, 3), About("tag", "all")])
            for place, name in enumerate(names)
        ],
    )
    edges = [[names[p], names[p + d], 1.0 / d] for p in range(6) for d in (1, 2) if p + d < 6]
    store.write_transaction(
        lambda tx: tx.run_text(
            """UNWIND $edges AS edge MATCH (i:Item {id: edge[0]}) MATCH (j:Item {id: edge[1]})
            CREATE (i)-[:CO_OCCURS {weight: edge[2], count: 1, updated_at: $now}]->(j)
            WITH count(*) AS n MERGE (s:State {id: 'co_occurrence'}) SET s.as_of = $now""",
            edges=edges,
            now=NOW,
        ).consume()
    )
    return store


def named(graph: Subgraph, edges: Edges, sources: list[str], targets: list[str]) -> dict[tuple[str, str], float]:
    assert edges.index.dtype == np.int64
    assert edges.weight.dtype == np.float32
    assert edges.index.shape == (2, len(edges))
    pairs = edges.index.T.tolist()
    return {(sources[s], targets[t]): float(w) for (s, t), w in zip(pairs, edges.weight, strict=True)}


def test_one_hop_around_an_item(chain: GraphStore) -> None:
    graph = pull(chain, chain.settings, "Item", ["b"], hops=1)
    assert graph.item_ids == ["b", "c", "d"]
    assert graph.item_hops.tolist() == [0, 1, 1]
    assert graph.as_of == NOW
    assert named(graph, graph.co_occurs, graph.item_ids, graph.item_ids) == {("b", "c"): 1.0, ("b", "d"): 0.5}
    about = named(graph, graph.about, graph.item_ids, graph.interest_ids)
    assert about["c", "tag:c"] == 0.75
    assert about["c", "tag:all"] == 0.25
    assert len(about) == 6
    assert (graph.user_ids, graph.titles, graph.attributes) == ([], None, None)


def test_two_hops_and_none(chain: GraphStore) -> None:
    graph = pull(chain, chain.settings, "Item", ["a"], hops=2, limits=PullLimits(co_occurs=1), texts=True)
    assert graph.item_ids == ["a", "b", "c"]
    assert graph.item_hops.tolist() == [0, 1, 2]
    assert graph.titles == ["A", "B", "C"]
    assert graph.attributes == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(graph.co_occurs) == 2
    alone = pull(chain, chain.settings, "Item", ["a"], hops=0)
    assert alone.item_ids == ["a"]
    assert (len(alone.co_occurs), len(alone.about)) == (0, 2)


def test_seeds_keep_their_order_and_unknown_ones_are_left_out(chain: GraphStore) -> None:
    graph = pull(chain, chain.settings, "Item", ["d", "nothing", "a", "d"], hops=0)
    assert graph.item_ids == ["d", "a"]
    nothing = pull(chain, chain.settings, "Item", ["nothing"], hops=2)
    assert nothing.item_ids == []
    assert nothing.co_occurs.index.shape == (2, 0)


def test_weights_stand_as_of_the_latest_fold(chain: GraphStore) -> None:
    half_life_ms = chain.settings.co_occurrence.half_life_days * MS_PER_DAY
    chain.write_transaction(
        lambda tx: tx.run_text(
            "MATCH (:Item {id: 'a'})-[r:CO_OCCURS]->(:Item {id: 'b'}) SET r.updated_at = $at",
            at=int(NOW - 2 * half_life_ms),
        ).consume()
    )
    graph = pull(chain, chain.settings, "Item", ["a"])
    found = named(graph, graph.co_occurs, graph.item_ids, graph.item_ids)
    assert list(found) == [("a", "c"), ("a", "b")]  # strongest first, as decayed
    assert found == pytest.approx({("a", "c"): 0.5, ("a", "b"): 0.25})


def test_users_bring_their_items_and_interests(chain: GraphStore) -> None:
    chain.write_transaction(
        lambda tx: tx.run_text(
            """CREATE (u:User {id: 'ann'})
            WITH u MATCH (a:Item {id: 'a'}), (e:Item {id: 'e'}), (x:Interest {id: 'tag:all'})
            CREATE (u)-[:INTERACTED {event: 'view', weight: 0.2, updated_at: $now}]->(a),
            (u)-[:INTERACTED {event: 'purchase', weight: 1.0, updated_at: $now}]->(a),
            (u)-[:INTERACTED {event: 'dislike', weight: -1.0, updated_at: $now}]->(e),
            (u)-[:INTERESTED_IN {source: 'behaviour', weight: 2.0, updated_at: $now}]->(x),
            (u)-[:INTERESTED_IN {source: 'declared', weight: 1.0, updated_at: $now}]->(x)""",
            now=NOW,
        ).consume()
    )
    graph = pull(chain, chain.settings, "User", ["ann"], hops=1)
    assert graph.user_ids == ["ann"]
    assert graph.item_ids == ["a"]
    assert named(graph, graph.interacted, ["ann"], graph.item_ids) == pytest.approx({("ann", "a"): 1.2})
    assert named(graph, graph.interested_in, ["ann"], graph.interest_ids) == {("ann", "tag:all"): 3.0}
    further = pull(chain, chain.settings, "User", ["ann"], hops=2)
    assert further.item_ids == ["a", "b", "c"]
    assert further.item_hops.tolist() == [1, 2, 2]
    assert pull(chain, chain.settings, "User", ["ann"], hops=0).item_ids == []


def test_interests_bring_the_items_most_about_them(chain: GraphStore) -> None:
    graph = pull(chain, chain.settings, "Interest", ["tag:all"], limits=PullLimits(items_of_interest=4))
    assert graph.interest_ids[0] == "tag:all"
    assert graph.item_ids == ["a", "b", "c", "d"]
    assert len(pull(chain, chain.settings, "Interest", ["tag:e"], hops=2).item_ids) == 2


def test_a_hub_costs_what_its_limit_says(store: GraphStore) -> None:
    """An item with 10,000 neighbours, all of them about one interest."""
    store.write_auto(
        f"""CREATE (hub:Item {{id: 'hub'}}) CREATE (x:Interest {{id: 'tag:all', kind: 'tag', name: 'all'}})
        CREATE (hub)-[:ABOUT {{weight: 1.0}}]->(x)
        WITH hub, x UNWIND range(1, 10000) AS n
        CREATE (i:Item {{id: 'i' + n}})-[:ABOUT {{weight: 1.0}}]->(x)
        CREATE (hub)-[:CO_OCCURS {{weight: n * 1.0, count: 1, updated_at: {NOW}}}]->(i)
        FOREACH (_ IN CASE WHEN n > 9990 OR n = 1 THEN [1] ELSE [] END |
          CREATE (i)-[:CO_OCCURS {{weight: 1.0, count: 1, updated_at: {NOW}}}]->(hub)
        )"""
    )
    graph = pull(store, store.settings, "Item", ["hub"], hops=2, limits=PullLimits(co_occurs=5), as_of=NOW)
    assert graph.item_ids == ["hub", "i10000", "i9999", "i9998", "i9997", "i9996"]
    assert len(graph.co_occurs) == 10
    assert len(graph.about) == 6
    limits = PullLimits(items_of_interest=7, co_occurs=5)
    around = pull(store, store.settings, "Interest", ["tag:all"], hops=2, limits=limits, as_of=NOW)
    assert around.item_ids == [
        "hub",
        "i1",
        "i10",
        "i100",
        "i1000",
        "i10000",
        "i1001",
        "i9999",
        "i9998",
        "i9997",
        "i9996",
    ]
    # From the leaf to the hub and no further: the hub's 10,000 are read only when it is asked for.
    assert db_hits(profile(store, "subgraph/co_occurs", ids=["i1"], as_of=NOW, half_life_ms=1e9, limit=5)) < 100
    found = profile(store, "subgraph/co_occurs", ids=["hub"], as_of=NOW, half_life_ms=1e9, limit=5)
    assert found[0].rows == 1
    assert max(operator.rows for operator in found) <= 10_000


def test_the_whole_graph(chain: GraphStore) -> None:
    told: list[int] = []
    graph = pull_all(chain, chain.settings, texts=True, progress=told.append)
    assert graph.item_ids == list("abcdef")
    assert graph.interest_ids == ["tag:a", "tag:all", *(f"tag:{name}" for name in "bcdef")]
    assert len(graph.co_occurs) == 9
    assert len(graph.about) == 12
    assert graph.titles == list("ABCDEF")
    assert told[-1] == 6
    few = pull_all(chain, chain.settings, limits=PullLimits(co_occurs=1, about=1))
    strongest = zip("abcde", "bcdef", strict=True)
    assert named(few, few.co_occurs, few.item_ids, few.item_ids) == dict.fromkeys(strongest, 1.0)
    assert len(few.about) == 6


def test_pages_cover_every_seed_once_and_go_on(chain: GraphStore) -> None:
    pages = list(pull_pages(chain, chain.settings, "Item", page_size=4, hops=0))
    assert [(last, graph.item_ids) for last, graph in pages] == [("d", list("abcd")), ("f", list("ef"))]
    rest = list(pull_pages(chain, chain.settings, "Item", page_size=4, hops=1, after="d"))
    assert [(last, graph.item_ids) for last, graph in rest] == [("f", ["e", "f"])]


def test_an_empty_graph(store: GraphStore) -> None:
    graph = pull_all(store, store.settings)
    assert (graph.item_ids, graph.interest_ids, len(graph.co_occurs)) == ([], [], 0)
    assert list(pull_pages(store, store.settings, "User")) == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"label": "Event"}, "label"), ({"hops": 3}, "hops"), ({"hops": -1}, "hops")],
)
def test_what_would_be_unbounded_is_refused(store: GraphStore, arguments: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        pull(store, store.settings, **{"label": "Item", "ids": ["a"], **arguments})  # type: ignore[arg-type]
    assert caught.value.field == field
    with pytest.raises(InvalidInputError):
        PullLimits(co_occurs=100_000)
