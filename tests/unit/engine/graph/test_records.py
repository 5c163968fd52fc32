from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.graph.records import (
    About,
    Follow,
    Interest,
    Item,
    Upserted,
    User,
    follow_row,
    interest_row,
    item_row,
    user_row,
)

weights = st.floats(min_value=1e-6, max_value=1e6)


@given(st.lists(st.tuples(st.sampled_from("abcd"), weights), min_size=1, max_size=12))
def test_the_weights_of_an_item_sum_to_one_and_keep_their_ratio(entries: list[tuple[str, float]]) -> None:
    rows = item_row(Item("i", about=[About("tag", name, weight) for name, weight in entries]))["about"]
    assert math.fsum(row["weight"] for row in rows) == pytest.approx(1)
    assert [row["id"] for row in rows] == sorted({f"tag:{name}" for name, _ in entries})
    total = math.fsum(weight for _, weight in entries)
    for row in rows:
        assert row["weight"] == pytest.approx(math.fsum(w for n, w in entries if f"tag:{n}" == row["id"]) / total)


def test_normalised_weights_stay_as_they_are() -> None:
    first = item_row(Item("i", about=[About("tag", name, weight) for name, weight in (("a", 3), ("b", 1), ("c", 7))]))
    again = item_row(Item("i", about=[About("tag", row["name"], row["weight"]) for row in first["about"]]))
    assert again == first


def test_a_title_is_content_and_absent_where_there_is_none() -> None:
    assert item_row(Item("i", title="T"))["properties"] == {"available": True, "title": "T"}
    assert item_row(Item("i", available=False))["properties"] == {"available": False}


@pytest.mark.parametrize(
    ("follow", "field"),
    [(Follow("a", "a"), "target"), (Follow("", "a"), "source"), (Follow("a", "b", 0), "weight")],
)
def test_bad_links(follow: Follow, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        follow_row(follow)
    assert caught.value.field == field


def test_too_many_interests_of_an_item() -> None:
    with pytest.raises(InvalidInputError) as caught:
        item_row(Item("i", about=[About("tag", str(n)) for n in range(201)]))
    assert caught.value.field == "about"


def test_rows_of_users_and_interests() -> None:
    assert user_row(User("u", {"a": 1}, created_at=3)) == {"id": "u", "created_at": 3, "properties": {"a": 1}}
    assert interest_row(Interest("tag:a", "tag", "A")) == {"id": "tag:a", "kind": "tag", "name": "A"}


def test_counts_add_up() -> None:
    assert Upserted(1, 2, 3) + Upserted(10, 20, 30) == Upserted(11, 22, 33)
