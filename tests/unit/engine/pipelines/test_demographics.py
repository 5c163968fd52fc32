"""Counting groups: page by page as at once, each user once, and only where enough users took something."""

from __future__ import annotations

import numpy as np
import pytest

from engine.pipelines.demographics import GroupCounter
from engine.ranking.demographics import Value, Values

VALUES = Values([Value("gender", "F", 3), Value("gender", "M", 2), Value("city", "Rome", 2)])
PEOPLE = [{"gender": "F", "city": "Rome"}, {"gender": "F"}, {"gender": "M", "city": "Rome"}, {"gender": "F"}, {}]
# User, item, mass. User 3 took nothing; user 4 has no attribute and counts nowhere.
TAKEN = np.array([[0, 0, 1.0], [0, 1, 0.5], [1, 0, 1.0], [2, 1, 1.0], [4, 2, 1.0]])


def count(*pages: slice) -> GroupCounter:
    counter = GroupCounter(VALUES, 3)
    for page in pages:
        start, stop = page.start, page.stop
        rows = TAKEN[(TAKEN[:, 0] >= start) & (TAKEN[:, 0] < stop)]
        counter.add(PEOPLE[page], rows[:, 0].astype(int) - start, rows[:, 1].astype(int), rows[:, 2])
    return counter


def test_groups_by_hand() -> None:
    found = count(slice(0, 5)).groups(min_users=1, pseudo_events=1.0, keep=10)
    assert [(group.value.id, group.value.users) for group in found] == [
        ("gender=F", 2),
        ("gender=M", 1),
        ("city=Rome", 2),
    ]
    # Of 3.5 takings in all, item 0 has 2 and item 1 has 1.5; women took 2 and .5 of them.
    women = found[0]
    assert women.places.tolist() == [0, 1]
    assert women.lifts == pytest.approx(np.log([(2 / (2 / 3.5) + 1) / 3.5, (0.5 / (1.5 / 3.5) + 1) / 3.5]))
    assert found[1].rest == pytest.approx(np.log(1 / 2))


def test_pages_add_up() -> None:
    whole = count(slice(0, 5)).groups(min_users=1, pseudo_events=1.0, keep=2)
    paged = count(slice(0, 2), slice(2, 3), slice(3, 5)).groups(min_users=1, pseudo_events=1.0, keep=2)
    for one, other in zip(whole, paged, strict=True):
        assert one.value == other.value
        np.testing.assert_allclose(one.of_all(3), other.of_all(3))


def test_a_value_needs_users_who_took_something() -> None:
    found = count(slice(0, 5)).groups(min_users=2, pseudo_events=1.0, keep=10)
    assert [group.value.id for group in found] == ["gender=F", "city=Rome"]
    assert count(slice(0, 5)).groups(min_users=3, pseudo_events=1.0, keep=10) == []
    assert GroupCounter(Values([]), 3).groups(min_users=1, pseudo_events=1.0, keep=1) == []
