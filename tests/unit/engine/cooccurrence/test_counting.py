from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cooccurrence.counting import PairCounts, count_pairs, row_scale, strongest

DAY = 86_400_000


def edges(counts: PairCounts) -> dict[tuple[int, int], tuple[float, int, int]]:
    return {
        (int(s), int(t)): (float(w), int(n), int(u))
        for s, t, w, n, u in zip(
            counts.source, counts.target, counts.weight, counts.count, counts.updated_at, strict=True
        )
    }


def brute_force(
    sequences: list[list[tuple[int, int]]], *, window: int, backward: float, half_life_ms: float | None
) -> dict[tuple[int, int], tuple[float, int, int]]:
    stamped: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for sequence in sequences:
        for p, (older, _) in enumerate(sequence):
            for q in range(p + 1, min(p + window, len(sequence) - 1) + 1):
                newer, at = sequence[q]
                if older == newer:
                    continue
                stamped.setdefault((older, newer), []).append((1 / (q - p), at))
                if backward:
                    stamped.setdefault((newer, older), []).append((backward / (q - p), at))
    result = {}
    for edge, contributions in stamped.items():
        newest = max(at for _, at in contributions)
        faded = [w * (2.0 ** ((at - newest) / half_life_ms) if half_life_ms else 1.0) for w, at in contributions]
        result[edge] = (sum(faded), len(contributions), newest)
    return result


def count(sequences: list[list[tuple[int, int]]], **options: float | None) -> PairCounts:
    flat = [event for sequence in sequences for event in sequence]
    offsets = np.cumsum([0] + [len(sequence) for sequence in sequences])
    return count_pairs(np.array([i for i, _ in flat]), np.array([t for _, t in flat]), offsets, **options)  # type: ignore[arg-type]


def test_three_items_by_hand() -> None:
    counts = count([[(0, 0), (1, DAY), (2, 2 * DAY)]], window=2, backward=0.3)
    assert edges(counts) == {
        (0, 1): (1.0, 1, DAY),
        (0, 2): (0.5, 1, 2 * DAY),
        (1, 0): (0.3, 1, DAY),
        (1, 2): (1.0, 1, 2 * DAY),
        (2, 0): (0.15, 1, 2 * DAY),
        (2, 1): (0.3, 1, 2 * DAY),
    }


def test_a_repeated_item_keeps_its_place_but_is_no_pair_of_its_own() -> None:
    counts = count([[(0, 0), (0, 0), (1, 0)]], window=5, backward=0.0)
    assert edges(counts) == {(0, 1): (1.5, 2, 0)}


def test_window_and_sequences_end_pairs() -> None:
    counts = count([[(0, 0), (1, 0), (2, 0)], [(3, 0)], [], [(4, 0), (5, 0)]], window=1, backward=0.0)
    assert set(edges(counts)) == {(0, 1), (1, 2), (4, 5)}


def test_decay_stands_at_the_newest_pair() -> None:
    counts = count([[(0, 0), (1, 0)], [(0, 10 * DAY), (1, 10 * DAY)]], window=3, backward=0.0, half_life_ms=10 * DAY)
    assert edges(counts) == {(0, 1): (1.5, 2, 10 * DAY)}
    assert counts.as_of(20 * DAY, half_life_ms=10 * DAY).tolist() == [0.75]


def test_pruning_keeps_the_strongest_as_of_the_newest_event() -> None:
    # 0 -> 1 is heavier but forty half-lives old; 0 -> 2 and 0 -> 3 tie and the smaller index stays.
    old = [[(0, 0), (1, 0)]] * 9
    new = [[(0, 40 * DAY), (2, 40 * DAY)], [(0, 40 * DAY), (3, 40 * DAY)]]
    counts = count(old + new, window=1, backward=0.0, half_life_ms=DAY, keep=1)
    assert edges(counts) == {(0, 2): (1.0, 1, 40 * DAY)}


def test_row_scale_divides_by_the_root_of_the_row() -> None:
    scaled = row_scale(np.array([0, 0, 2]), np.array([1.0, 3.0, 4.0]))
    assert scaled.tolist() == [0.5, 1.5, 2.0]


def test_nothing_counts_nothing() -> None:
    counts = count([], window=3, backward=0.3, keep=2)
    assert len(counts) == 0
    assert len(row_scale(counts.source, counts.weight)) == 0


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100 * DAY)), max_size=12), max_size=5),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([None, 7.0 * DAY]),
    st.sampled_from([1, 7, 1000]),
)
def test_equals_brute_force(
    raw: list[list[tuple[int, int]]], window: int, backward: float, half_life_ms: float | None, chunk: int
) -> None:
    sequences = [sorted(sequence, key=lambda event: event[1]) for sequence in raw]
    counts = count(sequences, window=window, backward=backward, half_life_ms=half_life_ms, chunk_pairs=chunk)
    expected = brute_force(sequences, window=window, backward=backward, half_life_ms=half_life_ms)
    found = edges(counts)
    assert found.keys() == expected.keys()
    for edge, (weight, number, stamp) in expected.items():
        assert found[edge][0] == pytest.approx(weight, rel=1e-12)
        assert found[edge][1:] == (number, stamp)
    order = list(zip(counts.source, counts.target, strict=True))
    assert order == sorted(order)


@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.just(0)), max_size=10), min_size=1, max_size=4))
def test_pruned_rows_are_the_top_of_the_whole_rows(sequences: list[list[tuple[int, int]]]) -> None:
    whole = count(sequences, window=4, backward=0.3)
    pruned = count(sequences, window=4, backward=0.3, keep=2, chunk_pairs=16)
    again = strongest(whole, 2, 0, half_life_ms=None)
    assert len(pruned) == len(again)
    for source in set(whole.source.tolist()):
        row = sorted((w for (s, _), (w, _, _) in edges(whole).items() if s == source), reverse=True)[:2]
        for kept in (pruned, again):
            assert sorted((w for (s, _), (w, _, _) in edges(kept).items() if s == source), reverse=True) == (
                pytest.approx(row)
            )
