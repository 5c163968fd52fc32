"""Rows of CO_OCCURS as columns, what changes do to them, and which edges a row keeps.

An edge that is there takes every change. A newcomer enters when it would be among the strongest `keep` of its row;
those it displaces stay until the row is longer than `keep` and its slack, then the strongest `keep` are left. So an
edge at the border is not made and deleted by every other event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.cooccurrence.counting import PairCounts

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Changed:
    """What changes do to rows.

    Attributes:
        table: The rows after them.
        changed: Places of edges in `table` that were there and have other values.
        made: Places of edges in `table` that were not there.
        gone_source: Item of each edge that goes.
        gone_target: Item that it points at.
    """

    table: PairCounts
    changed: Places
    made: Places
    gone_source: npt.NDArray[np.int32]
    gone_target: npt.NDArray[np.int32]


def change(table: PairCounts, changes: PairCounts, *, as_of: int, half_life_ms: float, keep: int, most: int) -> Changed:
    """Add changes to rows and cut the rows that grew too long.

    Args:
        table: Whole rows, sorted by source, then target.
        changes: What is added to edges of these rows, sorted alike.
        as_of: Time at which edges are compared, epoch ms.
        half_life_ms: Milliseconds until half of a weight is left.
        keep: Edges that a row is cut back to, the strongest; the smaller target wins a tie.
        most: Edges that a row may have before it is cut, at least `keep`.
    """
    key, added = _keys(table), _keys(changes)
    place = np.searchsorted(key, added)
    known = np.zeros(len(added), dtype=np.bool_)
    inside = place < len(key)
    known[inside] = key[place[inside]] == added[inside]
    here = place[known]

    weight, count, at = table.weight.copy(), table.count.copy(), table.updated_at.copy()
    latest = np.maximum(at[here], changes.updated_at[known])
    weight[here] = np.maximum(
        weight[here] * np.exp2((at[here] - latest) / half_life_ms)
        + changes.weight[known] * np.exp2((changes.updated_at[known] - latest) / half_life_ms),
        0.0,
    )
    count[here] += changes.count[known]
    at[here] = latest
    touched = np.zeros(len(key), dtype=np.bool_)
    touched[here] = True
    old = PairCounts(table.source, table.target, weight, count, at)
    alive = count > 0

    value = old.as_of(as_of, half_life_ms=half_life_ms)
    bar = _bars(table.source[alive], value[alive], keep, int(changes.source.max(initial=-1)) + 1)
    new_value = changes.as_of(as_of, half_life_ms=half_life_ms)
    enters = ~known & (changes.count > 0) & (new_value > bar[changes.source])

    source = np.concatenate([old.source, changes.source[enters]])
    target = np.concatenate([old.target, changes.target[enters]])
    values = np.concatenate([value, new_value[enters]])
    stays = np.concatenate([alive, np.ones(int(enters.sum()), dtype=np.bool_)])
    stays &= _among_strongest(source, target, np.where(stays, values, -1.0), stays, keep, most)
    order = np.flatnonzero(stays)
    order = order[np.argsort(_key(source[order], target[order]))]
    after = PairCounts(
        source[order],
        target[order],
        np.concatenate([old.weight, changes.weight[enters]])[order],
        np.concatenate([old.count, changes.count[enters]])[order],
        np.concatenate([old.updated_at, changes.updated_at[enters]])[order],
    )
    was_there = order < len(key)
    gone = np.flatnonzero(~stays[: len(key)])
    return Changed(
        table=after,
        changed=np.flatnonzero(was_there & np.concatenate([touched, np.zeros(int(enters.sum()), np.bool_)])[order]),
        made=np.flatnonzero(~was_there),
        gone_source=old.source[gone],
        gone_target=old.target[gone],
    )


def _keys(edges: PairCounts) -> npt.NDArray[np.int64]:
    return _key(edges.source, edges.target)


def _key(source: npt.NDArray[np.int32], target: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return (source.astype(np.int64) << 32) | target


def _ranks(source: npt.NDArray[np.int32], order: Places) -> tuple[npt.NDArray[np.int32], Places]:
    """Give the sources in an order that is sorted by them, and the place of each edge within its row."""
    sorted_source = source[order]
    first = np.flatnonzero(np.r_[True, sorted_source[1:] != sorted_source[:-1]])
    return sorted_source, np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))


def _bars(
    source: npt.NDArray[np.int32], value: npt.NDArray[np.float64], keep: int, size: int
) -> npt.NDArray[np.float64]:
    """Give the value of the edge at the last kept place of each row; 0 where a row is shorter."""
    bars = np.zeros(max(size, int(source.max(initial=-1)) + 1))
    if len(source):
        order = np.lexsort((-value, source))
        sources, rank = _ranks(source, order)
        at_bar = rank == keep - 1
        bars[sources[at_bar]] = value[order][at_bar]
    return bars


def _among_strongest(
    source: npt.NDArray[np.int32],
    target: npt.NDArray[np.int32],
    value: npt.NDArray[np.float64],
    counted: npt.NDArray[np.bool_],
    keep: int,
    most: int,
) -> npt.NDArray[np.bool_]:
    """Tell which edges a cut leaves; rows of at most `most` are not cut; those not counted have the least value."""
    stays = np.ones(len(source), dtype=np.bool_)
    lengths = np.bincount(source[counted], minlength=int(source.max(initial=0)) + 1)
    cut = np.flatnonzero(lengths[source] > most)
    if len(cut):
        order = np.lexsort((target[cut], -value[cut], source[cut]))
        _, rank = _ranks(source[cut], order)
        stays[cut[order[rank >= keep]]] = False
    return stays
