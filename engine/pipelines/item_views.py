"""The items of the graph, read once, and what they can be compared by."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.features.place import MEDIA
from engine.graph.store import GraphStore
from engine.model.inferred_edges import ItemViews
from engine.pipelines.dataset import item_text
from engine.pipelines.media import MediaReader
from engine.training.data import ItemTable

_FETCH_ROWS: Final = 500

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read.

    Attributes:
        table: The items, without vectors.
        texts: What the text encoder reads of each.
        media: What each names as its image, and as its sound.
        reached: Counted edges that reach each [I].
    """

    table: ItemTable
    texts: Sequence[str]
    media: Mapping[str, Sequence[object]]
    reached: npt.NDArray[np.int64]


class GraphItems:
    """All items of the graph; they are read when they are first asked for.

    Args:
        store: The graph.
        encode: Makes vectors of texts; needed where items are compared by `content`.
        media: Makes vectors of images and sounds; needed where items are compared by `image` or `audio`.
    """

    def __init__(
        self,
        store: GraphStore,
        *,
        encode: Callable[[Sequence[str]], Float32] | None = None,
        media: MediaReader | None = None,
    ) -> None:
        self._store, self._encode, self._media = store, encode, media
        self._made: dict[tuple[bool, bool], ItemViews] = {}

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the items, sorted."""
        return self._found.table.ids

    @property
    def reached(self) -> npt.NDArray[np.int64]:
        """Counted edges that reach each item [I]."""
        return self._found.reached

    def views(self, view: str) -> ItemViews | None:
        """Give what the items can be compared by, a view among it; none where no item has what the view is of."""
        parts = view.split("+")
        content = self._content if "content" in parts else None
        vectors = {} if set(MEDIA).isdisjoint(parts) else self._vectors
        key = content is not None, bool(vectors)
        if key not in self._made:
            self._made[key] = ItemViews(replace(self._found.table, content=content, media=vectors))
        found = self._made[key]
        return found if set(parts).issubset(found.names) else None

    @cached_property
    def _content(self) -> Float32 | None:
        texts = self._found.texts
        return self._encode(texts) if self._encode is not None and any(texts) else None

    @cached_property
    def _vectors(self) -> Mapping[str, Float32]:
        return {} if self._media is None else self._media.read(self.ids, self._found.media).vectors

    @cached_property
    def _found(self) -> _Found:
        ids: list[str] = []
        titles: list[str] = []
        texts: list[str] = []
        media: dict[str, list[object]] = {name: [] for name in MEDIA}
        interests: dict[str, int] = {}
        rows, columns, weights, reached = array("q"), array("q"), array("d"), array("q")
        for number, row in enumerate(self._store.stream("inferred/items", fetch_size=_FETCH_ROWS)):
            ids.append(row["id"])
            titles.append(row["title"] or "")
            texts.append(item_text(row["title"], row["description"]))
            reached.append(row["reached"])
            for name in MEDIA:
                media[name].append(row[name])
            for interest_id, weight in row["about"]:
                rows.append(number)
                columns.append(interests.setdefault(interest_id, len(interests)))
                weights.append(weight)
        entries = (np.array(weights, np.float32), (np.array(rows, np.int64), np.array(columns, np.int64)))
        about = sparse.csr_array(entries, shape=(len(ids), len(interests)))
        table = ItemTable(ids, titles, None, about, list(interests))
        return _Found(table, texts, media, np.array(reached, np.int64))
