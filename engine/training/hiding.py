"""Items that have behaviour, hidden as though they were new."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.inferred_edges import with_behaviour
from engine.training.data import InteractionTable

PARTS: Final = 10
"""Of so many parts of the items each is hidden at most once."""

Int64 = npt.NDArray[np.int64]


class Fold:
    """A part of the items hidden, with the targets to measure.

    Attributes:
        new: The hidden items, by index.
        table: The history without them.
        term: Edges counted on it.
        absent: Items that nobody took and that are not hidden: they are never ranked.
    """

    def __init__(self, history: InteractionTable, size: int, new: Int64, counting: CountSettings) -> None:
        hidden = np.zeros(size, dtype=bool)
        hidden[new] = True
        self.new = new
        self.table = history.keeping(~hidden[history.items])
        self.term = CoOccurrenceTerm.count(self.table, size, counting)
        self.absent: npt.NDArray[np.bool_] = ~hidden
        self.absent[with_behaviour(self.term.counted)] = False


def hidden_parts(history: InteractionTable, size: int, *, seed: int) -> list[Int64]:
    """Draw tenths of the items with behaviour, none of them twice, each sorted."""
    taken = np.flatnonzero(np.bincount(history.items, minlength=size))
    mixed = np.random.default_rng(seed).permutation(taken)
    return [np.sort(part).astype(np.int64) for part in np.array_split(mixed, PARTS) if len(part)]
