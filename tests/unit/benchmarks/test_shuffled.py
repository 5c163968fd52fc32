"""Breaking the order of days where only catalogue numbers tell it."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.shuffled import runs, shuffled

NUMBERS = {name: f"B{place}" for place, name in enumerate("abcde")}


def test_a_run_ends_where_the_number_falls() -> None:
    assert runs(list("acbde"), NUMBERS) == [["a", "c"], ["b", "d", "e"]]
    assert runs(list("ba"), NUMBERS) == [["b"], ["a"]]
    assert runs([], NUMBERS) == []


def test_items_change_places_within_their_run_alone() -> None:
    orders = {tuple(shuffled(list("acbde"), NUMBERS, np.random.default_rng(seed))) for seed in range(200)}
    assert len(orders) == 2 * 6
    assert {frozenset(order[:2]) for order in orders} == {frozenset("ac")}


def test_the_same_seed_gives_the_same_order() -> None:
    first, second = (shuffled(list("abcde"), NUMBERS, np.random.default_rng(3)) for _ in range(2))
    assert first == second
