"""The graph as training data, on the real database."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain import Event
from engine.errors import TrainingError
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.pipelines.dataset import event_vocabulary, item_text, read_dataset
from engine.settings import Settings, load_settings

START = 1_700_000_000_000


@pytest.fixture
def settings() -> Settings:
    return load_settings()


def test_sequences_are_in_the_order_of_time_and_hold_steps_only(store: GraphStore, settings: Settings) -> None:
    upsert_items(
        store,
        [
            Item(id="a", title="Milk", about=[About("category", "dairy", 3), About("brand", "farm", 1)]),
            Item(id="b", title="Bread", attributes={"description": "Rye, dark."}),
            Item(id="c"),
        ],
    )
    events = [
        Event("e3", "purchase", "u2", "a", START + 5),
        Event("e2", "view", "u1", "c", START + 1),
        Event("e1", "purchase", "u1", "b", START + 1),
        Event("e0", "purchase", "u1", "a", START + 9),
        Event("e4", "dislike", "u1", "b", START + 2),
        Event("e5", "search", "u3", None, START, query="milk"),
        Event("e6", "purchase", "u4", "gone", START),
    ]
    apply_events(store, events, settings=settings, create_missing=True)
    store.write_transaction(lambda tx: tx.run_text("MATCH (i:Item {id: 'gone'}) DETACH DELETE i").consume())
    seen: list[str] = []
    data = read_dataset(store, settings, progress=lambda stage, done, total: seen.append(stage))
    table = data.interactions
    types = event_vocabulary(settings)
    assert list(data.items.ids) == ["a", "b", "c"]
    assert list(data.items.titles) == ["Milk", "Bread", ""]
    assert list(table.user_ids) == ["u1", "u2"]
    assert table.offsets.tolist() == [0, 3, 4]
    # e1 before e2: at the same time the id decides, as everywhere.
    assert [data.items.ids[item] for item in table.items] == ["b", "c", "a", "a"]
    assert [types[place] for place in table.types] == ["purchase", "view", "purchase", "purchase"]
    assert table.times.tolist() == [START + 1, START + 1, START + 9, START + 5]
    about = dict(zip(data.items.interest_ids, data.items.about.toarray().T.tolist(), strict=True))
    assert about == {"category:dairy": [0.75, 0, 0], "brand:farm": [0.25, 0, 0]}
    assert set(seen) == {"reads items", "reads events"}
    assert table.items.dtype == np.int32


def test_a_graph_without_items_says_what_to_do(store: GraphStore, settings: Settings) -> None:
    with pytest.raises(TrainingError, match="interestgraph import"):
        read_dataset(store, settings)


@pytest.mark.parametrize(
    ("title", "description", "text"),
    [
        ("Milk", None, "Milk"),
        (" Milk. ", "Fresh. ", "Milk. Fresh"),
        (None, "Fresh", "Fresh"),
        (None, None, ""),
        ("Milk", ["a", "b"], "Milk"),
    ],
)
def test_text_of_an_item(title: str | None, description: object, text: str) -> None:
    assert item_text(title, description) == text
