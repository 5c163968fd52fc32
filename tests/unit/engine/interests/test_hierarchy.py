"""What is part of what, from items."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInputError
from engine.graph.records import About
from engine.interests.hierarchy import Hierarchy, check_kinds, with_wider

PAIRS = (("type", "category"), ("category", "department"))


def item(kind: str, category: str, department: str) -> list[About]:
    return [About("type", kind), About("category", category), About("department", department)]


def test_most_items_decide() -> None:
    hierarchy = Hierarchy(PAIRS)
    for about in (item("milk", "dairy", "food"), item("milk", "drinks", "food"), item("milk", "dairy", "food")):
        hierarchy.add(about)
    hierarchy.add([About("type", "loose")])
    assert hierarchy.rows() == [
        {"id": "category:dairy", "kind": "department", "parent": "department:food", "weight": 1.0},
        {"id": "category:drinks", "kind": "department", "parent": "department:food", "weight": 1.0},
        {"id": "type:milk", "kind": "category", "parent": "category:dairy", "weight": 1.0},
    ]
    assert hierarchy.divided() == 1


def test_the_larger_gets_what_items_give_it_for_each_part() -> None:
    hierarchy = Hierarchy([("type", "category")])
    # Two types share .3; for each 1 of both together the category gets .6 / .3.
    hierarchy.add([About("type", "oat", 0.1), About("type", "soy", 0.2), About("category", "drinks", 0.6)])
    hierarchy.add([About("type", "oat", 0.3), About("category", "drinks", 0.3)])
    weights = {row["id"]: row["weight"] for row in hierarchy.rows()}
    assert weights == {"type:oat": pytest.approx((2 + 1) / 2), "type:soy": pytest.approx(2)}


def test_what_behaviour_made_counts_for_the_wider_ones() -> None:
    wider = [["category:drinks", "category", "drinks", 2.0], ["department:food", "department", "food", 0.5]]
    oat = {"id": "type:oat", "kind": "type", "name": "oat", "wider": wider}
    rows = [{**oat, "source": "behaviour", "value": 3.0}, {**oat, "source": "declared", "value": 7.0}]
    found = [(row["id"], row["source"], row["value"]) for row in with_wider(rows)]
    assert found == [
        ("type:oat", "behaviour", 3.0),
        ("category:drinks", "behaviour", 6.0),
        ("department:food", "behaviour", 1.5),
        ("type:oat", "declared", 7.0),
    ]
    [below, *others] = with_wider([{**oat, "source": "behaviour", "value": -3.0}])
    assert below["value"] == -3.0
    assert [row["value"] for row in others] == [0.0, 0.0]


@pytest.mark.parametrize("pairs", [[("a", "a")], [("a", "b"), ("b", "c"), ("c", "a")]])
def test_no_kind_is_part_of_itself(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_kinds(pairs)
    assert caught.value.field == "part_of"
