"""The statements of serving, on every supported server."""

from __future__ import annotations

import numpy as np
import pytest

from cypher import catalogue
from engine.cooccurrence.fold import fold
from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.interests.read import read_interests
from engine.ranking.profile import read_user
from engine.ranking.refresher import Refresher
from engine.settings import Settings
from tests.contract.test_event_plans import explain

NOW = 20_000 * MS_PER_DAY
WHOLE = {"ranking/items", "ranking/rows", "ranking/census", "ranking/interests"}
"""Statements that read a whole label: at the first load, or seldom."""


@pytest.mark.parametrize(
    "name", [s.name for s in catalogue.statements() if s.name.startswith("ranking/") and s.name not in WHOLE]
)
def test_what_runs_often_reads_by_index(store: GraphStore, name: str) -> None:
    for operator, details in explain(store, name):
        assert not operator.endswith(("LabelScan", "TypeScan", "IndexScan", "AllNodesScan")), (operator, details)


def test_a_snapshot_and_a_user(store: GraphStore) -> None:
    settings = Settings()
    about = [About("category", "Dairy"), About("brand", "Mill", 3.0)]
    upsert_items(
        store, [Item("a", title="A", attributes={"size": 2, "text": "long " * 100}, about=about), Item("b"), Item("c")]
    )
    events = [
        Event("1", "purchase", "u", "a", NOW - 3 * MS_PER_DAY),
        Event("2", "view", "u", "b", NOW - 2 * MS_PER_DAY),
        Event("3", "dislike", "u", "c", NOW - MS_PER_DAY),
        Event("4", "view", "u", "c", NOW - 4 * MS_PER_DAY),
    ]
    apply_events(store, events, settings=settings)
    fold(store, settings)
    refresher = Refresher(store, settings)
    refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    index = snapshot.catalogue.index
    assert sorted(index) == ["a", "b", "c"]
    assert snapshot.catalogue.attributes[index["a"]] == {"size": 2}
    interests, weights = snapshot.catalogue.about.of_item(index["a"])
    assert dict(zip([snapshot.interests.ids[x] for x in interests], weights.tolist(), strict=True)) == {
        "category:dairy": 0.25,
        "brand:mill": 0.75,
    }
    # c, a, b were seen one after the other: from c to a 1, to b 1/2, the row divided by the root of its sum.
    targets, strengths = snapshot.following(index["c"])
    order = [snapshot.catalogue.ids[place] for place in targets[np.argsort(-strengths)]]
    assert order == ["a", "b"]
    assert refresher.refresh() is False

    user = read_user(store, "u", settings=settings, at=NOW, with_seen=True)
    assert [(step.item_id, step.type) for step in user.history] == [("b", "view"), ("a", "purchase"), ("c", "view")]
    assert sorted(user.seen) == ["a", "b", "c"]
    assert list(user.disliked) == ["c"]
    expected = read_interests(store, "u", settings=settings, at=NOW).interests
    assert dict(user.shares) == pytest.approx(
        {interest.id: interest.share for interest in expected if interest.share > 0}
    )
    assert read_user(store, "u", settings=settings, at=NOW, with_seen=False).seen == []
    assert read_user(store, "nobody", settings=settings, at=NOW, with_seen=True).known is False
