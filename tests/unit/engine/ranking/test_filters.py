from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnknownReferenceError
from engine.ranking.filters import Filters, allowed_items
from engine.ranking.profile import profile_in
from engine.ranking.service import rank
from engine.ranking.state import Snapshot
from engine.settings import RankingSettings
from tests.support.snapshots import NOW, item, snapshot_of, user

NAMES = [f"i{number}" for number in range(12)]


def small() -> Snapshot:
    return snapshot_of(
        [
            item("a", about=[("x", 1.0)], brand="one", sizes=("s", "m")),
            item("b", about=[("x", 0.5), ("y", 0.5)], brand="two", organic=True),
            item("c", brand="one", number=1),
            item("d", available=False, brand="one"),
        ],
        interests=["x", "y"],
    )


def left(filters: Filters, *history: str, disliked: tuple[str, ...] = ()) -> tuple[list[str], dict[str, int]]:
    snapshot = small()
    allowed, cut = allowed_items(
        snapshot, profile_in(snapshot, user(*history, seen=history, disliked=disliked)), filters
    )
    return [name for name, ok in zip(snapshot.catalogue.ids, allowed, strict=True) if ok], cut


def test_each_filter_says_what_it_took() -> None:
    assert left(Filters()) == (["a", "b", "c"], {"unavailable": 1})
    assert left(Filters(interest="x")) == (["a", "b"], {"unavailable": 1, "interest": 1})
    assert left(Filters(exclude=["a", "nobody"])) == (["b", "c"], {"unavailable": 1, "excluded": 1})
    assert left(Filters(), "a") == (["b", "c"], {"unavailable": 1, "seen": 1})
    assert left(Filters(recommend_seen=True), "a") == (["a", "b", "c"], {"unavailable": 1})
    assert left(Filters(recommend_seen=True), "a", disliked=("a",)) == (["b", "c"], {"unavailable": 1, "disliked": 1})


def test_attributes_are_equal_or_among() -> None:
    assert left(Filters(attributes={"brand": "one"}))[0] == ["a", "c"]
    assert left(Filters(attributes={"sizes": "m"}))[0] == ["a"]
    assert left(Filters(attributes={"organic": True}))[0] == ["b"]
    assert left(Filters(attributes={"organic": 1}))[0] == []
    assert left(Filters(attributes={"number": 1.0}))[0] == ["c"]
    assert left(Filters(attributes={"brand": "one", "number": 1}))[0] == ["c"]


def test_an_item_is_counted_once() -> None:
    names, cut = left(Filters(exclude=["a", "d"], interest="y"), "a")
    assert names == ["b"]
    assert cut == {"unavailable": 1, "interest": 2}
    assert len(names) + sum(cut.values()) == 4


def test_an_unknown_interest_is_named() -> None:
    with pytest.raises(UnknownReferenceError) as caught:
        left(Filters(interest="z"))
    assert caught.value.field == "interest"


@given(
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
    st.integers(1, 15),
    st.floats(0, 1),
)
def test_filters_never_starve(
    unavailable: set[str], excluded: set[str], seen: set[str], number: int, diversity: float
) -> None:
    snapshot = snapshot_of([item(name, available=name not in unavailable, popularity=3) for name in NAMES])
    answer = rank(
        snapshot,
        user(seen=sorted(seen)),
        number,
        filters=Filters(exclude=excluded),
        diversity=diversity,
        options=RankingSettings(candidates=5),
        explain=False,
        now=NOW,
    )
    exist = set(NAMES) - unavailable - excluded - seen
    found = [entry.item_id for entry in answer.items]
    assert len(found) == min(number, len(exist))
    assert set(found) <= exist
    assert len(set(found)) == len(found)
    assert answer.complete == (len(exist) >= number)
    assert sum(answer.cut.values()) == len(NAMES) - len(exist)
