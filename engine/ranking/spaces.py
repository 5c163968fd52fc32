"""Vector spaces: the active version's vectors from the graph, its encoder from the model's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.errors import ArtefactError
from engine.graph.names import ITEM
from engine.graph.store import GraphStore
from engine.graph.vectors import Vectors, read_vectors, vectors_changed_since
from engine.ranking.card import read_card
from engine.ranking.encoder import UserEncoder
from engine.ranking.state import Catalogue, Snapshot, VectorSpace


def open_encoder(models_dir: Path, version: str, dim: int) -> UserEncoder:
    """Load the encoder of a version.

    Args:
        models_dir: Folder of the models.
        version: The version.
        dim: Length of its vectors in the graph.

    Raises:
        ArtefactError: It is missing, damaged or of another dimension.
    """
    folder = models_dir / version
    card = read_card(folder, version)
    if card.dim != dim:
        raise ArtefactError(
            f"The model of version {version} makes vectors of length {card.dim}; those in the graph have {dim}.",
            field="dim",
            value=card.dim,
            remedy="Put the right model in its place, or train and activate a new version.",
        )
    return UserEncoder.open(folder, card)


def load_space(store: GraphStore, encoder: UserEncoder, catalogue: Catalogue, vectors_at: int) -> VectorSpace:
    """Read every item vector of a version.

    Args:
        store: The graph.
        encoder: The version's encoder.
        catalogue: The items.
        vectors_at: Stamp of the latest write-back, read before.

    Raises:
        ArtefactError: The vectors have another dimension than the model.
    """
    card = encoder.card
    empty = VectorSpace(card.version, encoder, np.zeros((0, card.dim), np.float32), np.zeros(0, bool), 0)
    return _placed(empty, catalogue, read_vectors(store, card.version, ITEM), vectors_at)


def follow_space(store: GraphStore, before: Snapshot, after: Snapshot, vectors_at: int) -> VectorSpace | None:
    """Bring the vectors of a snapshot up to date with its items and with the write-backs since.

    Args:
        store: The graph.
        before: The snapshot that the space was right for.
        after: The snapshot to be; its items stand where they stood, new ones behind.
        vectors_at: Stamp of the latest write-back, read before.
    """
    space = after.space
    if space is None:
        return None
    known, size = len(before.catalogue), len(after.catalogue)
    if size > known:
        added = read_vectors(store, space.version, ITEM, ids=after.catalogue.ids[known:])
        space = _placed(space, after.catalogue, added, space.vectors_at)
    if vectors_at > space.vectors_at:
        changed = vectors_changed_since(store, space.version, ITEM, space.vectors_at)
        space = _placed(space, after.catalogue, changed, vectors_at)
    return space


def _placed(space: VectorSpace, catalogue: Catalogue, vectors: Vectors, vectors_at: int) -> VectorSpace:
    index: Mapping[str, int] = catalogue.index
    found = [(index[name], row) for row, name in enumerate(vectors.ids) if name in index]
    if found and vectors.matrix.shape[1] != space.matrix.shape[1]:
        raise ArtefactError(
            f"The graph holds vectors of length {vectors.matrix.shape[1]} of version {space.version}.",
            field="dim",
            value=space.matrix.shape[1],
            remedy="Embed the items again.",
        )
    rows = vectors.matrix[[row for _, row in found]] if found else np.zeros((0, space.matrix.shape[1]), np.float32)
    return space.with_vectors(len(catalogue), [place for place, _ in found], rows, vectors_at)
