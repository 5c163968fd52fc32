"""Folding recent events and counting all again, on a real graph."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.cooccurrence.withdraw import withdraw_events
from engine.domain import MS_PER_DAY, Event
from engine.errors import ConflictError, FencedError
from engine.events.apply import apply_events
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms, value_at
from engine.settings import CoOccurrenceSettings, Settings

DAY = MS_PER_DAY
NOW = 20_000 * DAY
ITEMS = [f"i{n}" for n in range(8)]


def ask(store: GraphStore, text: str, **parameters: Any) -> list[dict[str, Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).data())


def tell(store: GraphStore, text: str, **parameters: Any) -> None:
    store.write_transaction(lambda tx: tx.run_text(text, **parameters).consume())


def event(number: int | str, user: str, item: str, day: float, kind: str = "purchase") -> Event:
    return Event(f"e{number}", kind, user, item, NOW + int(day * DAY))


def random_events(seed: int, number: int) -> list[Event]:
    """Three users, many equal times, gaps longer and shorter than a day."""
    chance = random.Random(seed)
    return [
        event(
            f"{seed}-{n:03}",
            f"u{chance.randrange(3)}",
            chance.choice(ITEMS),
            chance.choice([-3.0, -2.0, chance.uniform(-100, 0), chance.uniform(-0.2, 0)]),
            chance.choice(["purchase", "view", "dislike"]),
        )
        for n in range(number)
    ]


def rows(store: GraphStore, settings: Settings) -> dict[tuple[str, str], tuple[float, int]]:
    """Weight as of one time and count of each edge."""
    half_life_ms = days_ms(settings.co_occurrence.half_life_days)
    found = ask(store, "MATCH (i)-[r:CO_OCCURS]->(j) RETURN i.id AS i, j.id AS j, properties(r) AS r")
    edges = {
        (row["i"], row["j"]): (
            value_at(row["r"]["weight"], row["r"]["updated_at"], NOW, half_life_ms),
            row["r"]["count"],
        )
        for row in found
    }
    assert len(edges) == len(found), "one relationship for each pair"
    return edges


def popularity(store: GraphStore, settings: Settings) -> dict[str, float]:
    half_life_ms = days_ms(settings.ranking.popularity_half_life_days)
    found = ask(
        store, "MATCH (i:Item) WHERE i.popularity IS NOT NULL RETURN i.id AS i, i.popularity AS p, i.popularity_at AS t"
    )
    return {row["i"]: value_at(row["p"], row["t"], NOW, half_life_ms) for row in found}


def whole_graph(store: GraphStore) -> list[dict[str, Any]]:
    return ask(
        store,
        "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) "
        "RETURN labels(n) AS labels, properties(n) AS n, type(r) AS type, properties(r) AS r, m.id AS m "
        "ORDER BY n.id, type, m, r.event",
    )


def fold_all(store: GraphStore, settings: Settings, limit: int) -> int:
    total = 0
    while (result := fold(store, settings, limit=limit)).events:
        total += result.events
    assert not result.more
    return total


@pytest.fixture
def settings(neo4j_server: Settings) -> Settings:
    return neo4j_server


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    tell(store, "UNWIND $ids AS id CREATE (:Item {id: id})", ids=ITEMS)
    return store


@pytest.fixture
def wide(settings: Settings) -> Settings:
    """A small window, and rows that are never pruned."""
    return settings.model_copy(update={"co_occurrence": CoOccurrenceSettings(window=4, half_life_days=30)})


def test_one_fold_by_hand(graph: GraphStore, settings: Settings) -> None:
    apply_events(
        graph,
        [event(1, "u", "i0", 0), event(2, "u", "i1", 1), event(3, "u", "i2", 2), event(4, "u", "i3", 3, "dislike")],
        settings=settings,
    )
    result = fold(graph, settings)
    assert (result.state, result.events, result.items, result.edges) == ("live", 3, 3, 6)
    assert (result.as_of, result.more) == (NOW + 2 * DAY, False)
    found = ask(
        graph, "MATCH (i)-[r:CO_OCCURS]->(j) RETURN i.id + j.id AS e, r.weight AS w, r.count AS n, r.updated_at AS t"
    )
    assert {row["e"]: (row["w"], row["n"], row["t"]) for row in found} == {
        "i0i1": (1.0, 1, NOW + DAY),
        "i1i0": (0.3, 1, NOW + DAY),
        "i1i2": (1.0, 1, NOW + 2 * DAY),
        "i2i1": (0.3, 1, NOW + 2 * DAY),
        "i0i2": (0.5, 1, NOW + 2 * DAY),
        "i2i0": (0.15, 1, NOW + 2 * DAY),
    }
    stamped = ask(graph, "MATCH (i:Item) RETURN i.id AS i, i.popularity AS p, i.edges_at AS at ORDER BY i")
    assert [row["p"] for row in stamped] == [1.0] * 3 + [None] * 5
    [state] = ask(graph, "MATCH (s:State {id: 'co_occurrence'}) RETURN s.folded_at AS at, s.as_of AS as_of")
    assert {row["at"] for row in stamped[:3]} == {state["at"]}
    assert state["as_of"] == NOW + 2 * DAY


def test_folding_twice_changes_nothing(graph: GraphStore, settings: Settings) -> None:
    apply_events(graph, random_events(1, 30), settings=settings)
    fold_all(graph, settings, 100)
    before = whole_graph(graph)
    result = fold(graph, settings)
    assert (result.events, result.items, result.edges, result.more) == (0, 0, 0, False)
    assert whole_graph(graph) == before


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_batching_equals_the_recount(graph: GraphStore, wide: Settings, seed: int) -> None:
    chance = random.Random(seed)
    events = random_events(seed, 70)
    chance.shuffle(events)
    left, folded = list(events), 0
    while left:
        size = chance.choice([1, 3, 10, 25])
        apply_events(graph, left[:size], settings=wide)
        left = left[size:]
        if chance.random() < 0.6:
            folded += fold(graph, wide, limit=chance.choice([1, 2, 5, 50])).events
    folded += fold_all(graph, wide, chance.choice([1, 4, 100]))
    assert folded == sum(e.type != "dislike" for e in events)
    edges, popular = rows(graph, wide), popularity(graph, wide)

    result = rebuild(graph, wide)
    recount = rows(graph, wide)
    assert (result.events, result.edges) == (folded, len(recount))
    assert result.as_of == max(e.at for e in events if e.type != "dislike")
    assert edges.keys() == recount.keys()
    for edge, (weight, count) in recount.items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9, abs=1e-12), count)
    assert popular == pytest.approx(popularity(graph, wide), rel=1e-9)


def test_two_folds_at_the_same_time_count_once(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(5, 80), settings=wide)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: fold(graph, wide, limit=15), range(8)))
    assert (
        sum(result.events for result in results) + fold_all(graph, wide, 15)
        == ask(graph, "MATCH (e:Event) WHERE e.type <> 'dislike' RETURN count(e) AS n")[0]["n"]
    )
    edges = rows(graph, wide)
    rebuild(graph, wide)
    for edge, (weight, count) in rows(graph, wide).items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9), count)


def test_events_and_folds_at_the_same_time(graph: GraphStore, wide: Settings) -> None:
    batches = [random_events(seed, 12) for seed in range(20, 36)]
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(apply_events, graph, batch, settings=wide) for batch in batches]
        folding = [pool.submit(fold, graph, wide, limit=10) for _ in range(12)]
        assert sum(result.result().accepted for result in writing) == 16 * 12
        assert all(result.result().state == "live" for result in folding)
    fold_all(graph, wide, 50)
    edges = rows(graph, wide)
    rebuild(graph, wide)
    recount = rows(graph, wide)
    assert edges.keys() == recount.keys()
    for edge, (weight, count) in recount.items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9), count)


def test_rows_keep_the_strongest_and_a_newcomer_must_beat_the_weakest(graph: GraphStore, settings: Settings) -> None:
    narrow = settings.model_copy(
        update={"co_occurrence": CoOccurrenceSettings(window=1, backward=0, max_edges_per_item=2, half_life_days=1e6)}
    )

    def buy(user: str, first: str, second: str) -> None:
        apply_events(graph, [event(f"{user}a", user, first, 0), event(f"{user}b", user, second, 0)], settings=narrow)

    for number, target in enumerate(["i1", "i1", "i2", "i3"]):
        buy(f"u{number}", "i0", target)
        fold(graph, narrow)
    assert {edge: round(weight, 3) for edge, (weight, _) in rows(graph, narrow).items()} == {
        ("i0", "i1"): 2.0,
        ("i0", "i2"): 1.0,
    }
    buy("u8", "i0", "i3")
    buy("u9", "i0", "i3")
    fold(graph, narrow)
    assert {edge: round(weight, 3) for edge, (weight, _) in rows(graph, narrow).items()} == {
        ("i0", "i1"): 2.0,
        ("i0", "i3"): 2.0,
    }
    rebuild(graph, narrow)
    assert {edge: (round(w, 3), n) for edge, (w, n) in rows(graph, narrow).items()} == {
        ("i0", "i1"): (2.0, 2),
        ("i0", "i3"): (3.0, 3),
    }


def test_a_bulk_import_waits_for_the_recount(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(1, 20), settings=wide)
    fold_all(graph, wide, 100)
    apply_events(graph, random_events(2, 20), settings=wide, mark_unfolded=False)
    apply_events(graph, random_events(3, 20), settings=wide)
    before = rows(graph, wide)
    assert fold(graph, wide).state == "rebuilding"
    assert rows(graph, wide) == before
    result = rebuild(graph, wide)
    assert result.events == ask(graph, "MATCH (e:Event) WHERE e.type <> 'dislike' RETURN count(e) AS n")[0]["n"]
    assert ask(graph, "MATCH (e:Unfolded) RETURN count(e) AS n") == [{"n": 0}]
    assert fold(graph, wide).state == "live"
    again = rows(graph, wide)
    rebuild(graph, wide)
    assert rows(graph, wide) == again


@pytest.mark.parametrize("stage", ["read", "count", "write"])
def test_a_recount_that_dies_is_done_by_the_next(graph: GraphStore, wide: Settings, stage: str) -> None:
    class KilledError(Exception):
        pass

    def die(reached: str, done: int, total: int) -> None:
        if reached == stage:
            raise KilledError

    apply_events(graph, random_events(4, 40), settings=wide)
    # An edge and a popularity that no event explains: they have to go.
    tell(
        graph,
        "MATCH (a:Item {id: 'i0'}), (b:Item {id: 'i7'}) "
        "CREATE (a)-[:CO_OCCURS {weight: 9, count: 9, updated_at: 0}]->(b)",
    )
    tell(graph, "CREATE (:Item {id: 'dead', popularity: 9.0, popularity_at: 0})")
    with pytest.raises(KilledError):
        rebuild(graph, wide, progress=die, batch_items=3)
    assert fold(graph, wide).state == "rebuilding"
    rebuild(graph, wide, batch_items=3)
    found = rows(graph, wide)
    assert found.get(("i0", "i7"), (0.0, 0))[1] < 9
    assert "dead" not in popularity(graph, wide)
    assert fold(graph, wide).events == 0
    tell(graph, "MATCH ()-[r:CO_OCCURS]->() DELETE r")
    rebuild(graph, wide)
    assert rows(graph, wide) == found


def test_events_that_come_during_a_recount_are_counted_once(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(6, 30), settings=wide)
    late = random_events(7, 30)

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "write" and late:
            apply_events(graph, late, settings=wide)
            late.clear()

    rebuild(graph, wide, progress=meanwhile, batch_items=2)
    assert fold_all(graph, wide, 100) == sum(e.type != "dislike" for e in random_events(7, 30))
    edges = rows(graph, wide)
    rebuild(graph, wide)
    for edge, (weight, count) in rows(graph, wide).items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9), count)


def test_an_import_during_a_recount_is_counted_in_another_round(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(6, 30), settings=wide)
    late = random_events(8, 30)

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "write" and late:
            apply_events(graph, late, settings=wide, mark_unfolded=False)
            late.clear()

    result = rebuild(graph, wide, progress=meanwhile)
    assert result.events == ask(graph, "MATCH (e:Event) WHERE e.type <> 'dislike' RETURN count(e) AS n")[0]["n"]
    assert fold(graph, wide).state == "live"


def test_an_import_that_never_ends_is_named(graph: GraphStore, wide: Settings) -> None:
    seeds = iter(range(50, 60))

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "count" and done == 0:
            apply_events(graph, random_events(next(seeds), 4), settings=wide, mark_unfolded=False)

    apply_events(graph, random_events(6, 5), settings=wide)
    with pytest.raises(ConflictError):
        rebuild(graph, wide, progress=meanwhile)
    assert fold(graph, wide).state == "rebuilding"


def test_a_second_recount_fences_the_first(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(6, 30), settings=wide)
    started = []

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "write" and not started:
            started.append(rebuild(graph, wide))

    with pytest.raises(FencedError):
        rebuild(graph, wide, progress=meanwhile, batch_items=2)
    assert fold(graph, wide).state == "live"


def test_nothing_to_count(graph: GraphStore, settings: Settings) -> None:
    result = rebuild(graph, settings)
    assert (result.events, result.items, result.edges, result.as_of) == (0, 0, 0, None)
    assert fold(graph, settings).state == "live"


def test_items_that_are_gone_keep_their_place_in_sequences(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, [event(n, "u", f"i{n}", n) for n in range(3)], settings=wide)
    tell(graph, "MATCH (i:Item {id: 'i1'}) DETACH DELETE i")
    fold(graph, wide)
    edges = rows(graph, wide)
    assert set(edges) == {("i0", "i2"), ("i2", "i0")}
    rebuild(graph, wide)
    assert rows(graph, wide) == edges


@pytest.mark.parametrize("batch_events", [1, 7, 100])
def test_withdrawing_a_user_leaves_what_a_recount_without_them_finds(
    graph: GraphStore, wide: Settings, batch_events: int
) -> None:
    apply_events(graph, random_events(11, 70), settings=wide)
    fold(graph, wide, limit=55)
    mine = ask(graph, "MATCH (e:Event {user_id: 'u1'}) RETURN count(e) AS n")[0]["n"]
    assert withdraw_events(graph, wide, "u1", batch_events=batch_events) == mine > 10
    assert ask(graph, "MATCH (e:Event {user_id: 'u1'}) RETURN count(e) AS n") == [{"n": 0}]
    fold_all(graph, wide, 100)
    edges, popular = rows(graph, wide), popularity(graph, wide)
    rebuild(graph, wide)
    recount = rows(graph, wide)
    assert edges.keys() == recount.keys()
    for edge, (weight, count) in recount.items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9), count)
    again = popularity(graph, wide)
    assert all(popular[item] == pytest.approx(again.get(item, 0.0), abs=1e-9) for item in popular)
    assert withdraw_events(graph, wide, "u1") == 0


def test_withdrawing_during_a_recount_makes_it_look_again(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(12, 40), settings=wide)
    removed: list[int] = []

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "write" and not removed:
            removed.append(withdraw_events(graph, wide, "u1"))

    result = rebuild(graph, wide, progress=meanwhile)
    assert removed[0] > 0
    assert result.events == ask(graph, "MATCH (e:Event) WHERE e.type <> 'dislike' RETURN count(e) AS n")[0]["n"]
    edges = rows(graph, wide)
    rebuild(graph, wide)
    assert rows(graph, wide) == edges
