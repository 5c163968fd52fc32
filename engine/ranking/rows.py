"""Weighted rows over items, compressed, with an overlay of the rows that changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float32]
Row = tuple[Indices, Weights]

_EMPTY: Final[Row] = (np.zeros(0, np.int32), np.zeros(0, np.float32))
_LEAST_OVERLAY: Final = 256
_OVERLAY_SHARE: Final = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse matrix in CSR form; rows in `changed` stand in place of those below.

    Attributes:
        offsets: Where each row begins, and the end, int64 [I + 1].
        targets: Column of each entry, int32 [E].
        weights: Its weight, float32 [E].
        changed: Rows that were set after the arrays were made.
    """

    offsets: npt.NDArray[np.int64]
    targets: Indices
    weights: Weights
    changed: Mapping[int, Row] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Rows:
        """Give rows without any entry."""
        return cls(np.zeros(1, np.int64), *_EMPTY)

    @classmethod
    def of(cls, rows: Mapping[int, Row], size: int) -> Rows:
        """Make rows of single ones; those not named are empty.

        Args:
            rows: By index.
            size: Number of rows.
        """
        lengths = np.zeros(size, np.int64)
        for index, (targets, _) in rows.items():
            lengths[index] = len(targets)
        offsets = np.zeros(size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        all_targets = np.empty(int(offsets[-1]), np.int32)
        all_weights = np.empty(int(offsets[-1]), np.float32)
        for index, (targets, weights) in rows.items():
            place = slice(int(offsets[index]), int(offsets[index + 1]))
            all_targets[place] = targets
            all_weights[place] = weights
        return cls(offsets, all_targets, all_weights)

    def __len__(self) -> int:
        return max(len(self.offsets) - 1, max(self.changed, default=-1) + 1)

    @property
    def entries(self) -> int:
        """Number of entries, about: an overlaid row counts as it is now."""
        hidden = sum(self._length_below(index) for index in self.changed)
        return len(self.targets) - hidden + sum(len(targets) for targets, _ in self.changed.values())

    def row(self, index: int) -> Row:
        """Give columns and weights of a row; none where it has none."""
        found = self.changed.get(index)
        if found is not None:
            return found
        if index + 1 >= len(self.offsets):
            return _EMPTY
        place = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return self.targets[place], self.weights[place]

    def with_rows(self, rows: Mapping[int, Row], *, compact: bool = True) -> Rows:
        """Give a copy in which some rows are set; it shares the arrays until the overlay grows large.

        Args:
            rows: By index.
            compact: Whether a large overlay may be worked into the arrays, which takes a while.
        """
        if not rows:
            return self
        changed = {**self.changed, **rows}
        if not compact or len(changed) <= max(_LEAST_OVERLAY, len(self) // _OVERLAY_SHARE):
            return Rows(self.offsets, self.targets, self.weights, changed)
        return Rows(self.offsets, self.targets, self.weights, changed).compacted()

    def compacted(self) -> Rows:
        """Give the same rows in arrays of their own, without an overlay."""
        if not self.changed:
            return self
        size = len(self)
        lengths = np.zeros(size, np.int64)
        lengths[: len(self.offsets) - 1] = np.diff(self.offsets)
        kept = np.ones(len(lengths), bool)
        for index, (targets, _) in self.changed.items():
            lengths[index] = len(targets)
            kept[index] = False
        offsets = np.zeros(size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        targets_out = np.empty(int(offsets[-1]), np.int32)
        weights_out = np.empty(int(offsets[-1]), np.float32)
        below = np.repeat(kept[: len(self.offsets) - 1], np.diff(self.offsets))
        above = np.repeat(kept, lengths)
        targets_out[above] = self.targets[below]
        weights_out[above] = self.weights[below]
        for index, (targets, weights) in self.changed.items():
            place = slice(int(offsets[index]), int(offsets[index + 1]))
            targets_out[place] = targets
            weights_out[place] = weights
        return Rows(offsets, targets_out, weights_out)

    def _length_below(self, index: int) -> int:
        if index + 1 >= len(self.offsets):
            return 0
        return int(self.offsets[index + 1] - self.offsets[index])
