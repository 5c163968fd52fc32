from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from engine.domain import VersionState
from engine.errors import ArtefactError, ConflictError, FencedError, InvalidInputError, NotFoundError
from engine.graph.entities import About, Item, User, upsert_items, upsert_users
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors, vectors_changed_since
from engine.graph.versions import (
    activate,
    active_version,
    create_version,
    drop_vectors,
    get_version,
    list_versions,
    mark_ready,
    nearest_items,
    retire,
)
from engine.graph.writeback import Fence, write_attention, write_vectors

OLD, NEW = "v20260131120000", "v20260201120000"
DIM = 8


def vectors(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)


def items(store: GraphStore, count: int) -> list[str]:
    ids = [f"i{number:03d}" for number in range(count)]
    upsert_items(store, [Item(name, about=[About("tag", "a"), About("tag", name)]) for name in ids])
    return ids


def version(store: GraphStore, name: str = OLD, *, ready: bool = False) -> str:
    create_version(store, dim=DIM, model="test", version=name, metrics={"ndcg": 0.1})
    if ready:
        mark_ready(store, name)
    return name


def rows(store: GraphStore, text: str, **parameters: Any) -> list[Any]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).values())


def indexes(store: GraphStore, name: str) -> list[Any]:
    """Vector indexes of a version; those of other tests may still be there, and stay, because making them is slow."""
    text = "SHOW INDEXES YIELD name, type, state WHERE type = 'VECTOR' AND name ENDS WITH $name RETURN name, state"
    return sorted(rows(store, text, name=name))


def test_a_version_is_made_once_with_its_indexes(store: GraphStore) -> None:
    made = create_version(store, dim=DIM, model="test", version=OLD, metrics={"ndcg": 0.1}, at=5)
    assert (made.state, made.dim, made.model, made.created_at, made.metrics) == (
        VersionState.BUILDING,
        DIM,
        "test",
        5,
        {"ndcg": 0.1},
    )
    assert create_version(store, dim=DIM, model="other", version=OLD, at=9) == made
    assert indexes(store, OLD) == [[f"{label}_embedding_{OLD}", "ONLINE"] for label in ("interest", "item", "user")]
    with pytest.raises(ConflictError):
        create_version(store, dim=DIM + 1, model="test", version=OLD)


def test_versions_made_in_the_same_second_get_ids_of_their_own(store: GraphStore) -> None:
    names = [create_version(store, dim=DIM, model="test", at=1_769_860_800_000).id for _ in range(2)]
    assert names == ["v20260131120000", "v20260131120001"]
    assert [found.id for found in list_versions(store)] == names[::-1]


@pytest.mark.parametrize(("dim", "name"), [(0, OLD), (100_000, OLD), (4, "v1"), (4, "v2026013112000x")])
def test_wrong_dimensions_and_ids_are_refused(store: GraphStore, dim: int, name: str) -> None:
    with pytest.raises(InvalidInputError):
        create_version(store, dim=dim, model="test", version=name)


def test_the_life_of_two_versions(store: GraphStore) -> None:
    assert active_version(store) is None
    version(store, OLD)
    with pytest.raises(ConflictError, match="building, not ready"):
        activate(store, OLD)
    assert active_version(store) is None
    mark_ready(store, OLD, metrics={"ndcg": 0.2})
    assert activate(store, OLD, at=10) is None
    assert activate(store, OLD, at=11) is None  # it stays
    version(store, NEW, ready=True)
    assert activate(store, NEW, at=20) == OLD
    active = active_version(store)
    assert active is not None
    assert (active.id, active.state, active.activated_at) == (NEW, VersionState.ACTIVE, 20)
    assert get_version(store, OLD).state is VersionState.READY
    assert get_version(store, OLD).metrics == {"ndcg": 0.2}
    with pytest.raises(ConflictError, match="Activate another"):
        retire(store, NEW)
    assert activate(store, OLD) == NEW  # back again
    assert retire(store, NEW).state is VersionState.RETIRED
    assert retire(store, NEW).state is VersionState.RETIRED
    for move in (activate, mark_ready):
        with pytest.raises(ConflictError):
            move(store, NEW)
    assert mark_ready(store, OLD).state is VersionState.ACTIVE


