"""The two steps of the fold: crashes between and within them, shards side by side, what a recount does to moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.cooccurrence.fold import fold, take
from engine.cooccurrence.rebuild import rebuild
from engine.cooccurrence.settle import settle, settle_all
from engine.cooccurrence.withdraw import withdraw, withdraw_events
from engine.events.apply import apply_events
from engine.graph.store import GraphStore, Tx
from engine.settings import CoOccurrenceSettings, Settings
from tests.integration.test_cooccurrence import ITEMS, ask, event, fold_all, popularity, random_events, rows, tell


@pytest.fixture
def settings(neo4j_server: Settings) -> Settings:
    return neo4j_server


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    tell(store, "UNWIND $ids AS id CREATE (:Item {id: id})", ids=ITEMS)
    return store


@pytest.fixture
def wide(settings: Settings) -> Settings:
    return with_shards(settings, 1)


def with_shards(settings: Settings, shards: int) -> Settings:
    options = CoOccurrenceSettings(window=4, half_life_days=30, shards=shards)
    return settings.model_copy(update={"co_occurrence": options})


def waiting(store: GraphStore) -> dict[str, Any]:
    [row] = store.read("cooccurrence/waiting")
    return row


def equals_recount(store: GraphStore, settings: Settings) -> None:
    edges, popular = rows(store, settings), popularity(store, settings)
    rebuild(store, settings)
    recount = rows(store, settings)
    assert edges.keys() == recount.keys()
    for edge, (weight, count) in recount.items():
        assert edges[edge] == (pytest.approx(weight, rel=1e-9, abs=1e-12), count)
    again = popularity(store, settings)
    # What deleted events gave an item that has no other events is taken back to nothing.
    assert {item for item, mass in popular.items() if mass > 1e-9} == {item for item, mass in again.items() if mass}
    assert {item: mass for item, mass in popular.items() if item in again} == pytest.approx(again, rel=1e-9, abs=1e-9)


@dataclass
class Cut:
    """Raises in place of, or after, one statement of a transaction."""

    monkeypatch: pytest.MonkeyPatch
    left: list[str] = field(default_factory=list)

    def at(self, statement: str) -> None:
        run = Tx.run

        def cut(tx: Tx, name: str, /, **parameters: Any) -> Any:
            found = run(tx, name, **parameters)
            if name == statement and statement in self.left:
                self.left.remove(statement)
                raise KilledError
            return found

        self.left.append(statement)
        self.monkeypatch.setattr(Tx, "run", cut)


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "statement",
    ["take", "put_moves", "waiting_moves", "change_edges", "make_edges", "settled", "stamp"],
)
def test_a_fold_that_dies_anywhere_counts_once(
    graph: GraphStore, wide: Settings, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_events(graph, random_events(1, 40), settings=wide)
    fold_all(graph, wide, 100)
    apply_events(graph, random_events(2, 40), settings=wide)
    cut = Cut(monkeypatch)
    cut.at(f"cooccurrence/{statement}")
    with pytest.raises(KilledError):
        fold(graph, wide, limit=15)
    assert cut.left == []
    fold_all(graph, wide, 15)
    assert (waiting(graph)["unfolded"], waiting(graph)["moves"]) == (0, 0)
    equals_recount(graph, wide)


def test_a_process_killed_while_it_folds_counts_once(graph: GraphStore, wide: Settings) -> None:
    code = """
import os, sys
from engine.cooccurrence.fold import fold
from engine.graph.store import GraphStore
from engine.settings import CoOccurrenceSettings, load_settings
settings = load_settings().model_copy(update={"co_occurrence": CoOccurrenceSettings(window=4, half_life_days=30)})
with GraphStore.open(settings) as store:
    print("ready", flush=True)
    while fold(store, settings, limit=3).more:
        print("folded", flush=True)
