"""Relations of interests, topics and similar users on both servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engine.domain import MS_PER_DAY, Event
from engine.errors import FencedError, InvalidInputError
from engine.events.apply import apply_events
from engine.graph.entities import About, Follow, Item, User, get_item, set_follows, upsert_items, upsert_users
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.interests.relations import begin_relations, relations_due, write_relations
from engine.pipelines.relations import relate_interests
from engine.pipelines.topics import discover_topics
from engine.settings import Settings, load_settings
from engine.social.items import neighbours_items
from engine.social.neighbours import neighbours
from engine.social.similar import (
    begin_similar,
    changed_users,
    finish_similar,
    most_similar,
    read_standing,
    similar_users_due,
    write_similar,
)
from tests.support.profile import profile

NOW = 20_000 * MS_PER_DAY


def rows_of(store: GraphStore, text: str, **parameters: Any) -> list[list[Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).values())


def related(store: GraphStore) -> dict[tuple[str, str], float]:
    text = "MATCH (x)-[r:RELATED_TO {source: 'shared'}]->(y) RETURN x.id, y.id, r.weight"
    return {(source, target): weight for source, target, weight in rows_of(store, text)}


def shop(store: GraphStore, settings: Settings) -> None:
    """Three users like tea and honey, three like beer and crisps."""
    items = [Item(name, title=name, about=[About("category", name)]) for name in ("tea", "honey", "beer", "crisps")]
    upsert_items(store, items, at=NOW)
    bought = {"tea": "abc", "honey": "abc", "beer": "xyz", "crisps": "xyz"}
    events = [Event(f"{user}{item}", "purchase", user, item, NOW) for item, users in bought.items() for user in users]
    apply_events(store, events, settings=settings, create_missing=True)


@pytest.fixture
def settings() -> Settings:
    return load_settings(relations={"min_users": 2, "min_items": 2, "max_related": 3})


def test_interests_that_users_share_are_related(store: GraphStore, settings: Settings) -> None:
    shop(store, settings)
    assert relations_due(store, settings)
    counted = relate_interests(store, settings, run="one", at=NOW)
    pairs = {("category:tea", "category:honey"), ("category:beer", "category:crisps")}
    found = related(store)
    assert set(found) == pairs | {(y, x) for x, y in pairs}
    # P(x) = 1/4, P(x, y) = 1/8, npmi 1/3; three users with a minimum of two, and users have half of the weight.
    assert list(found.values()) == pytest.approx([1 / 6 * 3 / 5] * 4)
    assert counted == {"interests": 4, "users": 6, "items": 4, "relations": 4}
    [edge] = rows_of(
        store,
        "MATCH (:Interest {id: 'category:tea'})-[r:RELATED_TO]->() RETURN r.users, r.items, r.by_users, r.by_items",
    )
    assert edge == [3, 0, pytest.approx(1 / 3), 0.0]


def test_old_relations_go_and_those_of_others_stay(store: GraphStore, settings: Settings) -> None:
    shop(store, settings)
    text = (
        "MATCH (x:Interest {id: 'category:tea'}), (y:Interest {id: 'category:beer'}) "
        "CREATE (x)-[:RELATED_TO {source: $source, weight: 1.0}]->(y)"
    )
    for source in ("shared", "hand"):
        store.write_transaction(lambda tx, source=source: tx.run_text(text, source=source).consume())
    relate_interests(store, settings, run="one", at=NOW)
    assert ("category:tea", "category:beer") not in related(store)
    assert rows_of(store, "MATCH ()-[r:RELATED_TO {source: 'hand'}]->() RETURN r.weight") == [[1.0]]
    again = related(store)
    relate_interests(store, settings, run="two", at=NOW)
    assert related(store) == again


def test_relations_are_due_by_the_clock_and_by_change(store: GraphStore, settings: Settings) -> None:
    assert not relations_due(store, settings)
    shop(store, settings)
    [[changed]] = rows_of(store, "MATCH (u:User) RETURN max(u.events_at)")
    relate_interests(store, settings, run="one", at=changed + 1)
    late = changed + 2 + 1_000 * int(settings.relations.interval_s)
    assert not relations_due(store, settings, now=late)
    store.write_transaction(
        lambda tx: tx.run_text("MATCH (u:User {id: 'a'}) SET u.events_at = $at", at=changed + 5).consume()
    )
    assert not relations_due(store, settings, now=changed + 6)
    assert relations_due(store, settings, now=late)


def test_a_count_that_is_overtaken_writes_nothing(store: GraphStore, settings: Settings) -> None:
    shop(store, settings)
    begin_relations(store, "old", at=NOW)
    begin_relations(store, "new", at=NOW)
    row = {"source": "category:tea", "related": [["category:beer", 0.5, 0.5, 0.5, 9, 9]]}
    with pytest.raises(FencedError):
        write_relations(store, [row], run="old", at=NOW)
    assert related(store) == {}


TEXTS = {"a1": "green tea leaves", "a2": "black tea leaves", "b1": "dark beer bottle", "b2": "pale beer bottle"}


def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    return np.array([[1.0, 0.0] if "tea" in text else [0.0, 1.0] for text in texts], dtype=np.float32)


def about(store: GraphStore, item_id: str) -> dict[str, float]:
    return {entry.id: pytest.approx(entry.weight) for entry in get_item(store, item_id).about}


def test_topics_take_their_part_of_an_item(store: GraphStore) -> None:
    settings = load_settings(topics={"number": 2, "part": 0.2, "words": 2})
    items = [
        Item(name, title=text, about=[About("category", "drinks"), About("brand", "x", 3)])
        for name, text in TEXTS.items()
    ]
    plain = [Item("bare", title="tea"), Item("silent", about=[About("category", "drinks")])]
    upsert_items(store, [*items, *plain], at=NOW)
    found = discover_topics(store, settings, encode=encode, run="one")
    assert found == {"topics": 2, "kept": 0, "items": 5, "dropped": 0}
    assert about(store, "a1") == {"topic:tea, leaves": 0.2, "category:drinks": 0.2, "brand:x": 0.6}
    assert about(store, "bare") == {"topic:tea, leaves": 1.0}
    assert about(store, "silent") == {"category:drinks": 1.0}
    # Found again nothing changes; put again the item keeps its topic; with other content it has none.
    assert discover_topics(store, settings, encode=encode, run="two")["kept"] == 2
    assert about(store, "a1") == {"topic:tea, leaves": 0.2, "category:drinks": 0.2, "brand:x": 0.6}
    assert upsert_items(store, items, at=NOW + 1).unchanged == 4
    assert about(store, "a1")["topic:tea, leaves"] == 0.2
    upsert_items(store, [Item("a1", title="coffee", about=[About("category", "drinks")])], at=NOW + 2)
    assert about(store, "a1") == {"category:drinks": 1.0}


def test_topics_without_items_go(store: GraphStore) -> None:
    settings = load_settings(topics={"number": 2, "words": 2})
    upsert_items(store, [Item(name, title=text) for name, text in TEXTS.items()], at=NOW)
    discover_topics(store, settings, encode=encode, run="one")
    upsert_items(store, [Item(name, title=f"tea {name}") for name in TEXTS], at=NOW + 1)
    found = discover_topics(store, settings, encode=encode, run="two")
    assert found["dropped"] >= 1
    topics = rows_of(store, "MATCH (x:Interest) RETURN x.id, count { (x)<-[:ABOUT]-() }")
    assert [count for _, count in topics] == [4]


def vectors(angles: dict[str, float]) -> tuple[list[str], npt.NDArray[np.float32]]:
    return list(angles), np.array([[np.cos(a), np.sin(a)] for a in angles.values()], dtype=np.float32)


def embedded(store: GraphStore, angles: dict[str, float]) -> str:
    """Give users vectors at angles, under an active version."""
    upsert_users(store, [User(name) for name in angles], at=NOW)
    version = create_version(store, dim=2, model="none", at=NOW).id
    write_vectors(store, "User", *vectors(angles), fence=Fence(version))
    mark_ready(store, version)
    activate(store, version)
    return version


def similar(store: GraphStore) -> dict[tuple[str, str], float]:
    rows = rows_of(store, "MATCH (u)-[r:SIMILAR_TO]->(v) RETURN u.id, v.id, r.similarity")
    return {(source, target): similarity for source, target, similarity in rows}


def compare(store: GraphStore, settings: Settings, *, everyone: bool, run: str = "one") -> None:
    standing = read_standing(store)
    version = str(standing.version)
    begin_similar(store, run)
    users = (
        sorted(user for [user] in rows_of(store, "MATCH (u:User) RETURN u.id"))
        if everyone
        else changed_users(store, version, standing.made_until)
    )
    rows = most_similar(store, version, users, settings=settings)
    write_similar(store, version, rows, settings=settings, run=run, at=NOW, both_ways=not everyone)
    finish_similar(store, standing, settings, run=run)


def brute_force(angles: dict[str, float], threshold: float, limit: int) -> dict[tuple[str, str], float]:
    found = {}
    for user, angle in angles.items():
        near = sorted(
            ((float(np.cos(angle - other_angle)), other) for other, other_angle in angles.items() if other != user),
            key=lambda pair: (-pair[0], pair[1]),
        )
        found.update({(user, other): cosine for cosine, other in near[:limit] if cosine >= threshold})
    return found


def test_similar_users_are_those_of_a_full_comparison(store: GraphStore) -> None:
    settings = load_settings(social={"threshold": 0.8, "max_similar": 3})
    angles = {f"u{number}": float(angle) for number, angle in enumerate(np.random.default_rng(5).uniform(0, 6, 25))}
    embedded(store, angles)
    upsert_users(store, [User("without a vector")], at=NOW)
    compare(store, settings, everyone=True)
    assert similar(store) == pytest.approx(brute_force(angles, 0.8, 3), abs=1e-5)


def test_a_changed_vector_moves_the_relationships_both_ways(store: GraphStore) -> None:
    settings = load_settings(social={"threshold": 0.8, "max_similar": 2})
    angles = {"a": 0.0, "b": 0.1, "c": 0.25, "x": 3.0, "y": 3.2}
    version = embedded(store, angles)
    assert read_standing(store).made_version is None
    compare(store, settings, everyone=True)
    assert similar(store) == pytest.approx(brute_force(angles, 0.8, 2), abs=1e-5)
    angles["b"] = 3.1
    write_vectors(store, "User", *vectors({"b": 3.1}), fence=Fence(version))
    assert similar_users_due(store)
    assert changed_users(store, version, read_standing(store).made_until) == ["b"]
    compare(store, settings, everyone=False, run="two")
    found = similar(store)
    expected = brute_force(angles, 0.8, 2)
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_run_that_is_overtaken_writes_nothing(store: GraphStore) -> None:
    settings = load_settings(social={"threshold": 0.5})
    version = embedded(store, {"a": 0.0, "b": 0.1})
    rows = most_similar(store, version, ["a", "b"], settings=settings)
    begin_similar(store, "old")
    begin_similar(store, "new")
    with pytest.raises(FencedError):
        write_similar(store, version, rows, settings=settings, run="old", at=NOW, both_ways=False)
    assert similar(store) == {}


def friends(store: GraphStore) -> None:
    upsert_users(store, [User(name) for name in "abcd"], at=NOW)
    text = (
        "UNWIND [['a', 'b', 0.9], ['b', 'c', 0.8], ['a', 'c', 0.3]] AS row "
        "MATCH (u:User {id: row[0]}), (v:User {id: row[1]}) "
        "CREATE (u)-[:SIMILAR_TO {similarity: row[2]}]->(v)"
    )
    store.write_transaction(lambda tx: tx.run_text(text).consume())
    set_follows(store, [Follow("a", "d", 3.0), Follow("a", "b", 1.0)])


def test_neighbours_by_similarity_and_by_following(store: GraphStore) -> None:
    settings = load_settings(social={"hop_decay": 0.5})
    friends(store)
    found = neighbours(store, "a", settings=settings, depth=2)
    assert [(near.id, near.weight, near.hops, near.path, near.via) for near in found] == [
        ("b", pytest.approx(0.9), 1, ("b",), "similar"),
        ("d", pytest.approx(0.75), 1, ("d",), "follows"),
        ("c", pytest.approx(0.36), 2, ("b", "c"), "similar"),
    ]
    assert [near.id for near in neighbours(store, "a", settings=settings, follows=False)] == ["b", "c"]
    assert neighbours(store, "nobody", settings=settings) == []
    with pytest.raises(InvalidInputError) as caught:
        neighbours(store, "a", settings=settings, depth=4)
    assert (caught.value.field, caught.value.value) == ("depth", 4)


def test_items_of_neighbours(store: GraphStore) -> None:
    settings = load_settings()
    friends(store)
    half_life = int(settings.events.types["purchase"].half_life_days)
    events = [
        Event("1", "purchase", "b", "milk", NOW),
        Event("2", "purchase", "d", "milk", NOW - half_life * MS_PER_DAY),
        Event("3", "purchase", "d", "tea", NOW),
        Event("4", "purchase", "a", "own", NOW),
    ]
    apply_events(store, events, settings=settings, create_missing=True)
    found = neighbours_items(store, "a", settings=settings, at=NOW)
    assert [(item.item_id, item.weight) for item in found] == [
        ("milk", pytest.approx(0.9 * 1 / 2 + 0.75 * 0.5 / 1.5)),
        ("tea", pytest.approx(0.75 * 1 / 2)),
    ]
    assert found[0].by == (("b", pytest.approx(0.45)), ("d", pytest.approx(0.25)))
    assert neighbours_items(store, "nobody", settings=settings, at=NOW) == []


def test_neighbours_are_found_without_reading_all(store: GraphStore) -> None:
    friends(store)
    store.write_auto("UNWIND range(1, 3000) AS n CREATE (:User {id: 'other ' + n})")
    operators = profile(store, "social/near", ids=["a", "b"], follows=True, limit=20)
    assert not any(operator.reads_everything for operator in operators)
    assert sum(operator.db_hits for operator in operators) < 200
