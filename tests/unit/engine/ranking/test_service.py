from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import NotFoundError
from engine.ranking.answers import RecommendationList
from engine.ranking.filters import Filters
from engine.ranking.profile import UserState
from engine.ranking.service import rank, similar_items
from engine.ranking.state import Snapshot
from engine.settings import RankingSettings
from tests.support.model_folder import write_model
from tests.support.snapshots import NOW, VERSION, item, snapshot_of, space_of, user

OPTIONS = RankingSettings(candidates=50)
EDGES = {"a": {"b": 3.0, "c": 1.0}}


def items(snapshot: Snapshot, who: UserState, n: int = 3, diversity: float = 0.0) -> RecommendationList:
    return rank(snapshot, who, n, filters=Filters(), diversity=diversity, options=OPTIONS, explain=False, now=NOW)


def test_a_newcomer_gets_what_is_popular_in_each_field() -> None:
    snapshot = snapshot_of(
        [
            item("milk", about=[("dairy", 1.0)], popularity=100),
            item("butter", about=[("dairy", 1.0)], popularity=90),
            item("bread", about=[("bakery", 1.0)], popularity=30),
        ],
        interests=["dairy", "bakery"],
    )
    found = items(snapshot, UserState("nobody", False), 2)
    assert (found.newcomer, found.known, found.version) == (True, False, None)
    assert [entry.item_id for entry in found.items] == ["milk", "bread"]
    assert found.reordered
    assert found.diversity == 0.5


def test_declared_interests_lead_a_newcomer() -> None:
    snapshot = snapshot_of(
        [item("milk", about=[("dairy", 1.0)], popularity=50), item("bread", about=[("bakery", 1.0)])],
        interests=["dairy", "bakery"],
    )
    assert [entry.item_id for entry in items(snapshot, user(), 1).items] == ["milk"]
    assert [entry.item_id for entry in items(snapshot, user(shares={"bakery": 1.0}), 1).items] == ["bread"]


def test_a_history_of_deleted_items_is_a_newcomers() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    assert items(snapshot, user("gone")).newcomer
    assert not items(snapshot, user("gone", "a")).newcomer


def test_equal_scores_are_ordered_by_id() -> None:
    snapshot = snapshot_of([item(name) for name in ("q", "c", "x", "a", "m")])
    assert [entry.item_id for entry in items(snapshot, user("x"), 2).items] == ["a", "c"]


def test_diversity_changes_the_order_and_not_the_scores() -> None:
    snapshot = snapshot_of(
        [item(name, about=[(field, 1.0)]) for name, field in [("a", "x"), ("b", "y"), ("c", "y"), ("d", "z")]],
        {"a": {"b": 3.0, "c": 2.9, "d": 2.0}},
        interests=["x", "y", "z"],
    )
    plain, diverse = items(snapshot, user("a")), items(snapshot, user("a"), diversity=0.7)
    assert [entry.item_id for entry in plain.items] == ["b", "c", "d"]
    assert [entry.item_id for entry in diverse.items] == ["b", "d", "c"]
    assert (plain.reordered, diverse.reordered) == (False, True)
    assert {entry.item_id: entry.score for entry in plain.items} == {
        entry.item_id: entry.score for entry in diverse.items
    }
    assert [entry.rank for entry in diverse.items] == [1, 2, 3]


def test_an_empty_catalogue_answers_with_nothing() -> None:
    found = items(snapshot_of([]), user("a"))
    assert found.items == ()
    assert not found.complete


def test_an_answer_is_plain_data() -> None:
    snapshot = snapshot_of([item("a"), item("b", brand="x"), item("c")], EDGES)
    found = rank(snapshot, user("a"), 2, filters=Filters(), diversity=0.0, options=OPTIONS, explain=True, now=NOW)
    plain = json.loads(json.dumps(found.to_dict()))
    assert [entry["item_id"] for entry in plain["items"]] == ["b", "c"]
    assert plain["items"][0]["attributes"] == {"brand": "x"}
    assert plain["cut"] == {"seen": 1}
    assert (plain["asked"], plain["complete"]) == (2, True)


def test_similar_items_by_hand(tmp_path: Path) -> None:
    write_model(tmp_path, VERSION, 2)
    snapshot = snapshot_of(
        [
            item("a", about=[("x", 1.0)]),
            item("b", about=[("x", 0.6), ("y", 0.8)]),
            item("c"),
            item("d"),
            item("e", available=False, about=[("x", 1.0)]),
        ],
        EDGES,
        interests=["x", "y"],
        space=space_of(tmp_path, [[2, 0], [3, 4], [-1, 0], [0, 0], [2, 0]]),
    )
    found = similar_items(snapshot, "a", 10)
    assert [entry.item_id for entry in found.items] == ["b", "c"]
    assert found.items[0].parts == pytest.approx(
        {"embedding": 0.5 * 0.6, "co_occurrence": 0.35, "interests": 0.15 * 0.6}
    )
    assert found.items[1].parts == pytest.approx({"embedding": 0.0, "co_occurrence": 0.35 / 3, "interests": 0.0})
    for entry in found.items:
        assert sum(entry.parts.values()) == entry.score
    with pytest.raises(NotFoundError):
        similar_items(snapshot, "z", 10)


def test_similar_items_without_vectors_share_the_weight() -> None:
    snapshot = snapshot_of(
        [item("a", about=[("x", 1.0)]), item("b", about=[("x", 1.0)]), item("c")], EDGES, interests=["x"]
    )
    [first, _] = similar_items(snapshot, "a", 10).items
    assert first.item_id == "b"
    assert first.parts == pytest.approx({"co_occurrence": 0.7, "interests": 0.3})
    assert np.isclose(first.score, 1)
