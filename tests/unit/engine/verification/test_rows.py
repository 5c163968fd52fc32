"""Rows counted with sorted keys, and compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cooccurrence.counting import count_pairs
from engine.domain import MS_PER_DAY
from engine.interests.decay import days_ms
from engine.verification import rows as module
from engine.verification.report import Check
from engine.verification.rows import (
    LOST,
    PRUNED,
    Edges,
    Rules,
    Steps,
    compare_rows,
    expected_edges,
    expected_popularity,
)

DAY = MS_PER_DAY
RULES = Rules(window=2, backward=0.5, half_life_ms=days_ms(10), keep=2, longest=3)
NAMES = ["a", "b", "c", "d", "e"]


def steps(*users: list[tuple[int, int]]) -> Steps:
    """Make steps of (item, time) lists, one a user."""
    flat = [(item, at, number) for number, user in enumerate(users) for item, at in user]
    columns = np.array(flat, dtype=np.int64).reshape(-1, 3)
    return Steps(columns[:, 0], columns[:, 1], columns[:, 2], np.ones(len(flat)))


def whole(found: Steps, rules: Rules, items: int) -> Edges:
    parts = [edges for _, edges in expected_edges(found, rules, items)]
    return Edges(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("key", "weight", "at", "count"))
    )


def edges(**pairs: tuple[float, int, int]) -> Edges:
    """Make edges of names such as `ab`, with weight, time and count."""
    ordered = sorted((NAMES.index(name[0]) << 32 | NAMES.index(name[1]), *values) for name, values in pairs.items())
    key, weight, at, count = zip(*ordered, strict=True)
    return Edges(np.array(key), np.array(weight, dtype=float), np.array(at), np.array(count))


def compared(expected: Edges, found: Edges, *, cut: bool = False) -> Check:
    check = Check("co_occurrence", "")
    block = np.arange(len(NAMES))
    compare_rows(block, expected, found, cut=np.full(len(NAMES), cut), as_of=0, rules=RULES, names=NAMES, check=check)
    return check


def test_pairs_by_hand() -> None:
    found = whole(steps([(0, 0), (1, 10 * DAY), (0, 20 * DAY)]), RULES, 2)
    # 0 then 1, one apart, at day 10; 1 then 0, one apart, at day 20; 0 with itself counts nothing.
    assert found.key.tolist() == [1, 1 << 32]
    assert found.weight.tolist() == [1.0 * 0.5 + 0.5, 0.5 * 0.5 + 1.0]
    assert found.at.tolist() == [20 * DAY, 20 * DAY]
    assert found.count.tolist() == [2, 2]


USERS = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 100 * DAY)), max_size=12), max_size=5)


@given(USERS, st.integers(1, 4), st.sampled_from([0.0, 0.3]), st.sampled_from([1, 5, 1000]))
def test_it_equals_the_other_count(
    users: list[list[tuple[int, int]]], window: int, backward: float, block_pairs: int
) -> None:
    ordered = [sorted(user, key=lambda step: step[1]) for user in users]
    given_steps = steps(*ordered)
    rules = Rules(window, backward, days_ms(10), 50, 50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_PAIRS", block_pairs)
        found = whole(given_steps, rules, 5)
    offsets = np.cumsum([0, *(len(user) for user in ordered)])
    other = count_pairs(
        given_steps.item, given_steps.at, offsets, window=window, backward=backward, half_life_ms=days_ms(10)
    )
    assert found.key.tolist() == ((other.source.astype(np.int64) << 32) | other.target).tolist()
    assert found.count.tolist() == other.count.tolist()
    assert found.at.tolist() == other.updated_at.tolist()
    np.testing.assert_allclose(found.weight, other.weight, rtol=1e-12)


def test_popularity_stands_at_the_newest_step() -> None:
    value, at = expected_popularity(steps([(0, 0), (0, 10 * DAY)], [(1, 5)]), 3, days_ms(10))
    assert value.tolist() == [1.5, 1.0, 0.0]
    assert at.tolist() == [10 * DAY, 5, 0]


def test_equal_rows_have_no_differences() -> None:
    same = edges(ab=(1.0, 5, 2), ba=(0.5, 5, 2))
    check = compared(same, same)
    assert (check.kinds, check.apart, check.compared) == ({}, {}, 2)


def test_each_difference_has_its_name() -> None:
    expected = edges(ab=(1.0, 0, 2), ac=(1.0, 0, 2), ba=(1.0, 0, 2))
    found = edges(ab=(1.0 + 1e-8, 0, 2), ac=(1.0, 0, 3), bc=(1.0, 0, 1))
    check = compared(expected, found)
    assert check.kinds == {"weight": 1, "count": 1, "surplus": 1, "missing": 1}
    assert {(entry.kind, entry.where["from"] + entry.where["to"]) for entry in check.examples} == {
        ("weight", "ab"),
        ("count", "ac"),
        ("surplus", "bc"),
        ("missing", "ba"),
    }


def test_a_weight_that_is_no_number_differs() -> None:
    assert compared(edges(ab=(1.0, 0, 2)), edges(ab=(float("nan"), 0, 2))).kinds == {"weight": 1}


def test_a_cut_row_may_hold_less_never_more() -> None:
    expected = edges(ab=(3.0, 0, 3), ac=(2.0, 0, 2), ad=(1.0, 0, 1))
    check = compared(expected, edges(ab=(2.0, 0, 2), ad=(1.0, 0, 1)))
    assert (check.kinds, check.apart) == ({}, {PRUNED: 1, LOST: 1})
    assert compared(expected, edges(ab=(4.0, 0, 4), ac=(2.0, 0, 2))).kinds == {"count": 1}
    assert compared(expected, edges(ab=(2.0, 0, 3), ac=(2.0, 0, 2))).kinds == {"weight": 1}


def test_of_equal_edges_either_may_be_kept() -> None:
    expected = edges(ab=(2.0, 0, 2), ac=(1.0, 0, 1), ad=(1.0, 0, 1))
    for kept in ("ac", "ad"):
        check = compared(expected, edges(ab=(2.0, 0, 2), **{kept: (1.0, 0, 1)}))
        assert (check.kinds, check.apart) == ({}, {})


def test_a_row_that_was_never_cut_has_to_be_whole_unless_it_is_marked() -> None:
    expected, found = edges(ab=(3.0, 0, 3), ac=(2.0, 0, 2)), edges(ab=(2.0, 0, 2))
    assert compared(expected, found).kinds == {"count": 1, "missing": 1}
    assert compared(expected, found, cut=True).kinds == {}


def test_a_row_beyond_its_bound_is_named() -> None:
    many = edges(ab=(1.0, 0, 1), ac=(1.0, 0, 1), ad=(1.0, 0, 1), ae=(1.0, 0, 1))
    assert compared(many, many).kinds == {"row too long": 1}
