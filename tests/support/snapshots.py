"""Snapshots of the ranking made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import MS_PER_DAY, HistoryEntry
from engine.ranking.card import read_card
from engine.ranking.encoder import UserEncoder
from engine.ranking.feedback import Shown
from engine.ranking.loading import ItemRow, catalogue_of, masses
from engine.ranking.profile import UserState
from engine.ranking.rows import Rows
from engine.ranking.state import Interests, Snapshot, VectorSpace
from engine.social.items import NeighbourItem

NOW = 20_000 * MS_PER_DAY
HALF_LIFE_MS = float(10 * MS_PER_DAY)
VERSION = "v20260101000000"


def item(
    name: str,
    *,
    about: Sequence[tuple[str, float]] = (),
    popularity: float = 0.0,
    available: bool = True,
    **attributes: Any,
) -> ItemRow:
    return ItemRow(name, name.upper(), available, 1, popularity, NOW, attributes, about)


def snapshot_of(
    items: Sequence[ItemRow],
    edges: Mapping[str, Mapping[str, float]] | None = None,
    *,
    interests: Sequence[str] = (),
    space: VectorSpace | None = None,
) -> Snapshot:
    known = Interests.of([(name, "category", name.title()) for name in interests])
    catalogue = catalogue_of(items, known)
    rows = {
        catalogue.index[source]: (
            np.array([catalogue.index[target] for target in row], np.int32),
            np.array(list(row.values()), np.float32),
        )
        for source, row in (edges or {}).items()
    }
    return Snapshot(
        serial=0,
        catalogue=catalogue,
        interests=known,
        edges=Rows.of(rows, len(items)),
        mass=masses(items, NOW, HALF_LIFE_MS),
        reference_at=NOW,
        edges_half_life_ms=HALF_LIFE_MS,
        mass_half_life_ms=HALF_LIFE_MS,
        as_of=NOW,
        space=space,
    )


def space_of(folder: Path, vectors: Sequence[Sequence[float]], *, version: str = VERSION) -> VectorSpace:
    """Vectors by item; all zero stands for an item without one."""
    matrix = np.array(vectors, np.float32)
    encoder = UserEncoder.open(folder / version, read_card(folder / version, version))
    empty = VectorSpace(version, encoder, np.zeros((0, matrix.shape[1]), np.float32), np.zeros(0, bool), 0)
    places = np.flatnonzero(matrix.any(axis=1)).tolist()
    return empty.with_vectors(len(matrix), places, matrix[places], 1)


def user(
    *history: str,
    shares: Mapping[str, float] | None = None,
    seen: Sequence[str] = (),
    disliked: Sequence[str] = (),
    hidden: Sequence[str] = (),
    shown: Mapping[str, Shown] | None = None,
    neighbours: Sequence[NeighbourItem] = (),
    attributes: Mapping[str, Any] | None = None,
) -> UserState:
    """A user who bought some items, newest first, one a day."""
    return UserState(
        "u",
        True,
        [HistoryEntry(name, "purchase", NOW - day * MS_PER_DAY) for day, name in enumerate(history)],
        list((shares or {}).items()),
        seen,
        disliked,
        hidden,
        list((shown or {}).items()),
        neighbours,
        attributes or {},
    )
