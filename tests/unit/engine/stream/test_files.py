from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.errors import InvalidInputError
from engine.events.parse import parse_event
from engine.importing.events import EventMapping
from engine.importing.reading import FileSource
from engine.settings import Settings, load_settings
from engine.stream.files import read_rows

AT = 1_700_000_000_000
ROWS: list[dict[str, Any]] = [
    {"user_id": "u", "item_id": "i", "type": "view", "at": AT, "query": None, "followed_id": None, "id": None},
    {
        "user_id": "u",
        "item_id": None,
        "type": "search",
        "at": AT,
        "query": "green tea",
        "followed_id": None,
        "id": None,
    },
    {"user_id": "u", "item_id": None, "type": "follow", "at": AT, "query": None, "followed_id": "v", "id": None},
    {"user_id": "u", "item_id": "i", "type": "view", "at": AT, "query": None, "followed_id": None, "id": "mine"},
    {"user_id": "u", "item_id": "i", "type": "stare", "at": AT, "query": None, "followed_id": None, "id": None},
    {"user_id": "u", "item_id": "i", "type": "view", "at": AT, "query": None, "followed_id": None, "id": None},
]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings()


def read(
    path: Path, settings: Settings, *, chunk_rows: int = 1000
) -> tuple[list[dict[str, Any]], list[Any], list[float]]:
    events, rejections, shares = [], [], []
    for rows in read_rows(FileSource(path), EventMapping(), settings=settings, now=AT + 1, chunk_rows=chunk_rows):
        events += list(rows.events())
        rejections += rows.rejections
        shares.append(rows.share_read)
    return events, rejections, shares


@pytest.mark.parametrize("chunk_rows", [2, 1000])
def test_rows_are_the_events_that_rest_would_make_of_them(tmp_path: Path, settings: Settings, chunk_rows: int) -> None:
    pl.DataFrame(ROWS).write_parquet(tmp_path / "e.parquet")
    events, rejections, shares = read(tmp_path / "e.parquet", settings, chunk_rows=chunk_rows)
    assert [each.field for each in rejections] == ["type"] and shares[-1] == 1
    assert [each["type"] for each in events] == ["view", "search", "follow", "view", "view"]
    assert all(None not in each.values() for each in events)
    # Rows with an id of their own are counted among the equal ones, as imports do.
    occurrences = [0, 0, 0, 1, 2]
    for event, occurrence in zip(events, occurrences, strict=True):
        given = {name: value for name, value in event.items() if name != "id" or value == "mine"}
        made = parse_event(given, settings=settings.events, now=AT + 1, occurrence=occurrence)
        assert made.id == event["id"]
    assert len({each["id"] for each in events}) == 5


def test_missing_column_is_named(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id,at\nu,i,1\n")
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path / "e.csv", settings)
    assert caught.value.field == "column type"
