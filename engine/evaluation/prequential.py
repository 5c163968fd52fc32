"""Test each event, then learn from it: how much does it matter how soon the engine learns?

Events are taken in the order of time. Before an event is known to anybody, its item is ranked among all items that its
user has not taken yet; then it becomes history (Dawid 1984; Gama et al. 2013, "On evaluating stream learning
algorithms"). The arms differ in what becomes of an event: whether the user's state knows it, and whether the edges,
or the whole model, learn from it at the end of each block.

Events of one time have no order among them: none of them is known when another one is tested. Else the order in which
the data happen to list a basket would tell what comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.errors import TrainingError
from engine.evaluation import metrics
from engine.evaluation.protocols import Ranks, Scorer
from engine.training.data import InteractionTable, Split, Targets

Int64 = npt.NDArray[np.int64]
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class Block:
    """Events between two learnings.

    Attributes:
        before: Everything before the time at which the block begins.
        measured: Places in the stream of events whose item is new to the user, who did something earlier [M].
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
        times = self.table.times[self.places]
        # What happened at one time is in one block.
        inside = bounds < len(times)
        bounds[inside] = np.searchsorted(times, times[bounds[inside]])
        fit = self._fit_to_measure()
        fit = fit[fit >= bounds[0]]
        if len(fit) > most:
            fit = np.sort(np.random.default_rng(seed).choice(fit, size=most, replace=False))
        for first, last in pairwise(bounds.tolist()):
            yield Block(self.before(first), fit[(fit >= first) & (fit < last)])

    def _fit_to_measure(self) -> Int64:
        """Give the events that have an earlier one, and whose item their user has not taken before."""
        size = int(self.table.items.max()) + 1 if len(self.table) else 1
        owner = self._owners()
        _, first = np.unique(owner * size + self.table.items, return_index=True)
        good = np.zeros(len(self.table), dtype=bool)
        good[first] = True
        good &= self._same_time() > self.table.offsets[owner]
        return np.flatnonzero(good[self.places])

    def _owners(self) -> Int64:
        return np.repeat(np.arange(self.table.users, dtype=np.int64), np.diff(self.table.offsets))

    def _same_time(self) -> Int64:
        """Give the place in the table of the first event that its user did at the time of each event [N]."""
        owner, times = self._owners(), self.table.times
        begins = np.ones(len(times), dtype=bool)
        begins[1:] = (owner[1:] != owner[:-1]) | (times[1:] != times[:-1])
        return np.maximum.accumulate(np.where(begins, np.arange(len(times)), 0))

    def histories(self, measured: Int64) -> InteractionTable:
        """Give what the user of each measured event did at earlier times, one user an event."""
        begin = self.table.offsets[self.users[measured]]
        return _rows(self.table, begin, self._same_time()[self.places[measured]] - begin)


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
    """Rank each measured event by what was popular in the days up to it, its own moment left out."""
    times = now.table.times[now.places]
    taken = now.table.items[now.places]

    def scores(rows: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        found = np.zeros((len(rows), items))
        for row, number in enumerate(block.measured[rows]):
            first, last = np.searchsorted(times, [times[number] - int(days * MS_PER_DAY), times[number]])
            found[row] = np.bincount(taken[first:last], minlength=items)
        return found

    return scores


def hold_out(table: InteractionTable, items: int, *, share: float, most: int, seed: int) -> Split:
    """Split what is known so that validation asks what the stream will ask.

    The last share of the events is validation: each event with what its user did at earlier times, one user an event.
    A split by user, as `leave_one_out`, would ask other users than those who come next. There is no test part; the
    stream is the test.

    Args:
        table: What is known.
        items: Size of the catalogue.
        share: Share of the events held out.
        most: Events of them asked for at most.
        seed: Seed of the draw.

    Raises:
        TrainingError: None of the events held out can be measured.
    """
    stream = Stream.of(table)
    [block] = stream.blocks(share, 1, most=most, seed=seed)
    asked = len(block.measured)
    if not asked or not len(block.before):
        raise TrainingError(
            "No event of the last ones has an earlier one of its user and an item that is new to the user.",
            field="events",
            value=len(table),
            remedy="Bring more events.",
        )
    column = table.items[stream.places[block.measured]]
    entries = (np.ones(asked, dtype=bool), column, np.arange(asked + 1))
    positives = sparse.csr_array(entries, shape=(asked, items))
    validation = Targets(stream.histories(block.measured), np.arange(asked, dtype=np.int32), positives, start=0)
    return Split(block.before, validation, validation, counts_history=False)


def _of_users(table: InteractionTable, users: Int64) -> InteractionTable:
    """Give the histories of users, one row each, in their order; a user may come more than once."""
    return _rows(table, table.offsets[users], np.diff(table.offsets)[users])


def _rows(table: InteractionTable, begin: Int64, lengths: Int64) -> InteractionTable:
    """Give slices of a table as users of their own."""
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(begin, lengths)
    ids = [str(number) for number in range(len(lengths))]
    return InteractionTable(ids, offsets, table.items[inside], table.types[inside], table.times[inside])
