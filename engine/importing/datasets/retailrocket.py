"""Retailrocket: views, carts and purchases of a shop, with Unix seconds."""

from __future__ import annotations

import polars as pl

from engine.domain import MS_PER_SECOND
from engine.importing.datasets.base import MS_PER_WEEK, Dataset, Part, Request
from engine.importing.events import EventMapping
from engine.importing.reading import FileSource, TableSource


def load(request: Request) -> Dataset:
    """Read events; the held-out last purchases have no times and are left to benchmarks."""
    path = request.file("retailrocket", "events.csv.gz")
    table = pl.read_csv(path)
    newest = int(table["timestamp"].max()) * MS_PER_SECOND  # type: ignore[arg-type]
    shift = request.shift(newest)
    events = table.select(
        "user_id",
        "item_id",
        pl.col("event").alias("type"),
        (pl.col("timestamp").cast(pl.Int64) * MS_PER_SECOND + shift).alias("at"),
    )
    source = TableSource("retailrocket-events", events, f"{FileSource(path).digest()} shift={shift}")
    mapping = EventMapping(type_names={"buy": "purchase"}, time_unit="ms", create_missing=True)
    return Dataset(
        parts=(Part(source, mapping),),
        notes=(
            "buy is purchase; items have no titles; the held-out last purchases are not imported",
            f"times moved by {shift // MS_PER_WEEK} weeks",
        ),
    )
