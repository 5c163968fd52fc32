"""CO_OCCURS rows and popularity against what all events say, a block of items at a time.

A pair of steps of one user, d apart, gives 1/d from the older item to the newer and `backward`/d the other way,
stamped with the time of the newer one; pairs of an item with itself give nothing. That is counted here with sorted
keys, apart from the code that counts for the fold and for the recount.

A row holds its strongest edges only. An edge that was pruned and came back counts what came after that: it may hold
less than the events say, never more. Where a row was never cut, every edge has to be there and equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.verification.recount import ABSOLUTE, RELATIVE
from engine.verification.report import Check, Difference

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PRUNED = "weaker than the events say: pruned and come back"
LOST = "among the strongest by the events, but pruned from the row"
_BLOCK_PAIRS = 2_000_000
_SHIFT = 32


@dataclass(frozen=True, slots=True)
class Edges:
    """Directed edges, sorted by key.

    Attributes:
        key: Source times 2^32 plus target, each once.
        weight: Sum as of `at`.
        at: Time of the newest part, epoch ms.
        count: Number of pairs.
    """

    key: Ints
    weight: Floats
    at: Ints
    count: Ints


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of all users, one user after the other, each oldest first.

    Attributes:
        item: Item of each step by number.
        at: Its time, epoch ms.
        user: Number of its user.
        strength: What it adds to the popularity of its item.
    """

    item: Ints
    at: Ints
    user: Ints
    strength: Floats


@dataclass(frozen=True, slots=True)
class Rules:
    """How edges are counted and kept."""

    window: int
    backward: float
    half_life_ms: float
    keep: int
    longest: int
    """Edges a row may have between two cuts."""


def expected_edges(steps: Steps, rules: Rules, items: int) -> Iterator[tuple[Ints, Edges]]:
    """Count the pairs, some source items at a time.

    Args:
        steps: All steps.
        rules: Window, weights.
        items: Number of items.

    Returns:
        The source items of a block, and their edges.
    """
    order = np.argsort(steps.item, kind="stable")
    bounds = np.searchsorted(steps.item[order], np.arange(items + 1))
    size = max(1, _BLOCK_PAIRS // (2 * rules.window))
    first = 0
    while first < items:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + size, side="right")) - 1)
        last = min(last, items)
        places = order[bounds[first] : bounds[last]]
        found = _nothing()
        for start in range(0, len(places), size):
            pairs = _pairs(places[start : start + size], steps, rules)
            found = _summed(_joined(found, pairs), rules.half_life_ms)
        yield np.arange(first, last), found
        first = last


def _pairs(places: Ints, steps: Steps, rules: Rules) -> Edges:
    """Make every pair that leaves the items at these places."""
    keys, weights, times = [], [], []
    last = len(steps.item)
    for distance in range(1, rules.window + 1):
        for there, weight in ((places + distance, 1.0), (places - distance, rules.backward)):
            inside = (there >= 0) & (there < last)
            here, other = places[inside], there[inside]
            same = (steps.user[here] == steps.user[other]) & (steps.item[here] != steps.item[other])
            here, other = here[same], other[same]
            if weight > 0:
                keys.append((steps.item[here] << _SHIFT) | steps.item[other])
                weights.append(np.full(len(here), weight / distance))
                times.append(np.maximum(steps.at[here], steps.at[other]))
    if not keys:
        return _nothing()
    key = np.concatenate(keys)
    ones = np.ones(len(key), dtype=np.int64)
    return _summed(Edges(key, np.concatenate(weights), np.concatenate(times), ones), rules.half_life_ms)