print("ended", flush=True)
"""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "REDIS_"))},
        "INTERESTGRAPH_HOME": str(graph.settings.home),
        "INTERESTGRAPH_NEO4J__VERSION": graph.settings.neo4j.version,
    }
    apply_events(graph, random_events(3, 90), settings=wide)
    for pause in (0.0, 0.01, 0.03, 0.07):
        with subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            assert process.stdout.readline() in ("folded\n", "ended\n")
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
    fold_all(graph, wide, 50)
    equals_recount(graph, wide)


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_side_by_side_lose_no_move(graph: GraphStore, settings: Settings, shards: int) -> None:
    many = with_shards(settings, shards)
    for seed in range(4):
        apply_events(graph, random_events(seed, 40), settings=many)

    def work(shard: int) -> int:
        taken = 0
        for _ in range(12):
            taken += take(graph, many, limit=9)
            settle(graph, many, shard)
        return taken

    with ThreadPoolExecutor(2 * shards) as pool:
        taken = sum(pool.map(work, [*range(shards), *range(shards)]))
    taken += fold_all(graph, many, 9)
    assert taken == ask(graph, "MATCH (e:Event) WHERE e.type <> 'dislike' RETURN count(e) AS n")[0]["n"]
    assert waiting(graph) | {"state": "live", "shards": shards, "moves": 0, "unfolded": 0} == waiting(graph)
    equals_recount(graph, many)


def test_another_number_of_shards_holds_when_no_move_waits(graph: GraphStore, settings: Settings) -> None:
    one, two = with_shards(settings, 1), with_shards(settings, 2)
    apply_events(graph, random_events(1, 60), settings=two)
    assert take(graph, two, limit=20) == 20
    assert take(graph, one, limit=10) == 10
    assert (waiting(graph)["shards"], waiting(graph)["moves"]) == (2, 4)
    settle_all(graph, two, 2)
    assert take(graph, one, limit=100) > 0
    assert (waiting(graph)["shards"], waiting(graph)["moves"]) == (1, 1)
    fold_all(graph, one, 10)
    equals_recount(graph, one)


def test_a_recount_drops_the_moves_that_it_counts(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(4, 30), settings=wide)
    take(graph, wide, limit=12)
    assert waiting(graph)["moves"] == 1
    rebuild(graph, wide)
    assert (waiting(graph)["moves"], waiting(graph)["unfolded"]) == (0, 0)
    found = rows(graph, wide)
    fold_all(graph, wide, 5)
    assert rows(graph, wide) == found


def test_a_shard_that_was_under_way_when_a_recount_began_changes_nothing(
    graph: GraphStore, wide: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_events(graph, random_events(4, 30), settings=wide)
    take(graph, wide, limit=12)
    run = Tx.run

    def slow(tx: Tx, name: str, /, **parameters: Any) -> Any:
        if name == "cooccurrence/settled":
            graph.write("cooccurrence/mark_stale")
        return run(tx, name, **parameters)

    monkeypatch.setattr(Tx, "run", slow)
    assert settle(graph, wide, 0).moves == 0
    monkeypatch.undo()
    assert (rows(graph, wide), waiting(graph)["moves"]) == ({}, 1)
    rebuild(graph, wide)
    fold_all(graph, wide, 50)
    equals_recount(graph, wide)


def test_a_move_that_cannot_be_read_has_everything_counted_again(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(4, 30), settings=wide)
    take(graph, wide, limit=12)
    tell(graph, "MATCH (m:Move) SET m.payload = $payload", payload=b"\x07")
    assert fold(graph, wide).state == "rebuilding"
    rebuild(graph, wide)
    assert waiting(graph)["moves"] == 0
    equals_recount(graph, wide)


def test_events_of_several_users_are_withdrawn_in_any_state(graph: GraphStore, wide: Settings) -> None:
    """Some are settled, some taken and some wait still."""
    events = random_events(8, 60)
    apply_events(graph, events, settings=wide)
    fold(graph, wide, limit=20)
    take(graph, wide, limit=15)
    gone = [one for number, one in enumerate(events) if number % 3 == 0]

    def work(tx: Tx, batch: list[Any]) -> None:
        withdraw(
            tx,
            wide,
            [
                {"id": e.id, "user_id": e.user_id, "item_id": e.item_id, "type": e.type, "at": e.at, "value": e.value}
                for e in batch
            ],
        )
        tx.run("events/delete", ids=[e.id for e in batch])

    for start in range(0, len(gone), 7):
        batch = gone[start : start + 7]
        graph.write_transaction(lambda tx, batch=batch: work(tx, batch))  # type: ignore[misc]
        if start == 7:
            fold(graph, wide, limit=5)
    fold_all(graph, wide, 50)
    assert ask(graph, "MATCH (e:Event) RETURN count(e) AS n") == [{"n": len(events) - len(gone)}]
    equals_recount(graph, wide)


def test_a_user_withdrawn_while_others_fold_leaves_no_trace(graph: GraphStore, wide: Settings) -> None:
    apply_events(graph, random_events(9, 80), settings=wide)
    take(graph, wide, limit=30)
    with ThreadPoolExecutor(3) as pool:
        deleting = pool.submit(withdraw_events, graph, wide, "u0", batch_events=5)
        for _ in range(6):
            pool.submit(fold, graph, wide, limit=7)
        assert deleting.result() > 0
    fold_all(graph, wide, 50)
    equals_recount(graph, wide)


def test_a_row_grows_by_its_slack_before_it_is_cut(graph: GraphStore, settings: Settings) -> None:
    options = CoOccurrenceSettings(window=1, backward=0, max_edges_per_item=2, slack=0.5, half_life_days=1e6)
    narrow = settings.model_copy(update={"co_occurrence": options})
    number = 0

    def buy(target: str, times: int) -> set[tuple[str, float]]:
        nonlocal number
        for _ in range(times):
            number += 1
            pair = [event(f"{number}a", f"u{number}", "i0", 0), event(f"{number}b", f"u{number}", target, 0)]
            apply_events(graph, pair, settings=narrow)
        fold(graph, narrow)
        return {(edge[1], round(weight, 3)) for edge, (weight, _) in rows(graph, narrow).items()}

    buy("i1", 3)
    assert buy("i2", 2) == {("i1", 3.0), ("i2", 2.0)}
    assert buy("i3", 2) == {("i1", 3.0), ("i2", 2.0)}, "a newcomer has to beat the second"
    assert buy("i3", 3) == {("i1", 3.0), ("i3", 3.0), ("i2", 2.0)}, "the displaced one stays for a while"
    assert buy("i2", 2) == {("i1", 3.0), ("i3", 3.0), ("i2", 4.0)}, "and takes what comes"
    assert buy("i4", 4) == {("i2", 4.0), ("i4", 4.0)}, "the fourth has the row cut back to two"


def test_a_changed_row_is_always_seen_by_its_stamp(graph: GraphStore, settings: Settings) -> None:
    """Readers ask for stamps above the newest that they know, while two shards are settled."""
    many = with_shards(settings, 2)
    apply_events(graph, random_events(2, 90), settings=many)
    known: dict[str, Any] = {}
    since = 0

    def look() -> None:
        nonlocal since
        [pulse] = graph.read("cooccurrence/pending")
        changed = ask(graph, "MATCH (i:Item) WHERE i.edges_at > $since RETURN i.id AS id", since=since)
        for row in graph.read("cooccurrence/rows", ids=[item["id"] for item in changed]):
            known[row["id"]] = sorted(zip(row["targets"], row["weights"], row["times"], strict=True))
        since = pulse["folded_at"] or 0

    with ThreadPoolExecutor(2) as pool:
        folding = [pool.submit(fold_all, graph, many, 4) for _ in range(2)]
        while not all(future.done() for future in folding):
            look()
        assert sum(future.result() for future in folding) > 0
    look()
    look()
    found = {
        row["i"]: sorted((j, w, t) for j, w, t in row["edges"])
        for row in ask(
            graph, "MATCH (i)-[r:CO_OCCURS]->(j) RETURN i.id AS i, collect([j.id, r.weight, r.updated_at]) AS edges"
        )
    }
    assert {item: row for item, row in known.items() if row} == found
