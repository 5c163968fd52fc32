"""Vectors of nodes as matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.graph.names import embedded_at_property, embedding_property, vector_index
from engine.graph.store import GraphStore

_FETCH_ROWS: Final = 2_000
_CHUNK_IDS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of one version.

    Attributes:
        ids: Nodes, sorted by id.
        matrix: Their vectors, float32 [N, dim]; [0, 0] where there are none.
    """

    ids: list[str]
    matrix: npt.NDArray[np.float32]


def read_vectors(store: GraphStore, version: str, label: str = "Item", *, ids: Sequence[str] | None = None) -> Vectors:
    """Read the vectors of nodes; nodes without one are left out.

    Args:
        store: The graph.
        version: The embedding version.
        label: `Item`, `User` or `Interest`.
        ids: Nodes; all where none are given.
    """
    identifiers = _identifiers(version, label)
    if ids is None:
        return _collect(store.stream("vectors/read", identifiers=identifiers, fetch_size=_FETCH_ROWS))
    remaining = iter(ids)
    rows: list[dict[str, Any]] = []
    while chunk := list(islice(remaining, _CHUNK_IDS)):
        rows.extend(store.read("vectors/read_some", identifiers=identifiers, ids=chunk))
    return _collect(rows)


def vectors_changed_since(store: GraphStore, version: str, label: str, stamp: int) -> Vectors:
    """Read the vectors that write-backs wrote after a stamp, an earlier `EmbeddingVersion.vectors_at`."""
    identifiers = {**_identifiers(version, label), "embedded_at": embedded_at_property(version)}
    return _collect(store.stream("vectors/read_since", identifiers=identifiers, stamp=stamp, fetch_size=_FETCH_ROWS))


def _identifiers(version: str, label: str) -> dict[str, str]:
    vector_index(label, version)  # refuses a label without vectors
    return {"label": label, "embedding": embedding_property(version)}


def _collect(rows: Iterable[dict[str, Any]] | Iterator[dict[str, Any]]) -> Vectors:
    ids: list[str] = []
    vectors: list[npt.NDArray[np.float32]] = []
    for row in rows:
        ids.append(row["id"])
        vectors.append(np.array(row["vector"], dtype=np.float32))
    if not ids:
        return Vectors([], np.zeros((0, 0), dtype=np.float32))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    matrix = np.stack(vectors)
    return Vectors([ids[place] for place in order], matrix[order])
