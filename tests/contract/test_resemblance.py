"""Items that resemble each other, in the graph: written where they differ, told once, in nobody's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from structlog.testing import capture_logs

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.forgetting.items import forget_item
from engine.graph.entities import Item, upsert_items
from engine.graph.resemblance import replace_resembling
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence
from engine.model.inferred_edges import InferenceRule
from engine.pipelines import resemblance
from engine.pipelines.inferred import NewItems
from engine.pipelines.item_views import GraphItems
from engine.pipelines.resemblance import resemble_in_graph
from engine.settings import Settings
from engine.verification.verify import verify
from tests.support.profile import db_hits, profile
from tests.support.resembling import LATER, NOW, PAIRS, RULE, VERSION, edges, resemble, stamp
from tests.support.resembling import graph as graph
from tests.support.resembling import settings as settings


def test_every_item_leads_to_those_it_resembles(graph: GraphStore, settings: Settings) -> None:
    assert resemble(graph, settings) == 4
    found = edges(graph)
    assert set(found) == PAIRS
    shared, own = log(6 / 3) + 1, log(6 / 2) + 1
    for pair, similarity in {("pot", "cup"): shared**2 / (shared**2 + own**2), ("red", "new"): 1.0}.items():
        assert found[pair]["similarity"] == pytest.approx(similarity, abs=1e-6)
        assert found[pair]["similarity"] <= 1.0
        assert set(found[pair]) == {"similarity", "version", "updated_at"}
        assert found[pair]["version"] == VERSION
    assert stamp(graph) >= found["pot", "cup"]["updated_at"]


def test_what_is_there_is_not_written_again(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    before, told = edges(graph), stamp(graph)
    assert resemble(graph, settings) == 0
    # That another version says the same is no reason.
    assert resemble(graph, settings, version=LATER) == 0
    assert edges(graph) == before
    assert stamp(graph) == told


def test_a_changed_item_changes_its_own_row_and_those_of_its_like(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    told = stamp(graph)
    upsert_items(graph, [Item("chair", title="Red chair")])
    assert resemble(graph, settings, version=LATER) == 6
    lamps = {("red", "new"), ("new", "red"), ("red", "chair"), ("new", "chair"), ("chair", "red"), ("chair", "new")}
    versions = {pair: edge["version"] for pair, edge in edges(graph).items()}
    assert versions == {**dict.fromkeys(lamps, LATER), ("pot", "cup"): VERSION, ("cup", "pot"): VERSION}
    assert stamp(graph) > told
    told = stamp(graph)
    upsert_items(graph, [Item("chair", title="Stool")])
    assert resemble(graph, settings) == 2
    assert set(edges(graph)) == PAIRS
    assert stamp(graph) > told


def test_no_more_than_the_rule_says(graph: GraphStore, settings: Settings) -> None:
    upsert_items(graph, [Item("chair", title="Red chair")])
    assert resemble(graph, settings, replace(RULE, neighbours=1)) == 5
    found = edges(graph)
    assert {("red", "new"), ("new", "red")} < set(found)
    assert len({source for source, _ in found}) == 5


def test_other_items_as_similar_are_no_reason_to_write(graph: GraphStore) -> None:
    ids = ["chair", "cup", "new", "pot", "red"]

    def replaced(targets: Sequence[int], similarity: float | None = None, known: float = 0.5) -> int:
        rows = np.zeros(len(targets), dtype=np.int64)
        wanted = sparse.csr_array((np.full(len(targets), known), (rows, np.array(targets))), shape=(5, 5))
        given = None if similarity is None else lambda _, others: np.full(len(others), similarity)
        return replace_resembling(graph, ids, wanted, fence=Fence(VERSION), basis=RULE.basis, similarity=given)

    assert replaced([1, 2]) == 2
    assert replaced([1, 3], 0.5) == 0
    assert replaced([1, 2, 3], 0.5) == 3
    assert replaced([1, 2, 4], 0.6) == 3
    assert replaced([1, 2, 3]) == 3
    # What is known of them, or what is wanted, is another.
    assert replaced([1, 2, 4], 0.5, known=0.6) == 3
    assert replaced([1, 2, 4], known=0.605) == 0
    assert replaced([1, 2, 4], known=0.62) == 3


def test_writing_some_of_many_costs_what_it_writes(graph: GraphStore) -> None:
    graph.write_auto("UNWIND range(0, 999) AS n CREATE (:Item {id: 'item ' + right('0000' + n, 5)})")
    graph.write_auto(
        "MATCH (i:Item) WHERE i.id STARTS WITH 'item' WITH collect(i) AS all UNWIND range(0, 999) AS n "
        "UNWIND range(1, 20) AS step WITH all[n] AS i, all[(n + step) % 1000] AS j CREATE (i)-[:RESEMBLES]->(j)"
    )
    rows = [
        {
            "source": f"item {number:05}",
            "targets": [f"item {number + 2 * step:05}" for step in range(1, 21)],
            "similarities": [0.5] * 20,
        }
        for number in range(20)
    ]
    found = profile(graph, "resemblance/write", rows=rows, now=1, basis="words", **Fence(VERSION).parameters())
    assert found[0].rows == 1
    assert not any(operator.reads_everything for operator in found)
    assert db_hits(found) < 20 * 20 * 20


def test_they_go_with_the_item(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    forget_item(graph, settings, "new")
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}
    # Among four items a word that two have is worth less, by more than the bound.
    assert resemble(graph, settings) == 2
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}


@pytest.mark.parametrize("view", ["words+content", "image"])
def test_without_its_view_nothing_resembles(graph: GraphStore, settings: Settings, view: str) -> None:
    rule = replace(RULE, view=view)
    assert resemble(graph, settings, rule) == 0
    assert stamp(graph) == 0
    resemble(graph, settings)
    told = stamp(graph)
    assert resemble(graph, settings, rule) == 0
    assert edges(graph) == {}
    assert stamp(graph) > told


def test_texts_are_encoded_where_items_are_compared_by_them(graph: GraphStore, settings: Settings) -> None:
    seen: list[Sequence[str]] = []

    def encode(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        seen.append(texts)
        return np.array([[text.startswith("Tea"), text == "Chair"] for text in texts], dtype=np.float32)

    items = GraphItems(graph, encode=encode)
    rule = replace(RULE, view="content")
    assert resemble_in_graph(graph, settings, rule, fence=Fence(VERSION), items=items) == 2
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}
    assert items.views("words+content") is items.views("content")
    assert items.views("image") is None
    assert seen == [["Chair", "Tea cup", "Lamp red", "Tea pot", "Red lamp"]]


def test_above_the_limit_nothing_is_joined(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    resemble(graph, settings)
    monkeypatch.setattr(resemblance, "MOST_ITEMS", 4)
    with capture_logs() as logs:
        assert resemble(graph, settings) == 0
    assert [(log["event"], log["log_level"], log["items"], log["most"]) for log in logs] == [
        ("too_many_items_to_compare", "warning", 5, 4)
    ]
    assert edges(graph) == {}
    # Below it again everything is compared, whatever changed.
    monkeypatch.setattr(resemblance, "MOST_ITEMS", 5)
    assert resemble_in_graph(graph, settings, RULE, fence=Fence(VERSION), changed=[]) == 4


def test_counting_inference_and_verification_never_meet_them(graph: GraphStore, settings: Settings) -> None:
    steps = [("pot", 3), ("red", 2), ("chair", 1)]
    events = [
        Event(f"{user} {item}", "purchase", user, item, NOW - days * MS_PER_DAY)
        for user in ("ann", "ben")
        for item, days in steps
    ]
    apply_events(graph, events, settings=settings)
    fold(graph, settings)
    rule = InferenceRule("words", 1, power=1.0, own=1.0, exponent=1.0, factor=0.5)
    inferred = NewItems(graph, settings, rule).infer(Fence(VERSION))
    resemble(graph, settings)
    before = edges(graph)
    assert NewItems(graph, settings, rule).infer(Fence(VERSION)) == inferred
    assert verify(graph, settings).ok
    rebuild(graph, settings)
    assert verify(graph, settings).ok
    apply_events(graph, [Event("late", "purchase", "cid", "new", NOW)], settings=settings)
    fold(graph, settings)
    assert verify(graph, settings).ok
    assert edges(graph) == before
