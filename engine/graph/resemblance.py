"""Which items resemble each other, in the graph: RESEMBLES, of every item, fenced as every write-back.

Only rows that differ are written: one new item moves the rarity of all its words a little, and among items that are
equally alike it is chance which of them stand in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import now_ms
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence, unfenced

SAME: Final = 0.01
"""Similarities that differ by no more are taken for the same."""
_FETCH_ROWS: Final = 500

Int64 = npt.NDArray[np.int64]
Similarity = Callable[[int, Int64], npt.NDArray[np.floating]]


@dataclass(frozen=True, slots=True)
class Known:
    """What the graph says of the items that are there.

    Attributes:
        basis: What all rows go by, or none: they are of several, or nothing was joined yet.
        writes: Transactions that have written rows so far.
        changed: Items that changed since all were compared.
        offsets: Where each item's row begins, and the end [I + 1].
        targets: Items resembled, by index, -1 for one that is not there [E].
        similarities: How much [E].
        strangers: Ids of items that have a row and are not there.
    """

    basis: str | None
    writes: int
    changed: int
    offsets: Int64
    targets: Int64
    similarities: npt.NDArray[np.float64]
    strangers: Sequence[str]

    def row(self, place: int) -> tuple[Int64, npt.NDArray[np.float64]]:
        """Give targets and similarities of an item."""
        entries = slice(self.offsets[place], self.offsets[place + 1])
        return self.targets[entries], self.similarities[entries]

    def naming(self, items: Int64) -> npt.NDArray[np.bool_]:
        """Tell which rows name one of some items, or one that is not there [I]."""
        wanted = np.zeros(len(self.offsets), dtype=bool)
        wanted[items] = wanted[-1] = True
        row = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        found: npt.NDArray[np.bool_] = np.bincount(row[wanted[self.targets]], minlength=len(self.offsets) - 1) > 0
        return found

    def to_beat(self, neighbours: int) -> npt.NDArray[np.float64]:
        """Give the similarity above which another item comes into each row of so many, 0 where there is room [I]."""
        lengths = np.diff(self.offsets)
        lowest = np.zeros(len(lengths))
        taken = lengths > 0
        lowest[taken] = np.minimum.reduceat(self.similarities, self.offsets[:-1][taken]) + SAME if taken.any() else 0
        return np.where(lengths < neighbours, 0.0, lowest)


def read_resembling(store: GraphStore, ids: Sequence[str]) -> Known:
    """Read what items resemble.

    Args:
        store: The graph.
        ids: All items [I].
    """
    index = {item_id: place for place, item_id in enumerate(ids)}
    rows: dict[int, tuple[Int64, npt.NDArray[np.float64]]] = {}
    strangers: list[str] = []
    # Before the rows: what is written meanwhile is another's, and this run will see that there is more.
    states = store.read("resemblance/state")
    state: dict[str, Any] = states[0] if states else {"basis": None, "writes": 0, "changed": 0}
    for row in store.stream("ranking/resembling", fetch_size=_FETCH_ROWS, stamp=-1):
        place = index.get(row["id"])
        if place is None:
            strangers += [row["id"]] if row["targets"] else []
            continue
        targets = np.array([index.get(target, -1) for target in row["targets"]], dtype=np.int64)
        rows[place] = targets, np.array(row["similarities"], np.float64)
    lengths = np.zeros(len(ids), dtype=np.int64)
    for place, (targets, _) in rows.items():
        lengths[place] = len(targets)
    found = [rows[place] for place in sorted(rows)]
    return Known(
        state["basis"],
        state["writes"],
        state["changed"],
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate([targets for targets, _ in found]) if found else np.zeros(0, dtype=np.int64),
        np.concatenate([values for _, values in found]) if found else np.zeros(0),
        strangers,
    )


def joined_by(store: GraphStore) -> str | None:
    """Give what all rows go by, or none."""
    states = store.read("resemblance/state")
    return states[0]["basis"] if states else None


def replace_resembling(
    store: GraphStore,
    ids: Sequence[str],
    similar: sparse.csr_array,
    *,
    fence: Fence,
    basis: str,
    known: Known | None = None,
    places: Int64 | None = None,
    changed: int = 0,
    similarity: Similarity | None = None,
    batch_items: int = 200,
) -> int:
    """Put what items resemble in place of what the graph says; items that are not there lose theirs.

    Args:
        store: The graph.
        ids: All items [I].
        similar: Similarity of items to those they resemble most, CSR [N, I].
        fence: What has to hold.
        basis: What the rows go by.
        known: What the graph says, where it is read already.
        places: Items that `similar` is of, by index [N]; all when empty. The others stay as they are.
        changed: Items that changed since all were compared; added to those before where `similar` is not of all.
        similarity: Gives the similarity of an item to some others, by index; with it a row of other items that are as
            similar stays.
        batch_items: Items of one transaction.

    Returns:
        Edges written.

    Raises:
        FencedError: The version may not be written or another run has the job; nothing more was written.
    """
    wanted: sparse.csr_array = similar.sorted_indices()
    known = known or read_resembling(store, ids)
    row_of = enumerate(range(len(ids)) if places is None else places.tolist())
    differing: list[tuple[str, int | None]] = [(stranger, None) for stranger in known.strangers]
    differing += [
        (ids[place], row) for row, place in row_of if not _stays(wanted, row, place, *known.row(place), similarity)
    ]
    differing.sort(key=lambda item: item[0])
    written, writes = 0, known.writes
    for start in range(0, len(differing), batch_items):
        rows = [_row(ids, wanted, item_id, row) for item_id, row in differing[start : start + batch_items]]
        found = store.write("resemblance/write", rows=rows, now=now_ms(), basis=basis, **fence.parameters())
        written += unfenced(found, fence)
        writes += 1
    found = store.write(
        "resemblance/finish",
        now=now_ms(),
        basis=basis,
        whole=places is None,
        changed=changed,
        writes=writes,
        **fence.parameters(),
    )
    unfenced(found, fence)
    return written


def _stays(
    wanted: sparse.csr_array,
    row: int,
    place: int,
    targets: Int64,
    similarities: npt.NDArray[np.float64],
    similarity: Similarity | None,
) -> bool:
    """Whether a row of the graph says what is wanted, or, of other items, something as good."""
    start, end = wanted.indptr[row], wanted.indptr[row + 1]
    if len(targets) != end - start or (targets < 0).any():
        return False
    order = np.argsort(targets)
    values = wanted.data[start:end]
    if np.array_equal(targets[order], wanted.indices[start:end]):
        return _same(similarities[order], values)
    if similarity is None:
        return False
    true = similarity(place, targets)
    return _same(similarities, true) and _same(np.sort(true), np.sort(values))


def _same(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> bool:
    return bool((np.abs(one - other) <= SAME).all())


def _row(ids: Sequence[str], wanted: sparse.csr_array, item_id: str, row: int | None) -> dict[str, Any]:
    if row is None:
        return {"source": item_id, "targets": [], "similarities": []}
    entries = slice(wanted.indptr[row], wanted.indptr[row + 1])
    # A cosine of float32 may be a little above 1.
    similarities = np.minimum(wanted.data[entries].astype(np.float64), 1.0)
    targets = [ids[target] for target in wanted.indices[entries].tolist()]
    return {"source": item_id, "targets": targets, "similarities": similarities.tolist()}
