"""What late or recent events change in the counted pairs of their users.

An event that enters a sequence makes pairs with its neighbours and pushes apart those it comes between. So the
change is the pairs after minus the pairs before, and only pairs that hold a new event or span one can differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.cooccurrence.counting import PairCounts, aggregate
from engine.domain import EpochMs


@dataclass(frozen=True, slots=True, order=True)
class Step:
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
class EdgeDelta:
    """What is added to one edge.

    Attributes:
        weight: Added weight as of `updated_at`; negative where pairs were pushed apart.
        count: Added pairs of events.
        updated_at: Time of the newest pair that changed, epoch ms.
    """

    source: str
    target: str
    weight: float
    count: int
    updated_at: EpochMs


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


def count_delta(segments: Sequence[Segment], *, window: int, backward: float, half_life_ms: float) -> list[EdgeDelta]:
    """Count what the new steps change.

    Args:
        segments: Stretches of sequences with their new steps.
        window: Largest distance that counts.
        backward: Weight of the direction new to old.
        half_life_ms: Milliseconds until half of a contribution is left.

    Returns:
        Changes sorted by source, then target.
    """
    names = sorted({step.item_id for segment in segments for step in segment.steps})
    index = {name: number for number, name in enumerate(names)}
    steps = [step for segment in segments for step in segment.steps]
    item = np.array([index[step.item_id] for step in steps], dtype=np.int32)
    at = np.array([step.at for step in steps], dtype=np.int64)
    owner = np.repeat(np.arange(len(segments)), [len(segment.steps) for segment in segments])
    is_new = np.array([flag for segment in segments for flag in segment.new], dtype=bool)
    entered = np.cumsum(is_new)
    old = ~is_new
    after = _pairs(item, at, owner, entered, is_new, window, backward)
    before = _pairs(item[old], at[old], owner[old], entered[old], is_new[old], window, backward)
    changed = aggregate(
        np.concatenate([after.source, before.source]),
        np.concatenate([after.target, before.target]),
        np.concatenate([after.weight, -before.weight]),
        np.concatenate([after.count, -before.count]),
        np.concatenate([after.updated_at, before.updated_at]),
        half_life_ms,
    )
    return [
        EdgeDelta(names[source], names[target], weight, count, updated_at)
        for source, target, weight, count, updated_at in zip(
            changed.source.tolist(),
            changed.target.tolist(),
            changed.weight.tolist(),
            changed.count.tolist(),
            changed.updated_at.tolist(),
            strict=True,
        )
    ]


def _pairs(
    item: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    entered: npt.NDArray[np.int64],
    is_new: npt.NDArray[np.bool_],
    window: int,
    backward: float,
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
    """
    source, target, weight, stamp = [], [], [], []
    for distance in range(1, min(window, len(item) - 1) + 1):
        touched = (entered[distance:] > entered[:-distance]) | is_new[:-distance]
        counts = touched & (owner[distance:] == owner[:-distance]) & (item[distance:] != item[:-distance])
        older = np.flatnonzero(counts)
        newer = older + distance
        source.append(item[older])
        target.append(item[newer])
        weight.append(np.full(len(older), 1.0 / distance))
        stamp.append(at[newer])
        if backward:
            source.append(item[newer])
            target.append(item[older])
            weight.append(np.full(len(older), backward / distance))
            stamp.append(at[newer])
    if not source:
        source, target, weight, stamp = [item[:0]], [item[:0]], [np.zeros(0)], [at[:0]]
    joined = np.concatenate(source)
    return PairCounts(
        joined,
        np.concatenate(target),
        np.concatenate(weight),
        np.ones(len(joined), dtype=np.int64),
        np.concatenate(stamp),
    )
