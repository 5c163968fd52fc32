"""The items of the graph, read once, and what they can be compared by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.features.place import MEDIA
from engine.graph.store import GraphStore
from engine.model.inferred_edges import ItemViews
from engine.pipelines.dataset import FoundItems, read_items
from engine.pipelines.media import MediaReader

_FETCH_ROWS: Final = 500

Float32 = npt.NDArray[np.float32]


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

    @cached_property
    def reached(self) -> npt.NDArray[np.int64]:
        """Counted edges that reach each item [I]."""
        counts = {row["id"]: row["reached"] for row in self._store.stream("inferred/reached", fetch_size=_FETCH_ROWS)}
        return np.array([counts.get(item_id, 0) for item_id in self.ids], dtype=np.int64)

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
    def _found(self) -> FoundItems:
        return read_items(self._store, lambda stage, done, total: None)
