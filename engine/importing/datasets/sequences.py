"""Sequences without times: one line a user, the user's id and then item ids, oldest first."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Final

import polars as pl

from engine.importing.datasets.base import Dataset, Part, Request, one_hour_apart
from engine.importing.events import EventMapping
from engine.importing.items import InterestColumn, ItemMapping
from engine.importing.reading import FileSource, TableSource

NOTE: Final = "the data has no times: events stand one hour apart, all users' last ones at the same time"


def load_beauty(request: Request) -> Dataset:
    """Amazon Beauty: titles, and categories and brands by number."""
    path = request.file("beauty", "items.csv.gz")
    attributes = _attributes(request.file("beauty", "item2attributes.json.gz"))
    table = pl.read_csv(path, schema_overrides={"item_id": pl.String}).join(
        attributes, left_on="item_id", right_on="id", how="left", maintain_order="left"
    )
    mapping = ItemMapping(
        columns={"id": "item_id"},
        interests=(InterestColumn("attribute", "names", weights="weights"),),
        attributes={"asin": "asin"},
    )
    content = FileSource(path).digest()
    return _dataset(request, "beauty", TableSource("beauty-items", table, content), mapping, "purchase")


def load_ml_1m(request: Request) -> Dataset:
    """MovieLens-1M: titles and genres; a rating, whatever its value, counts as a like."""
    mapping = ItemMapping(columns={"id": "item_id"}, interests=(InterestColumn("genre", "genres", separator="|"),))
    source = FileSource(request.file("ml-1m", "items.csv.gz"))
    return _dataset(request, "ml-1m", source, mapping, "like", ("ratings have no values: each counts as a like",))


def load_lastfm(request: Request) -> Dataset:
    """LastFM: tags by number."""
    path = request.file("lastfm", "item2attributes.json.gz")
    sequences = request.file("lastfm", "sequences.txt.gz")
    ids = _read(sequences)["item_id"].unique().sort()
    table = pl.DataFrame({"id": ids}).join(_attributes(path), on="id", how="left", maintain_order="left")
    source = TableSource("lastfm-items", table, FileSource(path).digest() + FileSource(sequences).digest())
    mapping = ItemMapping(interests=(InterestColumn("tag", "names", weights="weights"),), attributes={})
    return _dataset(request, "lastfm", source, mapping, "view")


def _dataset(
    request: Request,
    name: str,
    items: FileSource | TableSource,
    mapping: ItemMapping,
    event_type: str,
    notes: tuple[str, ...] = (),
) -> Dataset:
    path = request.file(name, "sequences.txt.gz")
    events = one_hour_apart(_read(path), request.shift)
    content = f"{FileSource(path, file_format='csv').digest()} last={events['at'].max()!r}"
    return Dataset(
        parts=(
            Part(items, mapping),
            Part(
                TableSource(f"{name}-events", events, content),
                EventMapping(type=event_type, time_unit="ms", create_missing=True),
            ),
        ),
        notes=(NOTE, *notes),
    )


def _read(path: Path) -> pl.DataFrame:
    """Read sequences as rows of user and item, in their order."""
    users: list[str] = []
    items: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            user, *sequence = line.split()
            users.extend([user] * len(sequence))
            items.extend(sequence)
    return pl.DataFrame({"user_id": users, "item_id": items}, schema={"user_id": pl.String, "item_id": pl.String})


def _attributes(path: Path) -> pl.DataFrame:
    """Read numbers of attributes by item; one that stands several times weighs as much more."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found: dict[str, list[int]] = json.load(file)
    counted = {item: Counter(numbers).most_common(50) for item, numbers in found.items()}
    return pl.DataFrame(
        {
            "id": list(counted),
            "names": [[str(number) for number, _ in pairs] for pairs in counted.values()],
            "weights": [[float(count) for _, count in pairs] for pairs in counted.values()],
        }
    )
