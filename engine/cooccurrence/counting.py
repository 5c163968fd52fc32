"""Counting of what follows what in many sequences at once.

A pair of events of one user at distance d (1 to the window) adds 1/d to the edge from the older item to the newer
one and `backward`/d to the edge from the newer to the older. Each contribution is stamped with the time of the
newer event and loses half of itself every half-life. A pair of an item with itself counts nothing, but both events
keep their place in the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.float64]

_CHUNK_PAIRS = 2_000_000
"""Pairs made at once; keeps the peak near 200 MB whatever the number of events."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Directed edges, sorted by source, then target.

    Attributes:
        source: Index of the item an edge leaves, int32 [n].
        target: Index of the item it points at, int32 [n].
        weight: Sum of the contributions, decayed to `updated_at`, float64 [n].
        count: Number of pairs of events, int64 [n].
        updated_at: Time of the newest pair, epoch ms, int64 [n].
    """

    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]
    weight: FloatArray
    count: npt.NDArray[np.int64]
    updated_at: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def as_of(self, at: int, *, half_life_ms: float | None) -> FloatArray:
        """Give the weights decayed to one time.

        Args:
            at: Epoch ms, not before any `updated_at`.
            half_life_ms: The half-life they were counted with; none leaves them as they are.
        """
        if half_life_ms is None:
            return self.weight
        return np.asarray(self.weight * np.exp2((self.updated_at - at) / half_life_ms), dtype=np.float64)


def count_pairs(
    items: IntArray,
    at: IntArray,
    offsets: IntArray,
    *,
    window: int,
    backward: float,
    half_life_ms: float | None = None,
    keep: int | None = None,
    chunk_pairs: int = _CHUNK_PAIRS,
) -> PairCounts:
    """Count the pairs of many sequences.

    Args:
        items: Index of the item of each event, the sequences one after the other, each oldest first, [N].
        at: Time of each event, epoch ms, [N].
        offsets: Where each sequence begins, and N at the end, [S + 1].
        window: Largest distance that counts.
        backward: Weight of the direction new to old.
        half_life_ms: Milliseconds until half of a contribution is left; none for no decay.
        keep: Strongest edges kept of one source, compared at the newest time of all events; none for all.
        chunk_pairs: Pairs made at once.

    Returns:
        The edges. Items are worked through in blocks, so memory follows the kept edges, not the pairs.
    """
    if len(items) == 0:
        return _empty()
    item_of = np.ascontiguousarray(items, dtype=np.int32)
    time_of = np.ascontiguousarray(at, dtype=np.int64)
    lengths = np.diff(offsets)
    begin = np.repeat(offsets[:-1], lengths).astype(np.int32)
    end = np.repeat(offsets[1:], lengths).astype(np.int32)
    reference = int(time_of.max())
    order = np.argsort(item_of, kind="stable").astype(np.int32)
    parts = []
    for block in _blocks(item_of[order], max(1, chunk_pairs // (2 * window))):
        positions = order[block]
        found = _empty()
        step = max(1, chunk_pairs // (2 * window))
        for start in range(0, len(positions), step):
            chunk = _pairs_of(
                positions[start : start + step], item_of, time_of, begin, end, window, backward, half_life_ms
            )
            found = chunk if len(found) == 0 else aggregate(*_joined(found, chunk), half_life_ms)
        parts.append(found if keep is None else strongest(found, keep, reference, half_life_ms=half_life_ms))
    return _concatenate(parts)


def strongest(counts: PairCounts, keep: int, at: int, *, half_life_ms: float | None) -> PairCounts:
    """Keep the strongest edges of each source as of one time; the smaller target index wins a tie."""
    if len(counts) == 0:
        return counts
    value = counts.as_of(at, half_life_ms=half_life_ms)
    order = np.lexsort((counts.target, -value, counts.source))
    source = counts.source[order]
    first = np.flatnonzero(np.r_[True, source[1:] != source[:-1]])
    rank = np.arange(len(source)) - np.repeat(first, np.diff(np.r_[first, len(source)]))
    chosen = np.sort(order[rank < keep])
    return PairCounts(
        counts.source[chosen],
        counts.target[chosen],
        counts.weight[chosen],
        counts.count[chosen],
        counts.updated_at[chosen],
    )


def aggregate(
    source: npt.NDArray[np.int32],
    target: npt.NDArray[np.int32],
    weight: FloatArray,
    count: npt.NDArray[np.int64],
    stamp: npt.NDArray[np.int64],
    half_life_ms: float | None,
) -> PairCounts:
    """Sum contributions of the same edge, each decayed to the newest stamp of that edge.

    Args:
        source: Item each contribution leaves, [n].
        target: Item it points at, [n].
        weight: What it adds as of its stamp, [n].
        count: Pairs of events it stands for, [n].
        stamp: Its time, epoch ms, [n].
        half_life_ms: Milliseconds until half is left; none for no decay.
    """
    if len(source) == 0:
        return _empty()
    key = (source.astype(np.int64) << 32) | target
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    stamp = stamp[order]
    newest = np.maximum.reduceat(stamp, first)
    weight = weight[order]
    if half_life_ms is not None:
        weight = weight * np.exp2((stamp - np.repeat(newest, np.diff(np.r_[first, len(key)]))) / half_life_ms)
    unique = key[first]
    return PairCounts(
        (unique >> 32).astype(np.int32),
        (unique & 0xFFFFFFFF).astype(np.int32),
        np.add.reduceat(weight, first),
        np.add.reduceat(count[order], first),
        newest,
    )


def row_scale(source: IntArray, weight: FloatArray) -> FloatArray:
    """Divide each weight by the square root of the sum of its row.

    Args:
        source: Row of each edge, [n].
        weight: Weights as of one time, [n].
    """
    if len(source) == 0:
        return np.zeros(0)
    total = np.bincount(source, weights=weight)
    root = np.sqrt(total, out=np.ones_like(total), where=total > 0)
    return np.asarray(weight / root[source], dtype=np.float64)


def _blocks(sorted_items: npt.NDArray[np.int32], size: int) -> Iterator[slice]:
    """Cut positions sorted by item into runs of about `size` that never split an item."""
    bounds = np.flatnonzero(np.r_[True, sorted_items[1:] != sorted_items[:-1], True])
    start = 0
    while start < len(sorted_items):
        past = int(np.searchsorted(bounds, start + size, side="right")) - 1
        stop = int(bounds[past])
        if stop <= start:
            stop = int(bounds[int(np.searchsorted(bounds, start, side="right"))])
        yield slice(start, stop)
        start = stop


def _pairs_of(
    positions: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    begin: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    window: int,
    backward: float,
    half_life_ms: float | None,
) -> PairCounts:
    """Make and aggregate every pair that leaves the events at these positions."""
    distance = np.arange(1, window + 1)
    steps = np.r_[distance, -distance].astype(np.int32)
    strength = np.r_[1.0 / distance, backward / distance]
    here = positions[:, None]
    # [positions, 2 * window]: later events first, then earlier ones
    there = here + steps
    inside = (there >= begin[positions][:, None]) & (there < end[positions][:, None])
    if backward == 0:
        inside[:, window:] = False
    np.clip(there, 0, len(items) - 1, out=there)
    target = items[there]
    inside &= target != items[positions][:, None]
    newer = np.maximum(there, here)[inside]
    source = np.broadcast_to(items[positions][:, None], inside.shape)[inside]
    weight = np.broadcast_to(strength, inside.shape)[inside]
    ones = np.ones(len(source), dtype=np.int64)
    return aggregate(source, target[inside], weight, ones, at[newer], half_life_ms)


def _joined(
    one: PairCounts, other: PairCounts
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return (
        np.concatenate([one.source, other.source]),
        np.concatenate([one.target, other.target]),
        np.concatenate([one.weight, other.weight]),
        np.concatenate([one.count, other.count]),
        np.concatenate([one.updated_at, other.updated_at]),
    )


def _concatenate(parts: list[PairCounts]) -> PairCounts:
    return PairCounts(
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.updated_at for part in parts]),
    )


def _empty() -> PairCounts:
    return PairCounts(
        np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
