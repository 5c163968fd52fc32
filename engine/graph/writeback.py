"""What workers computed, back into the graph: sorted, in batches, fenced.

Every transaction first locks the version's node. So write-backs of one version are serial, and each sees whether
the version may still be written and whether its job is still in the hands of the same run; if not, it writes
nothing. Writing the same again changes nothing but stamps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from engine.domain import VersionState, now_ms
from engine.errors import ArtefactError, FencedError, InvalidInputError
from engine.graph.names import (
    ABOUT,
    CO_OCCURS,
    attention_property,
    check_version_id,
    embedded_at_property,
    embedding_property,
    learned_property,
    vector_index,
)
from engine.graph.store import GraphStore
from engine.graph.versions import get_version

WRITABLE_STATES: Final = (VersionState.BUILDING, VersionState.READY, VersionState.ACTIVE)
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fence:
    """What has to hold for a write-back to write.

    Attributes:
        version: The embedding version, in a state that may be written.
        job_id: The job whose results these are; none where no job is behind them.
        fence: The run of the job; a later run fences this one off.
    """

    version: str
    job_id: str | None = None
    fence: int | None = None

    def parameters(self) -> dict[str, Any]:
        """Give the parameters that every fenced statement has."""
        return {
            "version": check_version_id(self.version),
            "states": [str(state) for state in WRITABLE_STATES],
            "job_id": self.job_id,
            "fence": self.fence,
        }


def write_vectors(
    store: GraphStore,
    label: str,
    ids: Sequence[str],
    vectors: npt.NDArray[np.float32],
    *,
    fence: Fence,
    batch_size: int = 1_000,
    progress: Progress | None = None,
) -> int:
    """Write vectors of nodes under a version.

    Args:
        store: The graph.
        label: `Item`, `User` or `Interest`.
        ids: The nodes; those that are gone are left out.
        vectors: Their vectors, [N, dim].
        fence: What has to hold.
        batch_size: Vectors of one transaction.
        progress: Told how many are done.

    Returns:
        Vectors written.

    Raises:
        FencedError: The version may not be written or another run has the job; nothing more was written.
        ArtefactError: The vectors have another dimension than the version.
        InvalidInputError: A vector is not finite, or there are not as many as ids.
    """
    matrix = np.asarray(vectors, dtype=np.float32)
    vector_index(label, fence.version)  # refuses a label without vectors
    if matrix.ndim != 2 or len(ids) != len(matrix):
        raise InvalidInputError(
            "There is not one vector for each node.", field="vectors", value=f"{len(ids)} ids, shape {matrix.shape}"
        )
    if not len(ids):
        return 0
    dim = get_version(store, fence.version).dim
    if matrix.shape[1] != dim:
        raise ArtefactError(
            f"The version has vectors of length {dim}.",
            field="vectors",
            value=matrix.shape[1],
            remedy="Use the model of this version.",
        )
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(broken):
        raise InvalidInputError("A vector is not finite.", field="vectors", value=ids[int(broken[0])])
    order = sorted(range(len(ids)), key=ids.__getitem__)
    property_name = embedding_property(fence.version)
    identifiers = {"label": label, "embedded_at": embedded_at_property(fence.version)}
    written = 0
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        rows = [
            {"id": ids[place], "vector": vector} for place, vector in zip(places, matrix[places].tolist(), strict=True)
        ]
        found = store.write(
            "vectors/write",
            identifiers=identifiers,
            rows=rows,
            property=property_name,
            now=now_ms(),
            **fence.parameters(),
        )
        written += unfenced(found, fence)
        if progress is not None:
            progress(start + len(places))
    return written


def write_attention(
    store: GraphStore,
    relationship: Literal["CO_OCCURS", "ABOUT"],
    sources: Sequence[str],
    targets: Sequence[str],
    weights: npt.NDArray[np.float32],
    *,
    fence: Fence,
    learned: npt.NDArray[np.float32] | None = None,
    batch_size: int = 5_000,
    progress: Progress | None = None,
) -> int:
    """Write the attention of relationships under a version, and of CO_OCCURS the learnt weight too.

    Args:
        store: The graph.
        relationship: `CO_OCCURS` (item to item) or `ABOUT` (item to interest).
        sources: Items that the relationships leave, [E].
        targets: Items or interests that they reach, [E]; relationships that are gone are left out.
        weights: Attention of each, [E].
        fence: What has to hold.
        learned: Learnt weight of each (`engine.model.learned_edges`), [E]; for CO_OCCURS only.
        batch_size: Relationships of one transaction.
        progress: Told how many are done.

    Returns:
        Relationships written.

    Raises:
        FencedError: The version may not be written or another run has the job; nothing more was written.
        InvalidInputError: A weight is not finite, or the lengths differ.
    """
    names = {CO_OCCURS: "vectors/write_attention_co_occurs", ABOUT: "vectors/write_attention_about"}
    if relationship not in names:
        raise InvalidInputError(
            "Relationships of this type have no attention.",
            field="relationship",
            value=relationship,
            remedy="Use CO_OCCURS or ABOUT.",
        )
    if (learned is not None) != (relationship == CO_OCCURS):
        raise InvalidInputError("CO_OCCURS, and nothing else, has a learnt weight.", field="learned")
    columns = [weights] if learned is None else [weights, learned]
    values = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
    if not len(sources) == len(targets) == len(values) or not np.isfinite(values).all():
        raise InvalidInputError("There is not one finite weight for each relationship.", field="weights")
    edges = sorted(zip(sources, targets, values.tolist(), strict=True))
    identifiers = {"attention": attention_property(fence.version)}
    if learned is not None:
        identifiers["learned"] = learned_property(fence.version)
    written = 0
    for start in range(0, len(edges), batch_size):
        batch = edges[start : start + batch_size]
        rows: list[Mapping[str, Any]] = [
            {"source": source, "targets": [[target, *found] for _, target, found in group]}
            for source, group in groupby(batch, key=lambda edge: edge[0])
        ]
        found = store.write(names[relationship], identifiers=identifiers, rows=rows, **fence.parameters())
        written += unfenced(found, fence)
        if progress is not None:
            progress(start + len(batch))
    return written


def unfenced(rows: list[dict[str, Any]], fence: Fence) -> int:
    """Give how much a fenced statement wrote.

    Raises:
        FencedError: It gave no row: it was fenced off.
    """
    if not rows:
        raise FencedError(
            "The version is retired or gone, or a newer run has the job; nothing was written.",
            field="version",
            value=fence.version,
        )
    return int(rows[0]["written"])
