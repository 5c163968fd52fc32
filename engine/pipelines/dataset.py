"""Behaviour and items of the graph as the columns that training reads."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.errors import TrainingError
from engine.graph.store import GraphStore
from engine.interests.signals import sequence_types
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
    progress: Progress | None = None,
) -> Dataset:
    """Read all of it.

    Args:
        store: The graph.
        settings: Registry of event types.
        encode: Makes vectors of the items' texts; without it the items have no content.
        progress: Told the stage (`items`, `events`), what is read and of how many; 0 where not known.

    Raises:
        TrainingError: There are no items.
    """
    report = progress or (lambda stage, done, total: None)
    items, texts = read_items(store, report)
    if not len(items):
        raise TrainingError("There are no items in the graph.", remedy="Import some: interestgraph import --help.")
    if encode is not None and any(texts):
        items = replace(items, content=encode(texts))
    vocabulary = event_vocabulary(settings)
    return Dataset(
        interactions=_read_interactions(store, items.ids, vocabulary, report), items=items, event_types=vocabulary
    )


def read_items(store: GraphStore, report: Progress) -> tuple[ItemTable, list[str]]:
    """Read the items, by id, and the text of each."""
    ids: list[str] = []
    titles: list[str] = []
    texts: list[str] = []
    interests: dict[str, int] = {}
    rows, columns, weights = array("q"), array("q"), array("d")
    for number, row in enumerate(store.stream("dataset/items", fetch_size=_FETCH_ROWS)):
        ids.append(row["id"])
        titles.append(row["title"] or "")
        texts.append(item_text(row["title"], row["description"]))
        for interest_id, weight in row["about"]:
            rows.append(number)
            columns.append(interests.setdefault(interest_id, len(interests)))
            weights.append(weight)
        if number % _REPORT_ROWS == 0:
            report("items", number, 0)
    report("items", len(ids), len(ids))
    about = sparse.csr_array(
        (np.array(weights, dtype=np.float32), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(len(ids), len(interests)),
    )
    return ItemTable(ids=ids, titles=titles, content=None, about=about, interest_ids=list(interests)), texts


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
                report("events", len(items), 0)
    report("events", len(items), len(items))
    return InteractionTable(
        user_ids=user_ids,
        offsets=np.array(offsets, dtype=np.int64),
        items=np.array(items, dtype=np.int32),
        types=np.array(types, dtype=np.int32),
        times=np.array(times, dtype=np.int64),
    )
