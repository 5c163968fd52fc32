"""Batches of positions: windows of the users' sequences, cut anew in each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.training.data import InteractionTable


@dataclass(frozen=True, slots=True)
class Batch:
    """Some windows of sequences.

    Attributes:
        items: Input items, right-aligned [B, L].
        types: Their event types [B, L].
        mask: Which steps are real [B, L].
        targets: The next item of each real step, in the order of `mask` [P].
        latest: Newest items at each real step, newest first, -1 for none [P, K].
        latest_events: The same as positions in the table [P, K].
    """

    items: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    targets: npt.NDArray[np.int64]
    latest: npt.NDArray[np.int64]
    latest_events: npt.NDArray[np.int64]


class BatchSampler:
    """Cuts each user's sequence into windows of at most `length` steps.

    Windows begin at a random offset that changes with the epoch, so that each event is seen with contexts of
    different length. Windows of similar length stand together, so that little padding is computed.

    Args:
        table: Behaviour.
        length: Steps of a window.
        positions: Steps of a batch, about.
        latest: Items that the counted term reads.
        seed: Seed of cuts and order.
    """

    def __init__(self, table: InteractionTable, *, length: int, positions: int, latest: int, seed: int) -> None:
        self._table = table
        self._length = length
        self._positions = positions
        self._latest = latest
        self._seed = seed

    def windows(self, epoch: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give first and one-past-last input event of each window of an epoch."""
        rng = np.random.default_rng([self._seed, epoch])
        lengths = np.diff(self._table.offsets)
        users = np.flatnonzero(lengths > 1)
        inputs = lengths[users] - 1
        first = rng.integers(1, self._length + 1, size=len(users))
        first = np.where(inputs <= self._length, inputs, first)
        pieces = 1 + -(-(inputs - first) // self._length)
        owner = np.repeat(np.arange(len(users)), pieces)
        order = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin = np.where(order == 0, 0, first[owner] + (order - 1) * self._length)
        end = np.minimum(first[owner] + order * self._length, inputs[owner])
        base = self._table.offsets[users][owner]
        return base + begin, base + end

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch."""
        begin, end = self.windows(epoch)
        rng = np.random.default_rng([self._seed, epoch, 1])
        size = end - begin
        shuffled = rng.permutation(len(begin))
        ordered = shuffled[np.argsort(size[shuffled], kind="stable")]
        cuts = [0]
        filled = 0
        for position, window in enumerate(ordered):
            # Padded to the longest, which is the last one here.
            filled = (position + 1 - cuts[-1]) * int(size[window])
            if filled >= self._positions:
                cuts.append(position + 1)
        if cuts[-1] < len(ordered):
            cuts.append(len(ordered))
        groups = [ordered[a:b] for a, b in pairwise(cuts)]
        for index in rng.permutation(len(groups)):
            yield self._batch(begin[groups[index]], end[groups[index]])

    def _batch(self, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> Batch:
        table = self._table
        length = int((end - begin).max())
        index = end[:, None] - np.arange(length, 0, -1)[None, :]
        mask = index >= begin[:, None]
        event = index[mask]
        owner_start = table.offsets[np.searchsorted(table.offsets, event, side="right") - 1]
        latest_events = event[:, None] - np.arange(self._latest)[None, :]
        valid = latest_events >= owner_start[:, None]
        latest_events = np.where(valid, latest_events, -1)
        safe = np.where(mask, index, 0)
        return Batch(
            items=np.where(mask, table.items[safe], 0).astype(np.int64),
            types=np.where(mask, table.types[safe], 0).astype(np.int64),
            mask=mask,
            targets=table.items[event + 1].astype(np.int64),
            latest=np.where(valid, table.items[np.maximum(latest_events, 0)], -1).astype(np.int64),
            latest_events=latest_events,
        )
