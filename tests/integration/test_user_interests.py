"""Interests of a user on a real graph: behaviour and declared, with shares as of a time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.domain import MS_PER_DAY, Event
from engine.errors import InvalidInputError, UnknownReferenceError
from engine.events.apply import apply_events
from engine.graph.store import GraphStore
from engine.interests.declared import declare_interests
from engine.interests.read import read_interests
from engine.settings import Settings

NOW = 20_000 * MS_PER_DAY


@pytest.fixture
def settings(neo4j_server: Settings) -> Settings:
    return neo4j_server


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.write_transaction(
        lambda tx: tx.run_text(
            """CREATE (milk:Item {id: 'milk'}), (bread:Item {id: 'bread'}),
            (dairy:Interest {id: 'category:dairy', kind: 'category', name: 'dairy'}),
            (bakery:Interest {id: 'category:bakery', kind: 'category', name: 'bakery'}),
            (milk)-[:ABOUT {weight: 1.0}]->(dairy), (bread)-[:ABOUT {weight: 1.0}]->(bakery)"""
        ).consume()
    )
    return store


def buy(graph: GraphStore, settings: Settings, item: str, day: int) -> tuple[str, ...]:
    event = Event(f"{item}{day}", "purchase", "u", item, NOW + day * MS_PER_DAY)
    return apply_events(graph, [event], settings=settings).bookmarks


def test_shares_follow_behaviour_and_time(graph: GraphStore, settings: Settings) -> None:
    half_life_days = int(settings.interests.half_life_days)
    buy(graph, settings, "milk", 0)
    bookmarks = buy(graph, settings, "bread", half_life_days)
    at = NOW + half_life_days * MS_PER_DAY
    found = read_interests(graph, "u", settings=settings, at=at, bookmarks=bookmarks)
    assert (found.known, found.at, found.mass) == (True, at, 1.5)
    assert [(x.id, x.kind, x.name) for x in found.interests] == [
        ("category:bakery", "category", "bakery"),
        ("category:dairy", "category", "dairy"),
    ]
    assert [x.share for x in found.interests] == pytest.approx([2 / 3, 1 / 3])
    assert [x.behaviour for x in found.interests] == pytest.approx([1.0, 0.5])
    later = read_interests(graph, "u", settings=settings, at=at + half_life_days * MS_PER_DAY, limit=1)
    assert later.mass == pytest.approx(0.75)
    assert [x.share for x in later.interests] == pytest.approx([2 / 3])


def test_declared_interests_stand_beside_behaviour(graph: GraphStore, settings: Settings) -> None:
    buy(graph, settings, "milk", 0)
    assert declare_interests(graph, "u", {"category:bakery": 2.0, "category:dairy": 1}, at=NOW) == 2
    found = read_interests(graph, "u", settings=settings, at=NOW).interests
    assert {x.name: (x.behaviour, x.declared, x.share) for x in found} == {
        "bakery": (0.0, 2.0, 0.5),
        "dairy": (1.0, 1.0, 0.5),
    }
    assert declare_interests(graph, "u", {"category:bakery": 1.0}, at=NOW + 1) == 1
    assert declare_interests(graph, "u", {}, at=NOW + 2) == 0
    assert [x.name for x in read_interests(graph, "u", settings=settings, at=NOW).interests] == ["dairy"]


def test_declaring_makes_the_user(graph: GraphStore, settings: Settings) -> None:
    declare_interests(graph, "new", {"category:dairy": 1.0}, at=NOW)
    assert read_interests(graph, "new", settings=settings, at=NOW).known


def test_an_unknown_interest_writes_nothing(graph: GraphStore, settings: Settings) -> None:
    declare_interests(graph, "u", {"category:dairy": 1.0}, at=NOW)
    with pytest.raises(UnknownReferenceError) as caught:
        declare_interests(graph, "u", {"category:dairy": 2.0, "category:tea": 1.0}, at=NOW)
    assert caught.value.value == "category:tea"
    assert [x.declared for x in read_interests(graph, "u", settings=settings, at=NOW).interests] == [1.0]


@pytest.mark.parametrize(
    "weights",
    [{"x": 0.0}, {"x": -1.0}, {"x": float("nan")}, {"x": float("inf")}, {"x": True}, {"x": "1"}],
)
def test_a_wrong_weight_is_named(graph: GraphStore, weights: Mapping[str, float]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        declare_interests(graph, "u", weights, at=NOW)
    assert caught.value.field == "interests.x"


def test_a_user_who_is_not_there_has_none(graph: GraphStore, settings: Settings) -> None:
    found = read_interests(graph, "nobody", settings=settings)
    assert (found.known, found.mass, found.interests) == (False, 0.0, ())
