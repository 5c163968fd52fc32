from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.accuracy.complete_journey import convert
from engine.evaluation.files import read_events
from engine.importing.datasets.base import Dataset, Part
from engine.importing.events import EventMapping
from engine.importing.items import ItemMapping
from engine.importing.reading import TableSource
from engine.importing.users import UserMapping

AT = 1_500_000_000_000
PRODUCTS = pl.DataFrame(
    {
        "id": ["1", "2"],
        "title": ["Whole milk", 'Bread, "white"'],
        "category": ["milk|cream", None],
        "product_type": ["milk", "bread"],
        "brand": ["store brand", "brand 7"],
        "department": ["dairy", "bakery"],
    }
)
PURCHASES = pl.DataFrame({"user_id": [9, 8], "item_id": [2, 1], "at": [AT + 1, AT], "value": [1.0, 2.0]})


def test_purchases_become_events_in_the_order_of_time(tmp_path: Path) -> None:
    found = Dataset(
        (
            Part(TableSource("products", PRODUCTS, "a"), ItemMapping()),
            Part(TableSource("households", pl.DataFrame({"id": [8, 9]}), "b"), UserMapping()),
            Part(TableSource("purchases", PURCHASES, "c"), EventMapping(type="purchase")),
        )
    )
    assert convert(found, tmp_path) == (2, 2)
    source = read_events(tmp_path / "events.csv.gz", event_types=("purchase",), items=tmp_path / "items.csv.gz")
    assert source.interactions.user_ids == ["8", "9"]
    assert source.interactions.times.tolist() == [AT, AT + 1]
    assert source.items.ids == ["1", "2"]
    assert source.items.titles == ["Whole milk", 'Bread, "white"']
    of_item = [
        sorted(source.items.interest_ids[column] for column in source.items.about[[row]].indices) for row in (0, 1)
    ]
    assert of_item[0] == [
        "attributes:brand:store brand",
        "attributes:category:milk/cream",
        "attributes:department:dairy",
        "attributes:product_type:milk",
    ]
    assert of_item[1] == ["attributes:brand:brand 7", "attributes:department:bakery", "attributes:product_type:bread"]
