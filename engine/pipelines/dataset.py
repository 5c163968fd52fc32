"""Behaviour and items of the graph as the columns that training reads."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.errors import TrainingError
from engine.features.place import MEDIA
from engine.graph.store import GraphStore
from engine.interests.signals import sequence_types
from engine.pipelines.media import MediaReader, tell
from engine.settings import Settings
from engine.training.data import Dataset, InteractionTable, ItemTable

Progress = Callable[[str, int, int], None]

UNKNOWN_TYPE: Final = ""
_REPORT_ROWS: Final = 1_000
_FETCH_ROWS: Final = 500


def event_vocabulary(settings: Settings) -> tuple[str, ...]:
    """Give the vocabulary of event types: place 0 is unknown, then the types that are steps of a sequence."""
    return (UNKNOWN_TYPE, *sequence_types(settings.events))


def read_dataset(
    store: GraphStore,
    settings: Settings,
    *,
    encode: Callable[[Sequence[str]], npt.NDArray[np.float32]] | None = None,
    media: MediaReader | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read all of it.

    Args:
        store: The graph.
        settings: Registry of event types.
        encode: Makes vectors of the items' texts; without it the items have no text vectors.
        media: Makes vectors of the items' images and sounds; what it cannot read is counted in `media_sources`.
        progress: Told the stage (`reads items`, `reads events`, `encodes image`, …), what is done and of how much; 0
            where not known.

    Raises:
        TrainingError: There are no items.
    """
    report = progress or (lambda stage, done, total: None)
    found = read_items(store, report)
    items = found.table
    if not len(items):
        raise TrainingError("There are no items in the graph.", remedy="Import some: interestgraph import --help.")
    if encode is not None and any(found.texts):
        items = replace(items, content=encode(found.texts))
    if media is not None:
        read = media.read(items.ids, found.media, progress=report)
        tell(read, items.ids)
        items = replace(items, media=read.vectors, media_sources=media.card(read, items.ids))
    vocabulary = event_vocabulary(settings)
    return Dataset(
        interactions=_read_interactions(store, items.ids, vocabulary, report), items=items, event_types=vocabulary
    )


@dataclass(frozen=True, slots=True)
class FoundItems:
    """The items of the graph, by id.

    Attributes:
        table: Everything but vectors of content.
        texts: What the text encoder reads of each.
        media: What the properties `image` and `audio` of each say.
    """

    table: ItemTable
    texts: list[str]
    media: dict[str, list[object]]


def read_items(store: GraphStore, report: Progress) -> FoundItems:
    """Read the items."""
    ids: list[str] = []
    titles: list[str] = []
    texts: list[str] = []
    media: dict[str, list[object]] = {name: [] for name in MEDIA}
    interests: dict[str, int] = {}
    rows, columns, weights = array("q"), array("q"), array("d")
    for number, row in enumerate(store.stream("dataset/items", fetch_size=_FETCH_ROWS)):
        ids.append(row["id"])
        titles.append(row["title"] or "")
        texts.append(item_text(row["title"], row["description"]))
        for name in MEDIA:
            media[name].append(row[name])
        for interest_id, weight in row["about"]:
            rows.append(number)
            columns.append(interests.setdefault(interest_id, len(interests)))
            weights.append(weight)
        if number % _REPORT_ROWS == 0:
            report("reads items", number, 0)
    report("reads items", len(ids), len(ids))
    about = sparse.csr_array(
        (np.array(weights, dtype=np.float32), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(len(ids), len(interests)),
    )
    table = ItemTable(ids=ids, titles=titles, content=None, about=about, interest_ids=list(interests))
    return FoundItems(table, texts, media)


def item_text(title: str | None, description: object) -> str:
    """Give what the text encoder reads of an item; a description that is no text is left out."""
    parts = [part.strip() for part in (title, description) if isinstance(part, str)]
    return ". ".join(part.rstrip(".") for part in parts if part)


def _read_interactions(
    store: GraphStore, item_ids: Sequence[str], vocabulary: Sequence[str], report: Progress
) -> InteractionTable:
    item_index = {item_id: number for number, item_id in enumerate(item_ids)}
    type_index = {name: number for number, name in enumerate(vocabulary)}
    user_ids: list[str] = []
    items, types, times, offsets = array("i"), array("i"), array("q"), array("q", [0])
    for row in store.stream("dataset/steps", fetch_size=_FETCH_ROWS, types=list(vocabulary[1:])):
        for item_id, event_type, at in zip(row["items"], row["types"], row["times"], strict=True):
            # An item may have been deleted while its events stayed.
            index = item_index.get(item_id)
            if index is not None:
                items.append(index)
                types.append(type_index.get(event_type, 0))
                times.append(at)
        if len(items) > offsets[-1]:
            user_ids.append(row["user_id"])
            offsets.append(len(items))
            if len(user_ids) % _REPORT_ROWS == 0:
                report("reads events", len(items), 0)
    report("reads events", len(items), len(items))
    return InteractionTable(
        user_ids=user_ids,
        offsets=np.array(offsets, dtype=np.int64),
        items=np.array(items, dtype=np.int32),
        types=np.array(types, dtype=np.int32),
        times=np.array(times, dtype=np.int64),
    )
