"""Test each event, then learn from it: how much does it matter how soon the engine learns?

Events are taken in the order of time. Before an event is known to anybody, its item is ranked among all items that its
user has not taken yet; then it becomes history (Dawid 1984; Gama et al. 2013, "On evaluating stream learning
algorithms"). The arms differ in what becomes of an event: whether the user's state knows it, and whether the edges,
or the whole model, learn from it at the end of each block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.domain import MS_PER_DAY
from engine.evaluation import metrics
from engine.evaluation.protocols import Ranks, Scorer
from engine.training.data import InteractionTable

Int64 = npt.NDArray[np.int64]
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class Block:
    """Events between two learnings.

    Attributes:
        before: Everything before the block.
        measured: Places in the stream of events whose item is new to the user, who is known by then [M].
    """

    before: InteractionTable
    measured: Int64


@dataclass(frozen=True, slots=True)
class Stream:
    """Events of all users in the order of time.

    Attributes:
        table: The same events by user.
        places: Where each event of the stream stands in the table [N].
        users: User of each event of the stream [N].
    """

    table: InteractionTable
    places: Int64
    users: Int64

    @classmethod
    def of(cls, table: InteractionTable) -> Stream:
        """Order the events of a table by time; equal times by user and then as they stand."""
        places = np.argsort(table.times, kind="stable")
        users = np.repeat(np.arange(table.users, dtype=np.int64), np.diff(table.offsets))
        return cls(table, places, users[places])

    def before(self, number: int) -> InteractionTable:
        """Give the first events of the stream, by user."""
        keep = np.zeros(len(self.table), dtype=bool)
        keep[self.places[:number]] = True
        count = np.concatenate(([0], np.cumsum(keep))).astype(np.int64)
        table = self.table
        return InteractionTable(
            table.user_ids, count[table.offsets], table.items[keep], table.types[keep], table.times[keep]
        )

    def blocks(self, share: float, blocks: int, *, most: int, seed: int) -> Iterator[Block]:
        """Give the last events of the stream in blocks.

        Args:
            share: Share of the events that is tested.
            blocks: How many.
            most: Events measured in all; drawn by chance where there are more.
            seed: Seed of the draw.
        """
        bounds = np.linspace(round((1 - share) * len(self.places)), len(self.places), blocks + 1).astype(np.int64)
        fit = self._fit_to_measure()
        fit = fit[fit >= bounds[0]]
        if len(fit) > most:
            fit = np.sort(np.random.default_rng(seed).choice(fit, size=most, replace=False))
        for first, last in pairwise(bounds.tolist()):
            yield Block(self.before(first), fit[(fit >= first) & (fit < last)])

    def _fit_to_measure(self) -> Int64:
        """Give the events that have one before them, and whose item their user has not taken before."""
        size = int(self.table.items.max()) + 1 if len(self.table) else 1
        owner = np.repeat(np.arange(self.table.users, dtype=np.int64), np.diff(self.table.offsets))
        _, first = np.unique(owner * size + self.table.items, return_index=True)
        good = np.zeros(len(self.table), dtype=bool)
        good[first] = True
        lengths = np.diff(self.table.offsets)
        good[self.table.offsets[:-1][lengths > 0]] = False
        return np.flatnonzero(good[self.places])

    def histories(self, measured: Int64) -> InteractionTable:
        """Give what the user of each measured event did before it, one user an event."""
        at = self.places[measured]
        begin = self.table.offsets[self.users[measured]]
        lengths = at - begin
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(begin, lengths)
        ids = [str(number) for number in range(len(measured))]
        table = self.table
        return InteractionTable(ids, offsets, table.items[inside], table.types[inside], table.times[inside])


def rank_block(
    stream: Stream, block: Block, make: Callable[[InteractionTable], Scorer], *, frozen: InteractionTable | None = None
) -> Ranks:
    """Rank the item of each measured event of a block.

    Args:
        stream: The events.
        block: The block.
        make: Makes a scorer of a history.
        frozen: What users' states know; up to the moment of each event where none is given.
    """
    known = stream.histories(block.measured)
    history = known if frozen is None else _of_users(frozen, stream.users[block.measured])
    scorer = make(history)
    target = stream.table.items[stream.places[block.measured]]
    rows = np.arange(len(target))
    ranks = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        scores = np.array(scorer(part), dtype=np.float32)
        lengths = np.diff(known.offsets)[part]
        taken = known.items[known.offsets[part[0]] : known.offsets[part[-1] + 1]]
        scores[np.repeat(np.arange(len(part)), lengths), taken] = -np.inf
        ranks.append(metrics.mean_ranks(scores, np.arange(len(part)), target[part]))
    found = np.concatenate(ranks) if ranks else np.zeros(0)
    none = np.zeros((0, 10), dtype=np.int64)
    return Ranks(rows.astype(np.int64), found, rows.astype(np.int64), none, 0)


def last_days(now: Stream, block: Block, items: int, days: float) -> Scorer:
    """Rank each measured event by what was popular in the days before it, its own moment included."""
    times = now.table.times[now.places]
    taken = now.table.items[now.places]

    def scores(rows: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        found = np.zeros((len(rows), items))
        for row, number in enumerate(block.measured[rows]):
            first = np.searchsorted(times, times[number] - int(days * MS_PER_DAY))
            found[row] = np.bincount(taken[first:number], minlength=items)
        return found

    return scores


def _of_users(table: InteractionTable, users: Int64) -> InteractionTable:
    """Give the histories of users, one row each, in their order; a user may come more than once."""
    begin, lengths = table.offsets[users], np.diff(table.offsets)[users]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(begin, lengths)
    ids = [str(number) for number in range(len(users))]
    return InteractionTable(ids, offsets, table.items[inside], table.types[inside], table.times[inside])