def _summed(parts: Edges, half_life_ms: float) -> Edges:
    """Add up what has the same key, in any order, as of the newest of each."""
    if len(parts.key) == 0:
        return parts
    order = np.argsort(parts.key, kind="stable")
    key, weight, at, count = parts.key[order], parts.weight[order], parts.at[order], parts.count[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    newest = np.maximum.reduceat(at, first)
    size = np.diff(np.r_[first, len(key)])
    faded = weight * np.exp2((at - np.repeat(newest, size)) / half_life_ms)
    return Edges(key[first], np.add.reduceat(faded, first), newest, np.add.reduceat(count, first))


def compare_rows(
    block: Ints,
    expected: Edges,
    found: Edges,
    *,
    cut: npt.NDArray[np.bool_],
    as_of: int,
    rules: Rules,
    names: Sequence[str],
    check: Check,
) -> None:
    """Compare the rows of a block of items.

    Args:
        block: The source items.
        expected: What the events say.
        found: What the graph has.
        cut: Whether the row of each item was ever cut, by item number.
        as_of: Time by which edges are kept, epoch ms.
        rules: Half-life, edges kept.
        names: Ids of the items.
        check: Where differences are counted.
    """

    def where(key: int) -> dict[str, str]:
        return {"from": names[key >> _SHIFT], "to": names[key & (2**_SHIFT - 1)]}

    check.compared += len(found.key)
    source = expected.key >> _SHIFT
    many = np.bincount(source - block[0], minlength=len(block)) > rules.keep if len(block) else np.zeros(0, bool)
    was_cut = many | cut[block]
    lengths = np.bincount((found.key >> _SHIFT) - block[0], minlength=len(block))
    for long in np.flatnonzero(lengths > rules.longest):
        check.differs(Difference("row too long", {"item": names[block[long]]}, int(lengths[long]), rules.longest))
    for number in np.flatnonzero(found.key[1:] == found.key[:-1]):
        check.differs(Difference("doubled", where(int(found.key[number]))))
    place = np.searchsorted(expected.key, found.key)
    inside = np.minimum(place, max(0, len(expected.key) - 1))
    known = (place < len(expected.key)) & (expected.key[inside] == found.key) if len(expected.key) else place < 0
    for number in np.flatnonzero(~known):
        check.differs(Difference("surplus", where(int(found.key[number])), float(found.weight[number])))
    _values(expected, found, np.flatnonzero(known), inside, was_cut, block, rules, where, check)
    _missing(expected, found, source, was_cut, block, as_of, rules, where, check)


def _values(
    expected: Edges,
    found: Edges,
    known: Ints,
    place: Ints,
    was_cut: npt.NDArray[np.bool_],
    block: Ints,
    rules: Rules,
    where: Callable[[int], dict[str, str]],
    check: Check,
) -> None:
    """Compare count and weight of the edges that both have."""
    there = place[known]
    latest = np.maximum(found.at[known], expected.at[there])
    weight = found.weight[known] * np.exp2((found.at[known] - latest) / rules.half_life_ms)
    should = expected.weight[there] * np.exp2((expected.at[there] - latest) / rules.half_life_ms)
    # Not the other way round, so that a weight that is no number differs.
    equal = np.abs(weight - should) <= RELATIVE * should + ABSOLUTE
    same_count = found.count[known] == expected.count[there]
    less = (found.count[known] < expected.count[there]) & (weight <= should * (1 + RELATIVE) + ABSOLUTE)
    less &= (found.count[known] > 0) & (weight >= 0) & was_cut[(found.key[known] >> _SHIFT) - block[0]]
    check_apart = int(np.count_nonzero(less & ~(equal & same_count)))
    if check_apart:
        check.set_apart(PRUNED, number=check_apart)
    for number in np.flatnonzero(~(equal & same_count) & ~less):
        key = int(found.key[known[number]])
        if not same_count[number]:
            difference = Difference(
                "count", where(key), int(found.count[known[number]]), int(expected.count[there[number]])
            )
        else:
            difference = Difference("weight", where(key), float(weight[number]), float(should[number]))
        check.differs(difference)


def _missing(
    expected: Edges,
    found: Edges,
    source: Ints,
    was_cut: npt.NDArray[np.bool_],
    block: Ints,
    as_of: int,
    rules: Rules,
    where: Callable[[int], dict[str, str]],
    check: Check,
) -> None:
    """Look for edges that should be there: all of a row that was never cut; the strongest of the others, apart."""
    absent = ~np.isin(expected.key, found.key, assume_unique=True)
    row_cut = was_cut[source - block[0]]
    for number in np.flatnonzero(absent & ~row_cut):
        check.differs(Difference("missing", where(int(expected.key[number])), None, float(expected.weight[number])))
    value = expected.weight * np.exp2((expected.at - as_of) / rules.half_life_ms)
    order = np.lexsort((-value, source))
    begins = np.searchsorted(source, source, side="left")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - begins[order]
    # Of equal ones either may be kept; what the row has must be weaker.
    weakest = np.zeros(len(block))
    length = np.bincount((found.key >> _SHIFT) - block[0], minlength=len(block))
    weakest[length >= rules.keep] = np.inf
    there = found.weight * np.exp2((found.at - as_of) / rules.half_life_ms)
    np.fmin.at(weakest, (found.key >> _SHIFT) - block[0], there)
    stronger = value > weakest[source - block[0]] * (1 + RELATIVE)
    lost = np.flatnonzero(absent & row_cut & (rank < rules.keep) & stronger)
    if len(lost):
        check.set_apart(LOST, number=len(lost))


def expected_popularity(steps: Steps, items: int, half_life_ms: float) -> tuple[Floats, Ints]:
    """Sum the strengths of each item as of its newest step."""
    newest = np.zeros(items, dtype=np.int64)
    np.maximum.at(newest, steps.item, steps.at)
    faded = steps.strength * np.exp2((steps.at - newest[steps.item]) / half_life_ms)
    return np.bincount(steps.item, weights=faded, minlength=items).astype(np.float64), newest


def compare_popularity(
    expected: tuple[Floats, Ints],
    found: tuple[Floats, Ints],
    rows: Ints,
    half_life_ms: float,
    names: Sequence[str],
    check: Check,
) -> None:
    """Compare the popularity of some items.

    Args:
        expected: Value and time, by item number.
        found: The same; no number where the item has none.
        rows: The items compared.
        half_life_ms: Milliseconds until half is left.
        names: Ids of the items.
        check: Where differences are counted.
    """
    check.compared += len(rows)
    for number in rows:
        value, at = float(found[0][number]), int(found[1][number])
        should, should_at = float(expected[0][number]), int(expected[1][number])
        if np.isnan(value):
            if should_at:
                check.differs(Difference("missing", {"item": names[number]}, None, should))
            continue
        latest = max(at, should_at)
        value *= 2.0 ** ((at - latest) / half_life_ms)
        should *= 2.0 ** ((should_at - latest) / half_life_ms)
        if not abs(value - should) <= RELATIVE * should + ABSOLUTE:
            check.differs(Difference("popularity", {"item": names[number]}, value, should))


def _joined(one: Edges, other: Edges) -> Edges:
    return Edges(
        np.concatenate([one.key, other.key]),
        np.concatenate([one.weight, other.weight]),
        np.concatenate([one.at, other.at]),
        np.concatenate([one.count, other.count]),
    )


def _nothing() -> Edges:
    none = np.zeros(0, dtype=np.int64)
    return Edges(none, np.zeros(0), none, none)