def test_exactly_one_is_active_after_many_activations_at_once(store: GraphStore) -> None:
    for name in (OLD, NEW):
        version(store, name, ready=True)
    threads = [threading.Thread(target=activate, args=(store, name)) for name in (OLD, NEW) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    active = active_version(store)
    assert active is not None
    states = {found.id: found.state for found in list_versions(store)}
    assert states == {name: VersionState.ACTIVE if name == active.id else VersionState.READY for name in (OLD, NEW)}


def test_a_version_that_is_not_there(store: GraphStore) -> None:
    for call in (get_version, mark_ready, retire, activate, drop_vectors):
        with pytest.raises(NotFoundError):
            call(store, OLD)
    assert rows(store, "MATCH (s:State) RETURN s") == []


def test_vectors_come_back_as_they_were_written(store: GraphStore) -> None:
    ids, values = items(store, 30), vectors(30)
    fence = Fence(version(store))
    told: list[int] = []
    order = list(reversed(range(30)))
    written = write_vectors(
        store, "Item", [ids[n] for n in order], values[order], fence=fence, batch_size=13, progress=told.append
    )
    assert written == 30
    assert told == [13, 26, 30]
    found = read_vectors(store, OLD)
    assert found.ids == ids
    assert found.matrix.dtype == np.float32
    np.testing.assert_array_equal(found.matrix, values)
    some = read_vectors(store, OLD, ids=["i004", "nothing", "i001"])
    assert some.ids == ["i001", "i004"]
    np.testing.assert_array_equal(some.matrix, values[[1, 4]])
    assert read_vectors(store, NEW).matrix.shape == (0, 0)


def test_users_and_interests_have_vectors_too(store: GraphStore) -> None:
    items(store, 1)
    upsert_users(store, [User("ann")])
    fence = Fence(version(store))
    for label, name in (("User", "ann"), ("Interest", "tag:a")):
        assert write_vectors(store, label, [name, "gone"], vectors(2), fence=fence) == 1
        np.testing.assert_array_equal(read_vectors(store, OLD, label).matrix, vectors(2)[:1])
    with pytest.raises(InvalidInputError):
        write_vectors(store, "Event", ["e"], vectors(1), fence=fence)


def test_a_repeated_delivery_changes_only_stamps(store: GraphStore) -> None:
    ids, values = items(store, 5), vectors(5)
    fence = Fence(version(store))
    write_vectors(store, "Item", ids, values, fence=fence)
    first = get_version(store, OLD).vectors_at
    write_vectors(store, "Item", ids, values, fence=fence)
    assert get_version(store, OLD).vectors_at > first
    np.testing.assert_array_equal(read_vectors(store, OLD).matrix, values)
    assert rows(store, f"MATCH (i:Item) RETURN count(i.embedding_{OLD})") == [[5]]


def test_what_changed_since_a_stamp(store: GraphStore) -> None:
    ids, values = items(store, 5), vectors(5)
    fence = Fence(version(store))
    write_vectors(store, "Item", ids, values, fence=fence)
    stamp = get_version(store, OLD).vectors_at
    assert vectors_changed_since(store, OLD, "Item", stamp).ids == []
    write_vectors(store, "Item", ids[1:3], values[3:], fence=fence)
    changed = vectors_changed_since(store, OLD, "Item", stamp)
    assert changed.ids == ids[1:3]
    np.testing.assert_array_equal(changed.matrix, values[3:])


def test_a_retired_version_is_not_written(store: GraphStore) -> None:
    ids = items(store, 3)
    version(store, ready=True)
    retire(store, OLD)
    with pytest.raises(FencedError):
        write_vectors(store, "Item", ids, vectors(3), fence=Fence(OLD))
    with pytest.raises(FencedError):
        write_attention(store, "ABOUT", ids[:1], ["tag:a"], np.ones(1), fence=Fence(OLD))
    assert read_vectors(store, OLD).ids == []


def test_a_stale_run_writes_nothing(store: GraphStore) -> None:
    ids = items(store, 4)
    version(store)
    store.write_auto("CREATE (:Job {id: 'j', state: 'running', fence: 2})")
    good, stale, unknown = (Fence(OLD, "j", 2), Fence(OLD, "j", 1), Fence(OLD, "k", 1))
    assert write_vectors(store, "Item", ids, vectors(4), fence=good) == 4
    before = get_version(store, OLD)
    for fence in (stale, unknown):
        with pytest.raises(FencedError):
            write_vectors(store, "Item", ids, vectors(4, seed=1), fence=fence)
        with pytest.raises(FencedError):
            write_attention(store, "ABOUT", ids[:1], ["tag:a"], np.ones(1), fence=fence)
    assert get_version(store, OLD) == before
    np.testing.assert_array_equal(read_vectors(store, OLD).matrix, vectors(4))
    assert rows(store, f"MATCH ()-[r]->() WHERE r.attention_{OLD} IS NOT NULL RETURN count(r)") == [[0]]


def test_a_run_fenced_half_way_stops_there(store: GraphStore) -> None:
    ids = items(store, 4)
    version(store)
    store.write_auto("CREATE (:Job {id: 'j', state: 'running', fence: 1})")

    def overtake(done: int) -> None:
        store.write_auto("MATCH (j:Job {id: 'j'}) SET j.fence = 2")

    with pytest.raises(FencedError):
        write_vectors(store, "Item", ids, vectors(4), fence=Fence(OLD, "j", 1), batch_size=2, progress=overtake)
    assert read_vectors(store, OLD).ids == ids[:2]


def test_wrong_vectors_are_refused(store: GraphStore) -> None:
    ids = items(store, 2)
    fence = Fence(version(store))
    with pytest.raises(ArtefactError, match="length 8"):
        write_vectors(store, "Item", ids, np.zeros((2, 3), np.float32), fence=fence)
    broken = vectors(2)
    broken[1, 3] = np.nan
    with pytest.raises(InvalidInputError) as caught:
        write_vectors(store, "Item", ids, broken, fence=fence)
    assert caught.value.value == ids[1]
    with pytest.raises(InvalidInputError):
        write_vectors(store, "Item", ids, vectors(1), fence=fence)
    assert read_vectors(store, OLD).ids == []


def test_attention_is_written_on_relationships_that_are_there(store: GraphStore) -> None:
    items(store, 3)
    store.write_auto(
        "MATCH (a:Item {id: 'i000'}), (b:Item {id: 'i001'}) CREATE (a)-[:CO_OCCURS {weight: 1.0, updated_at: 1}]->(b)"
    )
    fence = Fence(version(store))
    targets = ["i001", "i002", "i000"]
    sources, learned = ["i000", "i000", "i001"], np.array([0.75, 0.5, 0.5])
    assert write_attention(store, "CO_OCCURS", sources, targets, np.full(3, 0.25), learned=learned, fence=fence) == 1
    assert (
        write_attention(store, "ABOUT", ["i000", "i002"], ["tag:a", "tag:i002"], np.array([0.5, 1]), fence=fence) == 2
    )
    found = rows(
        store,
        f"""MATCH (i)-[r]->(o) WHERE r.attention_{OLD} IS NOT NULL
        RETURN i.id, type(r), o.id, r.attention_{OLD}, r.learned_{OLD} ORDER BY i.id, o.id""",
    )
    assert found == [
        ["i000", "CO_OCCURS", "i001", 0.25, 0.75],
        ["i000", "ABOUT", "tag:a", 0.5, None],
        ["i002", "ABOUT", "tag:i002", 1.0, None],
    ]
    with pytest.raises(InvalidInputError):
        write_attention(store, "ABOUT", ["i000"], ["tag:a"], np.array([np.inf]), fence=fence)
    with pytest.raises(InvalidInputError, match="learnt weight"):
        write_attention(store, "CO_OCCURS", ["i000"], ["i001"], np.ones(1), fence=fence)


def test_the_nearest_items_are_found_by_the_index(store: GraphStore) -> None:
    ids, values = items(store, 40), vectors(40)
    write_vectors(store, "Item", ids, values, fence=Fence(version(store)))
    found = nearest_items(store, OLD, values[7], limit=5)
    cosine = (values @ values[7]) / np.linalg.norm(values, axis=1) / np.linalg.norm(values[7])
    best = np.argsort(-cosine)[:5]
    # The index is approximate: it may put one of equal strength in the place of the fifth.
    assert found[0][0] == ids[7]
    assert len({name for name, _ in found} & {ids[place] for place in best}) >= 4
    exact = dict(zip(ids, (1 + cosine) / 2, strict=True))
    assert [score for _, score in found] == pytest.approx([exact[name] for name, _ in found], abs=1e-3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    with pytest.raises(ArtefactError):
        nearest_items(store, OLD, values[7, :3], limit=5)
    with pytest.raises(InvalidInputError):
        nearest_items(store, OLD, np.zeros(DIM), limit=5)  # type: ignore[arg-type]


def test_a_dropped_version_leaves_nothing_and_touches_no_other(store: GraphStore) -> None:
    ids = items(store, 12)
    upsert_users(store, [User("ann")])
    for name in (OLD, NEW):
        fence = Fence(version(store, name, ready=True))
        write_vectors(store, "Item", ids, vectors(12), fence=fence)
        write_vectors(store, "User", ["ann"], vectors(1), fence=fence)
        write_attention(store, "ABOUT", ids[:2], ["tag:a"] * 2, np.ones(2), fence=fence)
    with pytest.raises(ConflictError, match="not retired"):
        drop_vectors(store, OLD)
    retire(store, OLD)
    told: list[int] = []
    assert drop_vectors(store, OLD, batch_size=5, delete=True, progress=told.append) == 15
    assert told == sorted(told)
    keys = rows(
        store,
        """MATCH (n) UNWIND keys(n) AS key RETURN DISTINCT key
        UNION MATCH ()-[r]->() UNWIND keys(r) AS key RETURN DISTINCT key""",
    )
    assert not [key for [key] in keys if key.endswith(OLD)]
    assert [found.id for found in list_versions(store)] == [NEW]
    assert read_vectors(store, NEW).ids == ids
    assert indexes(store, OLD) == []
    assert len(indexes(store, NEW)) == 3
