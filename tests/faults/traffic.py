"""Events for the faults: real purchases, given other types, and the order in which they are sent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from engine.graph.records import About, Item
from engine.importing.datasets import complete_journey
from engine.settings import EventSettings

NEGATIVE = {"remove": 0.02, "return": 0.02, "dislike": 0.03, "hide": 0.02}
POSITIVE = {"purchase": 0.4, "view": 0.2, "click": 0.05, "cart": 0.05, "like": 0.05, "share": 0.02, "rating": 0.06}
SHARES = {**POSITIVE, **NEGATIVE, "dwell": 0.06, "search": 0.01, "follow": 0.01}
"""How often each type comes; a type that the registry lacks is left out."""

_WORDS = ("milk", "bread", "cheese", "soup", "snacks", "beverage")
_MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is sent, and to whom it refers.

    Attributes:
        items: Items that must be there before.
        events: Each once, in the order of time.
    """

    items: tuple[Item, ...]
    events: tuple[dict[str, Any], ...]

    def sends(self, seed: int, *, repeats: float = 0.2) -> list[dict[str, Any]]:
        """Give every event at least once, a share of them once more, in random order."""
        choose = random.Random(seed)
        sends = [*self.events, *choose.sample(self.events, round(repeats * len(self.events)))]
        choose.shuffle(sends)
        return sends


def traffic(events: int, *, items: int, seed: int, settings: EventSettings, hot: float = 0.0) -> Traffic:
    """Take the latest purchases of the products bought most often and make behaviour of all types of them.

    Few products on purpose: with fewer than `co_occurrence.max_edges_per_item` of them no row is ever cut, so that
    the edges do not depend on the order in which events come.

    Args:
        events: How many.
        items: How many products.
        seed: Of types, values and which events have an id.
        settings: Registry of types.
        hot: Share of the events that one user does, and share that is on one item.
    """
    purchases, products = _data()
    best = purchases.group_by("product_id").len().sort("len", "product_id", descending=[True, False]).head(items)
    chosen = purchases.join(best, on="product_id", how="semi").tail(events)
    rows = list(chosen.select("household_id", "product_id", "at").iter_rows())
    while len(rows) < events:
        # The same purchases again, a day later: there are not more of so few products.
        rows += [(user, item, at + _MS_PER_DAY) for user, item, at in rows[: events - len(rows)]]
    choose = random.Random(seed)
    user, item, _ = rows[0]
    rows = [
        (user if choose.random() < hot else row[0], item if choose.random() < hot else row[1], row[2]) for row in rows
    ]
    types = {name: share for name, share in SHARES.items() if name in settings.types}
    users = sorted({row[0] for row in rows})
    made = [
        _event(number, row, choose.choices(list(types), list(types.values()))[0], users, choose)
        for number, row in enumerate(rows)
    ]
    made.sort(key=lambda event: (event["at"], event["id"]))
    return Traffic(_items(products.join(best, on="product_id", how="semi")), tuple(made))


def _event(number: int, row: Sequence[int], kind: str, users: list[int], choose: random.Random) -> dict[str, Any]:
    user, item, at = row
    event: dict[str, Any] = {"id": f"e{number}", "type": kind, "user_id": f"u{user}", "at": at}
    if kind == "search":
        return {**event, "query": choose.choice(_WORDS)}
    if kind == "follow":
        return {**event, "followed_id": f"u{choose.choice([other for other in users if other != user])}"}
    event["item_id"] = f"i{item}"
    if kind == "rating":
        event["value"] = float(choose.randint(1, 5))
    elif kind == "dwell":
        event["value"] = round(choose.expovariate(1 / 60), 1)
    return event


def _items(products: pl.DataFrame) -> tuple[Item, ...]:
    return tuple(
        Item(
            f"i{row['product_id']}",
            title=str(row["product_type"] or row["product_category"]),
            about=[
                About(kind, str(row[column]).lower(), weight)
                for kind, column, weight in (
                    ("category", "product_category", 0.5), ("department", "department", 0.3), ("brand", "brand", 0.2),
                )
                if row[column]
            ],
        )
        for row in products.sort("product_id").iter_rows(named=True)
    )  # fmt: skip


@cache
def _data() -> tuple[pl.DataFrame, pl.DataFrame]:
    folder = complete_journey._folder()
    purchases = pl.read_parquet(folder / "transactions.parquet")
    purchases, products = complete_journey.select(purchases, pl.read_parquet(folder / "products.parquet"), whole=True)
    products = products.filter(
        (pl.col("department") != complete_journey.LEFT_OUT_DEPARTMENT) & pl.col("product_category").is_not_null()
    )
    purchases = purchases.join(products, on="product_id", how="semi").with_columns(
        pl.col("transaction_timestamp").dt.epoch("ms").alias("at")
    )
    return purchases.sort("at", maintain_order=True), products
