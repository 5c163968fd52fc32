"""Relations of interests: by hand, against a dense count, and a planted pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from engine.interests.relatedness import Carriers, known_weight, related_blocks


def carriers(weights: list[list[float]], mass: list[float] | None = None) -> Carriers:
    dense = np.array(weights, dtype=np.float64)
    return Carriers.of(sparse.csr_array(dense), np.ones(len(dense)) if mass is None else np.array(mass))


def nobody(interests: int) -> Carriers:
    return Carriers.of(sparse.csr_array((0, interests), dtype=np.float64), np.zeros(0))


def edges(users: Carriers, items: Carriers, **options: float) -> dict[tuple[int, int], float]:
    given = {"part": 1.0, "min_users": 1, "min_items": 1, "keep": 100, "block": 100, **options}
    found = related_blocks(users, items, **given)  # type: ignore[arg-type]
    return {
        (source, target): weight
        for part in found
        for source, target, weight in zip(part.source.tolist(), part.target.tolist(), part.weight.tolist(), strict=True)
    }


def test_npmi_by_hand() -> None:
    # Two users like a and b alike, two like c alone: P(a) = P(b) = 1/4, P(a, b) = 1/2 · 1/4 = 1/8.
    users = carriers([[1, 1, 0], [2, 2, 0], [0, 0, 1], [0, 0, 3]])
    expected = math.log((1 / 8) / (1 / 16)) / -math.log(1 / 8)
    assert expected == pytest.approx(1 / 3)
    [found] = related_blocks(users, nobody(3), part=1.0, min_users=1, min_items=1, keep=9, block=9)
    assert found.by_users.tolist() == pytest.approx([expected, expected])
    assert found.users.tolist() == [2, 2]
    # Two users with a minimum of one: two thirds sure.
    assert edges(users, nobody(3)) == pytest.approx({(0, 1): expected * 2 / 3, (1, 0): expected * 2 / 3})


def test_chances_of_pairs_sum_to_the_chance_of_one() -> None:
    users = carriers([[1, 2, 0], [0, 1, 1]], mass=[1.0, 3.0])
    assert users.marginals() == pytest.approx([1 / 4 / 3, 1 / 4 * 2 / 3 + 3 / 4 / 2, 3 / 4 / 2])
    assert users.marginals().sum() == pytest.approx(1)


def test_what_is_known_of_a_user_grows_to_one() -> None:
    assert known_weight(np.array([0.0, 1.0, 3.0])).tolist() == [0.0, 0.5, 0.75]


def test_a_pair_below_the_minimum_says_nothing() -> None:
    # 2 and 3 come together once only, which is the strongest pair of all by npmi.
    users = carriers([[1, 1, 0, 0, 0]] * 3 + [[0, 0, 0, 0, 1]] * 3 + [[0, 0, 1, 1, 0]])
    [found] = related_blocks(users, nobody(5), part=1.0, min_users=1, min_items=1, keep=9, block=9)
    strongest = int(found.by_users.argmax())
    assert (found.source[strongest], found.target[strongest]) in {(2, 3), (3, 2)}
    assert set(edges(users, nobody(5), min_users=2)) == {(0, 1), (1, 0)}


def test_the_more_users_the_surer() -> None:
    few = [[1.0, 1, 0]] * 3 + [[0.0, 0, 1]] * 3
    assert edges(carriers(few), nobody(3))[0, 1] == pytest.approx(1 / 3 * 3 / 4)
    assert edges(carriers(few * 2), nobody(3))[0, 1] == pytest.approx(1 / 3 * 6 / 7)


def test_both_sides_have_their_part() -> None:
    users = carriers([[1, 1, 0]] * 2 + [[0, 0, 1]] * 2)
    items = carriers([[0, 1, 1]] * 2 + [[1, 0, 0]] * 2)
    found = edges(users, items, part=0.75)
    assert found[0, 1] == pytest.approx(0.75 / 3 * 2 / 3)
    assert found[1, 2] == pytest.approx(0.25 / 3 * 2 / 3)
    assert (0, 2) not in found


def test_only_the_strongest_are_kept() -> None:
    users = carriers([[3, 1, 1, 0, 0], [3, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
    everything = edges(users, nobody(5))
    best = edges(users, nobody(5), keep=1)
    for source in {source for source, _ in everything}:
        [(_, target)] = [pair for pair in best if pair[0] == source]
        assert best[source, target] == max(weight for pair, weight in everything.items() if pair[0] == source)


def test_a_planted_pair_is_found_among_chance() -> None:
    generator = np.random.default_rng(1)
    dense = (generator.random((400, 30)) < 0.1).astype(np.float64)
    together = generator.random(400) < 0.15
    dense[:, 4] = dense[:, 21] = together
    users = Carriers.of(sparse.csr_array(dense), np.ones(400))
    found = edges(users, nobody(30), min_users=5, keep=1)
    assert {pair for pair in found if pair[0] in (4, 21)} == {(4, 21), (21, 4)}
    assert max(found.values()) == found[4, 21]


def brute_force(weights: np.ndarray, mass: np.ndarray, least: int) -> np.ndarray:
    number = weights.shape[1]
    kept = [(row / row.sum(), heavy) for row, heavy in zip(weights, mass, strict=True) if row.sum() > 0 and heavy > 0]
    total = sum(heavy for _, heavy in kept)
    npmi = np.zeros((number, number))
    for x in range(number):
        for y in range(number):
            both = sum(1 for row, _ in kept if row[x] > 0 and row[y] > 0)
            joint = sum(heavy / total * row[x] * row[y] for row, heavy in kept)
            if x != y and both >= least and joint > 0:
                p_x = sum(heavy / total * row[x] for row, heavy in kept)
                p_y = sum(heavy / total * row[y] for row, heavy in kept)
                npmi[x, y] = both / (both + least) * math.log(joint / (p_x * p_y)) / -math.log(joint)
    return npmi


weight = st.one_of(st.just(0.0), st.floats(0.01, 10))


@given(
    users=hnp.arrays(np.float64, st.tuples(st.integers(1, 7), st.just(5)), elements=weight),
    items=hnp.arrays(np.float64, st.tuples(st.integers(1, 7), st.just(5)), elements=weight),
    part=st.floats(0, 1),
    least=st.integers(1, 3),
    block=st.integers(1, 6),
)
def test_equals_a_dense_count(users: np.ndarray, items: np.ndarray, part: float, least: int, block: int) -> None:
    mass = known_weight(users.sum(axis=1))
    dense = part * brute_force(users, mass, least) + (1 - part) * brute_force(items, np.ones(len(items)), least)
    found = edges(
        Carriers.of(sparse.csr_array(users), mass),
        Carriers.of(sparse.csr_array(items), np.ones(len(items))),
        part=part,
        min_users=least,
        min_items=least,
        block=block,
    )
    for x in range(5):
        for y in range(5):
            assert found.get((x, y), 0.0) == pytest.approx(max(dense[x, y], 0.0), abs=1e-9)
