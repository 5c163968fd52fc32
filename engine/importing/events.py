"""Events: from rows to the graph in large batches, each event once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Final

import polars as pl

from engine.cooccurrence.rebuild import RebuildResult, rebuild
from engine.domain import Event
from engine.errors import ConflictError, FencedError, UnknownReferenceError
from engine.events.apply import apply_events
from engine.events.identity import content_id, digest, digest_of_stored
from engine.events.rows import AboutItems
from engine.graph.store import GraphStore
from engine.importing.columns import EVENT_FIELDS, resolve_columns
from engine.importing.event_rows import Occurrences, check_events, check_mapping
from engine.importing.reading import ROW, Source
from engine.importing.rejects import Rejection
from engine.importing.run import ImportOptions, ImportReport, ImportRun, Progress
from engine.importing.values import UNIT_NAMES, TimeUnit, guess_time_unit
from engine.settings import Settings

LIVE_ROWS: Final = 5_000
"""Shorter files go the way of live events: folded into CO_OCCURS, not counted again as a whole."""

BATCH_ROWS: Final = 4_000
_RECOUNT_WAIT_S: Final = 300.0
WRITERS: Final = 2
_ITEMS_ASKED: Final = 20_000


@dataclass(frozen=True, slots=True)
class EventMapping:
    """How rows become events.

    Attributes:
        columns: Column by field (user_id, item_id, type, at, value, id, query, followed_id,
            recommendation_id); others are guessed.
        type: Type of every event; none reads a column.
        type_names: What the source's types are called here, for example `{"buy": "purchase"}`.
        time_unit: Unit of numeric times; guessed where none is given.
        create_missing: Make items that are not there, instead of rejecting the row.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    type: str | None = None
    type_names: Mapping[str, str] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    create_missing: bool = False


def import_events(
    store: GraphStore | None,
    source: Source,
    mapping: EventMapping,
    *,
    settings: Settings,
    options: ImportOptions | None = None,
    recount: bool = True,
) -> ImportReport:
    """Store the events of a source and move what they touch.

    Rows without an id get one from their content and their number among equal rows, so that the same file read
    again, as a whole or after a crash, stores nothing twice.

    Args:
        store: The graph; none checks only, and does not look whether items are there.
        source: Where rows come from.
        mapping: How rows become events.
        settings: Registry of types, half-lives, limits.
        options: How the import runs.
        recount: Count CO_OCCURS again at the end, where the import was a large one or an earlier one was killed.

    Raises:
        InvalidInputError: A column is missing, unknown or ambiguous.
        ImportLimitError: Too many rows were rejected; what was accepted before stays.
    """
    options = options or ImportOptions()
    given = {**mapping.columns, "type": None} if mapping.type is not None else dict(mapping.columns)
    columns = resolve_columns(EVENT_FIELDS, source.columns(), given)
    check_mapping(columns, mapping.type, source.columns(), settings.events)
    run = ImportRun(
        store,
        source,
        kind="events",
        mapping={
            "columns": columns,
            **asdict(mapping),
            "types": sorted(settings.events.types),
            "ratings": [settings.events.rating_min, settings.events.rating_max],
        },
        options=options,
    )
    if run.known is None:
        run.notes.extend(f"{name}: column {column}" for name, column in columns.items() if name != column)
        _run(store, run, columns, mapping, settings, options)
    if store is not None and recount:
        recount_if_due(store, settings, progress=options.progress)
    return run.known or run.report()


def recount_if_due(store: GraphStore, settings: Settings, *, progress: Progress | None = None) -> RebuildResult | None:
    """Count CO_OCCURS and popularity again where an import, also a killed one, has left that to be done."""
    tell = progress or (lambda stage, done, total: None)
    deadline = time.monotonic() + _RECOUNT_WAIT_S
    while True:
        [pending] = store.read("cooccurrence/pending")
        if pending["state"] != "rebuilding":
            return None
        try:
            return rebuild(
                store, settings, progress=lambda stage, done, total: tell(f"edges: {stage}", done, total or None)
            )
        except FencedError:
            # A worker has begun one too, and it counts the same events: let it end.
            while store.read("cooccurrence/pending")[0]["state"] == "rebuilding" and time.monotonic() < deadline:
                tell("edges: a worker counts", 0, None)
                time.sleep(0.5)
            if time.monotonic() >= deadline:
                raise


def _run(
    store: GraphStore | None,
    run: ImportRun,
    columns: Mapping[str, str],
    mapping: EventMapping,
    settings: Settings,
    options: ImportOptions,
) -> None:
    unit, occurrences, is_live = mapping.time_unit, Occurrences(), None
    with run.running(), ThreadPoolExecutor(WRITERS) as pool:
        for chunk in run.chunks():
            if unit is None and (unit := guess_time_unit(chunk.table[columns["at"]])) is not None:
                run.notes.append(f"at: read as {UNIT_NAMES[unit]}")
            if is_live is None:
                is_live = chunk.rows < min(LIVE_ROWS, options.chunk_rows)
            good, rejections = check_events(
                chunk.table,
                columns,
                constant_type=mapping.type,
                type_names=mapping.type_names,
                unit=unit,
                now=run.now,
                settings=settings.events,
            )
            run.reject(rejections)
            events = occurrences.number(good).sort("user_id", "at", ROW)
            if store is None:
                run.wrote(events.height, accepted=events.height)
                run.report_progress("events")
                continue
            missing = set() if mapping.create_missing else _missing_items(store, events["item_id"])
            writer = _Writer(
                store,
                settings,
                missing,
                None if is_live else _about(store, events["item_id"]),
                create_missing=mapping.create_missing,
                mark_unfolded=is_live,
            )
            _write_all(run, _batches(events), writer, pool)


