"""What is part of what, from items."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInputError
from engine.graph.records import About
from engine.interests.hierarchy import Hierarchy, check_kinds

PAIRS = (("type", "category"), ("category", "department"))


def item(kind: str, category: str, department: str) -> list[About]:
    return [About("type", kind), About("category", category), About("department", department)]


def test_most_items_decide() -> None:
    hierarchy = Hierarchy(PAIRS)
    for about in (item("milk", "dairy", "food"), item("milk", "drinks", "food"), item("milk", "dairy", "food")):
        hierarchy.add(about)
    hierarchy.add([About("type", "loose")])
    assert hierarchy.rows() == [
        {"id": "category:dairy", "kind": "department", "parent": "department:food"},
        {"id": "category:drinks", "kind": "department", "parent": "department:food"},
        {"id": "type:milk", "kind": "category", "parent": "category:dairy"},
    ]
    assert hierarchy.divided() == 1


@pytest.mark.parametrize("pairs", [[("a", "a")], [("a", "b"), ("b", "c"), ("c", "a")]])
def test_no_kind_is_part_of_itself(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_kinds(pairs)
    assert caught.value.field == "part_of"
