"""Events of a file as the objects that `POST /v1/events` takes, read as the imports read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from engine.domain import EpochMs
from engine.events.identity import content_id
from engine.importing.columns import EVENT_FIELDS, resolve_columns
from engine.importing.event_rows import Occurrences, check_events, check_mapping
from engine.importing.events import EventMapping
from engine.importing.reading import ROW, Source
from engine.importing.rejects import Rejection
from engine.importing.values import guess_time_unit
from engine.settings import Settings

_CHUNK_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Some events of a file.

    Attributes:
        table: The good ones, a row each, with an id each.
        rejections: What is wrong with the others.
        share_read: Part of the file read so far, 0 to 1.
    """

    table: pl.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    share_read: float = 1.0

    def events(self) -> Iterator[dict[str, Any]]:
        """Give them as objects, without what they do not say."""
        for row in self.table.drop(ROW, strict=False).iter_rows(named=True):
            yield {name: value for name, value in row.items() if value is not None}


def read_rows(
    source: Source, mapping: EventMapping, *, settings: Settings, now: EpochMs, chunk_rows: int = _CHUNK_ROWS
) -> Iterator[Rows]:
    """Give the events of a source in its order.

    A row without an id gets the one that an import would give it, from its content and its number among equal rows, so
    that the same file sent again, or imported as well, stores nothing twice.

    Raises:
        InvalidInputError: A column is missing, unknown or ambiguous.
    """
    given = {**mapping.columns, "type": None} if mapping.type is not None else dict(mapping.columns)
    columns = resolve_columns(EVENT_FIELDS, source.columns(), given)
    check_mapping(columns, mapping.type, source.columns(), settings.events)
    unit, occurrences = mapping.time_unit, Occurrences()
    for chunk in source.chunks(chunk_rows):
        unit = unit or guess_time_unit(chunk.table[columns["at"]])
        good, rejections = check_events(
            chunk.table,
            columns,
            constant_type=mapping.type,
            type_names=mapping.type_names,
            unit=unit,
            now=now,
            settings=settings.events,
        )
        yield Rows(_with_ids(occurrences.number(good)), chunk.broken + rejections, chunk.share_read)


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    ids = [
        row["id"]
        or content_id(
            row["user_id"],
            row["item_id"],
            row["type"],
            row["at"],
            row["value"],
            row["query"],
            row["occurrence"],
            followed_id=row["followed_id"],
            recommendation_id=row["recommendation_id"],
        )
        for row in events.iter_rows(named=True)
    ]
    return events.with_columns(pl.Series("id", ids, dtype=pl.String)).drop("occurrence")