def _write_all(run: ImportRun, batches: Sequence[pl.DataFrame], writer: _Writer, pool: ThreadPoolExecutor) -> None:
    """Write batches with a few at once, and take note of them in their order."""
    waiting: deque[tuple[int, Future[tuple[int, list[Rejection]]]]] = deque()

    def take() -> None:
        rows, future = waiting.popleft()
        accepted, refused = future.result()
        run.reject(refused)
        run.wrote(rows, accepted=accepted, refused=len(refused))
        run.report_progress("events")

    try:
        for batch in batches:
            if not waiting and run.is_written(batch.height):
                continue
            waiting.append((batch.height, pool.submit(writer.write, batch)))
            while len(waiting) > WRITERS:
                take()
        while waiting:
            take()
    finally:
        for _, future in waiting:
            future.cancel()


@dataclass(frozen=True, slots=True)
class _Writer:
    store: GraphStore
    settings: Settings
    missing: set[str]
    about: AboutItems | None
    create_missing: bool
    mark_unfolded: bool

    def write(self, batch: pl.DataFrame) -> tuple[int, list[Rejection]]:
        """Write a batch without the rows that the graph refuses; give how many were new, and those."""
        rows, events = _events(batch)
        missing, refused = self.missing, []
        while True:
            refused += [
                Rejection(row, "item_id", event.item_id, "This item is not in the graph.", settled=False)
                for row, event in zip(rows, events, strict=True)
                if event.item_id in missing
            ]
            kept = [(row, event) for row, event in zip(rows, events, strict=True) if event.item_id not in missing]
            rows, events = [row for row, _ in kept], [event for _, event in kept]
            try:
                result = apply_events(
                    self.store,
                    events,
                    settings=self.settings,
                    create_missing=self.create_missing,
                    mark_unfolded=self.mark_unfolded,
                    about=self.about,
                )
                return result.accepted, refused
            except UnknownReferenceError:
                # Somebody took an item away since we looked.
                missing = _missing_items(self.store, pl.Series([event.item_id for event in events], dtype=pl.String))
            except ConflictError:
                stored = self.store.read("imports/stored", ids=[event.id for event in events])
                digests = {row["event"]["id"]: digest_of_stored(row["event"]) for row in stored}
                good = [digests.get(event.id, own := digest(event)) == own for event in events]
                if all(good):
                    raise
                refused += [
                    Rejection(row, "id", event.id, "An event of this id is stored with other content.")
                    for row, event, is_good in zip(rows, events, good, strict=True)
                    if not is_good
                ]
                rows = [row for row, is_good in zip(rows, good, strict=True) if is_good]
                events = [event for event, is_good in zip(events, good, strict=True) if is_good]


def _events(batch: pl.DataFrame) -> tuple[list[int], list[Event]]:
    """Make rows events, with ids derived from content where the source gives none."""
    rows: list[int] = []
    events: list[Event] = []
    for row, given, kind, user, item, at, value, query, followed, recommendation, occurrence in batch.select(
        ROW,
        "id",
        "type",
        "user_id",
        "item_id",
        "at",
        "value",
        "query",
        "followed_id",
        "recommendation_id",
        "occurrence",
    ).iter_rows():
        name = given
        if name is None:
            more = {"followed_id": followed, "recommendation_id": recommendation}
            name = content_id(user, item, kind, at, value, query, occurrence, **more)
        rows.append(row)
        events.append(Event(name, kind, user, item, at, value, query, recommendation, followed_id=followed))
    return rows, events


def _batches(events: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut events sorted by user into batches, between users where one is not too long by itself.

    Batches written at the same time then share no user, whom each transaction locks.
    """
    lengths = events.group_by("user_id", maintain_order=True).len()["len"].to_list()
    cuts, start = [0], 0
    end = 0
    for length in lengths:
        if end + length - start > BATCH_ROWS and end > start:
            cuts.append(end)
            start = end
        end += length
        while end - start > BATCH_ROWS:
            start += BATCH_ROWS
            cuts.append(start)
    if end > start:
        cuts.append(end)
    return [events.slice(first, last - first) for first, last in pairwise(cuts)]


def _missing_items(store: GraphStore, items: pl.Series) -> set[str]:
    return {row["id"] for names in _names(items) for row in store.read("imports/missing_items", ids=names)}


def _about(store: GraphStore, items: pl.Series) -> AboutItems:
    """Read what items are about, once for many batches."""
    return {
        row["id"]: [(interest, weight) for interest, weight in row["about"]]
        for names in _names(items)
        for row in store.read("interests/about", ids=names)
    }


def _names(items: pl.Series) -> Iterator[list[str]]:
    names = items.drop_nulls().unique().to_list()
    for start in range(0, len(names), _ITEMS_ASKED):
        yield names[start : start + _ITEMS_ASKED]
