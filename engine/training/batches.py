"""Batches of positions: windows of the users' sequences, cut anew in each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.training.data import InteractionTable


@dataclass(frozen=True, slots=True)
class Batch:
    """Some windows of sequences.

    Attributes:
        items: Input items, right-aligned [B, L].
        types: Their event types [B, L].
        times: Their times, epoch ms [B, L].
        mask: Which steps are real [B, L].
        scored: Which steps have a target [B, L].
        targets: The item to predict at each scored step, in the order of `scored` [P].
        latest: Newest items at each scored step, newest first, -1 for none [P, K].
        latest_events: The same as positions in the table [P, K].
        fold: Fold of all its users.
    """

    items: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    scored: npt.NDArray[np.bool_]
    targets: npt.NDArray[np.int64]
    latest: npt.NDArray[np.int64]
    latest_events: npt.NDArray[np.int64]
    fold: int = 0


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
        new_only: Whether only items that the user takes for the first time are predicted.
        fold_of_user: Fold of each user [U]; no batch has users of two folds. One fold when empty.
    """

    def __init__(
        self,
        table: InteractionTable,
        *,
        length: int,
        positions: int,
        latest: int,
        seed: int,
        new_only: bool,
        fold_of_user: npt.NDArray[np.integer] | None = None,
    ) -> None:
        self._table = table
        self._length = length
        self._positions = positions
        self._latest = latest
        self._seed = seed
        self._fold_of_user = np.zeros(table.users, dtype=np.int64) if fold_of_user is None else fold_of_user
        self._candidates, self._from, self._to = following(table, new_only=new_only)

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
        fold = self._fold_of_user[np.searchsorted(self._table.offsets, begin, side="right") - 1]
        shuffled = rng.permutation(len(begin))
        ordered = shuffled[np.lexsort((size[shuffled], fold[shuffled]))]
        cuts = [0]
        for position, window in enumerate(ordered):
            last = position + 1 == len(ordered)
            # Padded to the longest, which is the last one here.
            full = (position + 1 - cuts[-1]) * int(size[window]) >= self._positions
            if full or last or fold[ordered[position + 1]] != fold[window]:
                cuts.append(position + 1)
        groups = [ordered[a:b] for a, b in pairwise(cuts)]
        for index in rng.permutation(len(groups)):
            group = groups[index]
            batch = self._batch(begin[group], end[group], rng)
            if len(batch.targets):
                yield replace(batch, fold=int(fold[group[0]]))

    def _batch(self, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], rng: np.random.Generator) -> Batch:
        table = self._table
        length = int((end - begin).max())
        index = end[:, None] - np.arange(length, 0, -1)[None, :]
        mask = index >= begin[:, None]
        safe = np.where(mask, index, 0)
        scored = mask & (self._to[safe] > self._from[safe])
        event = index[scored]
        owner_start = table.offsets[np.searchsorted(table.offsets, event, side="right") - 1]
        latest_events = event[:, None] - np.arange(self._latest)[None, :]
        valid = latest_events >= owner_start[:, None]
        latest_events = np.where(valid, latest_events, -1)
        target = self._candidates[rng.integers(self._from[event], self._to[event])]
        return Batch(
            items=np.where(mask, table.items[safe], 0).astype(np.int64),
            types=np.where(mask, table.types[safe], 0).astype(np.int64),
            times=np.where(mask, table.times[safe], 0).astype(np.int64),
            mask=mask,
            scored=scored,
            targets=table.items[target].astype(np.int64),
            latest=np.where(valid, table.items[np.maximum(latest_events, 0)], -1).astype(np.int64),
            latest_events=latest_events,
        )


def known_items(table: InteractionTable, events: npt.NDArray[np.int64], item_count: int) -> sparse.csr_array:
    """Give what each event's user has taken up to it, CSR int8 [P, I]; an item may stand twice.

    Args:
        table: Behaviour.
        events: Positions in the table [P].
        item_count: I.
    """
    first = table.offsets[np.searchsorted(table.offsets, events, side="right") - 1]
    lengths = events + 1 - first
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    places = np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], lengths)
    entries = (np.ones(len(places), dtype=np.int8), table.items[places], bounds)
    return sparse.csr_array(entries, shape=(len(events), item_count))


def following(
    table: InteractionTable, *, new_only: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give what may follow each event: the events of the user's next distinct time.

    Events of one time, a basket, have no order among them: to predict one from another would learn the order in which
    the data happen to list them.

    Args:
        table: Behaviour.
        new_only: Whether only first takings of an item count.

    Returns:
        Candidates, positions in the table [C], and the range of candidates of each event, two arrays [N].
    """
    users = np.repeat(np.arange(table.users), np.diff(table.offsets))
    if new_only:
        keys = users.astype(np.int64) * (int(table.items.max(initial=0)) + 1) + table.items
        _, first = np.unique(keys, return_index=True)
        candidates = np.sort(first).astype(np.int64)
    else:
        candidates = np.arange(len(table), dtype=np.int64)
    # One group is one user at one time; the last event of each group tells where the next begins.
    change = np.append((users[1:] != users[:-1]) | (table.times[1:] != table.times[:-1]), True)
    group_end = np.flatnonzero(change) + 1
    group = np.concatenate(([0], np.cumsum(change)[:-1])) if len(table) else np.zeros(0, dtype=np.int64)
    start = np.searchsorted(candidates, group_end[group])
    inside = np.minimum(start, max(len(candidates) - 1, 0))
    there = (start < len(candidates)) & (users[candidates[inside]] == users) if len(candidates) else start < 0
    next_group = group[candidates[inside]] if len(candidates) else group
    stop = np.searchsorted(candidates, group_end[next_group])
    return candidates, start, np.where(there, stop, start)
