"""What late or recent events change in the counted pairs of their users.

An event that enters a sequence makes pairs with its neighbours and pushes apart those it comes between. So the
change is the pairs after minus the pairs before, and only pairs that hold a new event or span one can differ. An
event that leaves takes back what it would change by entering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.cooccurrence.counting import PairCounts, aggregate
from engine.domain import EpochMs


class Step(NamedTuple):
    """One event as a step of its user's sequence; sequences are sorted by time, then id."""

    at: EpochMs
    id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one user's sequence without gaps.

    Attributes:
        steps: In order. Around each new one stand at least `window` others on both sides, or all there are.
        new: Whether each step is one that enters.
    """

    steps: tuple[Step, ...]
    new: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Segments as columns.

    Attributes:
        names: Id of each item.
        item: Number of the item of each step, the segments one after the other, int32 [n].
        at: Its time, epoch ms, int64 [n].
        new: Whether it is one that enters, bool [n].
        strength: What a new one adds to the popularity of its item, float64 [n].
        offsets: Where each segment begins, and n at the end, int64 [S + 1].
        sign: 1 where the new steps of a segment enter, -1 where they leave, int8 [S].
    """

    names: tuple[str, ...]
    item: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    new: npt.NDArray[np.bool_]
    strength: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int8]


def join_runs(runs: Iterable[Iterable[Step]], new: frozenset[str]) -> list[Segment]:
    """Make segments of stretches of one user's sequence, joining those that overlap.

    Args:
        runs: Stretches without gaps, each in any order; a step may stand in several.
        new: Ids of the steps that enter.
    """
    merged: list[list[Step]] = []
    for run in sorted(sorted(set(run)) for run in runs):
        if not run:
            continue
        if merged and run[0] <= merged[-1][-1]:
            merged[-1] = sorted({*merged[-1], *run})
        else:
            merged.append(run)
    return [Segment(tuple(steps), tuple(step.id in new for step in steps)) for steps in merged]


def as_columns(segments: Sequence[Segment], strengths: Sequence[float], *, sign: int = 1) -> Stretches:
    """Give segments as columns.

    Args:
        segments: Stretches of sequences.
        strengths: What each step adds to the popularity of its item, in their order.
        sign: 1 where their new steps enter, -1 where they leave.
    """
    steps = [step for segment in segments for step in segment.steps]
    names = tuple(sorted({step.item_id for step in steps}))
    index = {name: number for number, name in enumerate(names)}
    lengths = [len(segment.steps) for segment in segments]
    return Stretches(
        names=names,
        item=np.array([index[step.item_id] for step in steps], dtype=np.int32),
        at=np.array([step.at for step in steps], dtype=np.int64),
        new=np.array([flag for segment in segments for flag in segment.new], dtype=np.bool_),
        strength=np.array(strengths, dtype=np.float64),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        sign=np.full(len(segments), sign, dtype=np.int8),
    )


def joined(parts: Sequence[Stretches]) -> Stretches:
    """Join stretches into one."""
    names = tuple(sorted({name for part in parts for name in part.names}))
    index = {name: number for number, name in enumerate(names)}
    items = [np.array([index[name] for name in part.names], dtype=np.int32)[part.item] for part in parts]
    begin = np.cumsum([0, *(len(part.item) for part in parts)], dtype=np.int64)
    return Stretches(
        names=names,
        item=np.concatenate([*items, np.zeros(0, np.int32)]),
        at=np.concatenate([*(part.at for part in parts), np.zeros(0, np.int64)]),
        new=np.concatenate([*(part.new for part in parts), np.zeros(0, np.bool_)]),
        strength=np.concatenate([*(part.strength for part in parts), np.zeros(0)]),
        offsets=np.concatenate(
            [*(part.offsets[:-1] + start for part, start in zip(parts, begin[:-1], strict=True)), begin[-1:]]
        ),
        sign=np.concatenate([*(part.sign for part in parts), np.zeros(0, np.int8)]),
    )


def count_changes(
    stretches: Stretches,
    *,
    window: int,
    backward: float,
    half_life_ms: float,
    sources: npt.NDArray[np.bool_] | None = None,
) -> PairCounts:
    """Count what the new steps change.

    Args:
        stretches: Stretches of sequences with their new steps.
        window: Largest distance that counts.
        backward: Weight of the direction new to old.
        half_life_ms: Milliseconds until half of a contribution is left.
        sources: Whether edges that leave an item are wanted, by its number; all where none is given.

    Returns:
        What is added to each edge. Weights are negative where pairs were pushed apart, counts are those of pairs
        added, and the time is that of the newest pair that changed.
    """
    item, at, is_new = stretches.item, stretches.at, stretches.new
    owner = np.repeat(np.arange(len(stretches.sign)), np.diff(stretches.offsets))
    entered = np.cumsum(is_new, dtype=np.int64)
    old = ~is_new
    parts = [
        _pairs(item, at, owner, entered, is_new, window, backward, stretches.sign, sources),
        _pairs(item[old], at[old], owner[old], entered[old], is_new[old], window, backward, -stretches.sign, sources),
    ]
    return aggregate(
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.updated_at for part in parts]),
        half_life_ms,
    )


def _pairs(
    item: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    entered: npt.NDArray[np.int64],
    is_new: npt.NDArray[np.bool_],
    window: int,
    backward: float,
    sign: npt.NDArray[np.int8],
    sources: npt.NDArray[np.bool_] | None,
) -> PairCounts:
    """Make the pairs that hold or span a new step, not summed.

    Args:
        item: Item of each step, [n].
        at: Its time, [n].
        owner: Its segment, [n].
        entered: New steps up to and with it, also those that are not among these steps, [n].
        is_new: Whether it is new itself, [n].
        window: Largest distance that counts.
        backward: Weight of the direction new to old.
        sign: What a pair of each segment counts, 1 or -1, [S].
        sources: Whether edges that leave an item are wanted, by its number.
    """
    source, target, weight, count, stamp = [item[:0]], [item[:0]], [np.zeros(0)], [np.zeros(0, np.int64)], [at[:0]]
    for distance in range(1, min(window, len(item) - 1) + 1):
        touched = (entered[distance:] > entered[:-distance]) | is_new[:-distance]
        counts = touched & (owner[distance:] == owner[:-distance]) & (item[distance:] != item[:-distance])
        older = np.flatnonzero(counts)
        for begin, end, strength in ((0, distance, 1.0 / distance), (distance, 0, backward / distance)):
            if strength == 0:
                continue
            leaves = older if sources is None else older[sources[item[older + begin]]]
            source.append(item[leaves + begin])
            target.append(item[leaves + end])
            counted = sign[owner[leaves]].astype(np.int64)
            weight.append(np.asarray(counted * strength, dtype=np.float64))
            count.append(counted)
            stamp.append(at[leaves + distance])
    return PairCounts(
        np.concatenate(source),
        np.concatenate(target),
        np.concatenate(weight),
        np.concatenate(count),
        np.concatenate(stamp),
    )
