"""Interests at a past time, with what is behind them and with the model's guess, on every database."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_vector_indexes, create_version, get_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.interests.declared import declare_interests
from engine.interests.evidence import Evidence
from engine.interests.read import read_interests
from engine.settings import Settings, load_settings

NOW = 20_000 * MS_PER_DAY
DAY = MS_PER_DAY
ABOUT = {"milk": [["dairy", 0.75], ["oat", 0.25]], "cheese": [["dairy", 1.0]], "nail": []}


@pytest.fixture
def settings() -> Settings:
    return load_settings()


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.write_transaction(
        lambda tx: tx.run_text(
            """UNWIND $items AS item MERGE (i:Item {id: item.id}) SET i.title = toUpper(item.id)
            WITH i, item UNWIND item.about AS about MERGE (x:Interest {id: about[0]})
            SET x.kind = 'category', x.name = about[0]
            MERGE (i)-[r:ABOUT]->(x) SET r.weight = about[1]""",
            items=[{"id": item, "about": about} for item, about in ABOUT.items()],
        ).consume()
    )
    return store


def test_a_past_time_gives_what_the_graph_said_then(graph: GraphStore, settings: Settings) -> None:
    chance = random.Random(4)
    events = []
    for n in range(60):
        at = NOW + int(chance.uniform(-200, 0) * DAY)
        kind = chance.choice(["view", "purchase", "dislike", "dwell", "search", "impression"])
        if kind == "search":
            events.append(Event(f"e{n}", kind, "ann", None, at, query="dairy and oat"))
        else:
            events.append(Event(f"e{n}", kind, "ann", chance.choice(list(ABOUT)), at, 60.0))
    events.sort(key=lambda event: event.at)
    then = []
    for start in range(0, 60, 12):
        apply_events(graph, events[start : start + 12], settings=settings)
        at = events[start + 11].at
        said = read_interests(graph, "ann", settings=settings, at=at)
        assert not said.past
        then.append(said)
    for said in then[:-1]:
        found = read_interests(graph, "ann", settings=settings, at=said.at)
        assert found.past
        assert found.complete
        assert [(x.id, x.kind, x.name, x.count, x.updated_at) for x in found.interests] == [
            (x.id, x.kind, x.name, x.count, x.updated_at) for x in said.interests
        ]
        assert [x.share for x in found.interests] == pytest.approx([x.share for x in said.interests], abs=1e-9)
        assert found.mass == pytest.approx(said.mass, abs=1e-9)
    few = settings.model_copy(update={"interests": settings.interests.model_copy(update={"past_events_max": 5})})
    assert not read_interests(graph, "ann", settings=few, at=then[1].at).complete
    before = read_interests(graph, "ann", settings=settings, at=events[0].at - 1)
    assert (before.known, before.interests, before.mass) == (True, (), 0.0)


def test_what_was_declared_later_has_no_part_in_the_past(graph: GraphStore, settings: Settings) -> None:
    apply_events(graph, [Event("1", "purchase", "ann", "cheese", NOW)], settings=settings)
    apply_events(graph, [Event("2", "purchase", "ann", "milk", NOW + 9 * DAY)], settings=settings)
    declare_interests(graph, "ann", {"oat": 3.0}, at=NOW + 5 * DAY)
    at_four = read_interests(graph, "ann", settings=settings, at=NOW + 4 * DAY).interests
    assert [(x.id, x.declared) for x in at_four] == [("dairy", 0.0)]
    at_six = read_interests(graph, "ann", settings=settings, at=NOW + 6 * DAY).interests
    assert {x.id: x.declared for x in at_six} == {"dairy": 0.0, "oat": 3.0}


def test_evidence_names_items_with_what_each_gave(graph: GraphStore, settings: Settings) -> None:
    half_life = int(settings.interests.half_life_days) * DAY
    apply_events(
        graph,
        [
            Event("1", "purchase", "ann", "cheese", NOW - half_life),
            Event("2", "purchase", "ann", "cheese", NOW),
            Event("3", "dislike", "ann", "milk", NOW),
            Event("4", "search", "ann", None, NOW, query="dairy"),
            Event("5", "purchase", "ann", "nail", NOW),
        ],
        settings=settings,
    )
    found = read_interests(graph, "ann", settings=settings, at=NOW, evidence=5)
    [dairy] = [x for x in found.interests if x.id == "dairy"]
    assert dairy.count == 4
    assert dairy.evidence == (
        Evidence("cheese", "CHEESE", "purchase", 1.5, 2, NOW),
        Evidence("milk", "MILK", "dislike", -0.75, 1, NOW),
        Evidence(None, None, "search", 0.3, 1, NOW),
    )
    assert dairy.behaviour == pytest.approx(sum(part.gave for part in dairy.evidence))
    short = read_interests(graph, "ann", settings=settings, at=NOW, evidence=1, limit=1)
    assert [len(x.evidence) for x in short.interests] == [1]
    past = read_interests(graph, "ann", settings=settings, at=NOW - 1, evidence=5)
    assert [(part.item_id, part.count) for part in past.interests[0].evidence] == [("cheese", 1)]


def test_the_guess_of_the_model_gives_way_to_evidence(graph: GraphStore, settings: Settings) -> None:
    version = "v20260130235959"  # its own: vector indexes outlive a test, and other tests' have other lengths
    create_version(graph, dim=2, model="m", metrics={}, version=version)
    graph.write_transaction(
        lambda tx: tx.run_text(
            "UNWIND ['ann', 'bob'] AS id CREATE (:User {id: id}) "
            "MERGE (:Interest {id: 'tea', kind: 'category', name: 'tea'})"
        ).consume()
    )
    fence = Fence(version)
    write_vectors(graph, "User", ["ann"], np.array([[1, 0]], np.float32), fence=fence)
    angles = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    write_vectors(graph, "Interest", ["dairy", "oat", "tea"], angles, fence=fence)
    create_vector_indexes(graph, get_version(graph, version))
    mark_ready(graph, version)
    assert read_interests(graph, "ann", settings=settings, at=NOW).interests == ()
    activate(graph, version)
    # Cosines 1, 0 and -1: above the least of them 2, 1 and 0.
    alone = read_interests(graph, "ann", settings=settings, at=NOW)
    assert alone.mass == 0.0
    assert {x.id: x.share for x in alone.interests} == pytest.approx({"dairy": 2 / 3, "oat": 1 / 3})
    assert {x.id: x.model for x in alone.interests} == pytest.approx({"dairy": 2 / 3, "oat": 1 / 3})
    apply_events(graph, [Event("1", "purchase", "ann", "cheese", NOW)], settings=settings)
    found = read_interests(graph, "ann", settings=settings, at=NOW)
    assert {x.id: x.share for x in found.interests} == pytest.approx({"dairy": 5 / 6, "oat": 1 / 6})
    plain = read_interests(graph, "ann", settings=settings, at=NOW, model=False)
    assert [(x.id, x.share) for x in plain.interests] == [("dairy", 1.0)]
    assert read_interests(graph, "bob", settings=settings, at=NOW).interests == ()
