"""MovieLens-100k as files that the other benchmarks read, from the copy that RecBole's package carries.

    python -m benchmarks.accuracy.ml_100k FOLDER

Writes events.csv.gz (user_id, item_id, type, at; every rating is an event of the type rating), items.csv.gz
(item_id, title with its year, genres) and users.csv.gz (user_id, age, gender, occupation) into the folder. The data are
for research only: they are never committed.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console

from benchmarks.accuracy.peers.environment import python_of
from engine.settings import load_settings

_FILES: Final = "lib/python*/site-packages/recbole/dataset_example/ml-100k"


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    environment = python_of("recbole", load_settings().cache).parent.parent
    [source] = environment.glob(_FILES)
    events, items, users = convert(source, arguments.folder)
    written = f"{events:,} events, {items:,} items and {users:,} users written to {arguments.folder}"
    Console(highlight=False).print(written)


def convert(source: Path, folder: Path) -> tuple[int, int, int]:
    """Write the files and give how many events, items and users they have.

    Args:
        source: Folder of `ml-100k.inter`, `ml-100k.item` and `ml-100k.user`.
        folder: Where the files go; made if it is not there.
    """
    events = (
        _table(source / "ml-100k.inter")
        .sort("timestamp", "user_id", "item_id")
        .select("user_id", "item_id", pl.lit("rating").alias("type"), pl.col("timestamp").alias("at"))
    )
    items = _table(source / "ml-100k.item").select(
        "item_id",
        pl.format("{} ({})", "movie_title", "release_year").alias("title"),
        pl.col("class").str.replace_all(" ", "|").alias("genres"),
    )
    users = _table(source / "ml-100k.user").select("user_id", "age", "gender", "occupation")
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("events", events), ("items", items), ("users", users)):
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8") as stream:
            stream.write(table.write_csv())
    return len(events), len(items), len(users)


def _table(path: Path) -> pl.DataFrame:
    """Read an atomic file of RecBole: tab-separated, the header has name and kind."""
    table = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None, encoding="utf8-lossy")
    return table.rename({name: name.partition(":")[0] for name in table.columns}).fill_null("")


if __name__ == "__main__":
    main()
