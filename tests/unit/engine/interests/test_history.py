from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import MS_PER_DAY, Event
from engine.events.rows import BatchRows
from engine.interests.decay import days_ms, merge
from engine.interests.history import PastEvent, gifts, interest_mass, interests_at, shares
from engine.interests.update import summarise
from engine.settings import Settings

SETTINGS = Settings(_env_file=None)
ABOUT = {"a": [("x", 0.5), ("y", 0.5)], "b": [("x", 1.0)], "c": []}
ITEM_NODES = {"a": 1, "b": 2, "c": 3, "d": 4}
NODES = {"x": 11, "y": 12}
ABOUT_NODES = {item: [(NODES[name], weight) for name, weight in pairs] for item, pairs in ABOUT.items()}
HALF_LIFE_MS = days_ms(SETTINGS.interests.half_life_days)

kinds = st.sampled_from(["view", "purchase", "dislike", "return", "rating", "dwell", "impression"])
values = st.floats(1, 5)
days = st.floats(0, 1000)
events = st.lists(
    st.builds(
        lambda number, kind, item, day, value: Event(str(number), kind, "u", item, int(day * MS_PER_DAY), value),
        st.integers(), kinds, st.sampled_from("abcd"), days, values,
    ),
    max_size=25,
)  # fmt: skip


@given(events, st.randoms(use_true_random=False))
def test_one_by_one_in_any_order_gives_the_same(history: list[Event], chance: random.Random) -> None:
    whole = interests_at(history, ABOUT, SETTINGS)
    chance.shuffle(history)
    merged: dict[str, tuple[float, int]] = {}
    for event in history:
        for name, part in gifts(event, ABOUT, SETTINGS):
            weight, updated_at = merged.get(name, (0.0, event.at))
            merged[name] = merge(weight, updated_at, part, event.at, HALF_LIFE_MS)
    assert merged.keys() == whole.keys()
    for name, (mass, updated_at) in merged.items():
        assert updated_at == whole[name].updated_at
        assert mass == pytest.approx(whole[name].mass, rel=1e-9, abs=1e-9)


@given(events)
def test_a_batch_is_shared_out_as_the_formula_says(history: list[Event]) -> None:
    whole = interests_at(history, ABOUT, SETTINGS)
    for update in summarise(history, SETTINGS):
        rows = BatchRows(frozenset(), ITEM_NODES, ABOUT_NODES, {}, {}, HALF_LIFE_MS)
        row = rows.user(update)
        assert row["interests"].keys() == {str(NODES[name]) for name in whole}
        for name in whole:
            mass, at, count = row["interests"][str(NODES[name])]
            assert (at, count) == (whole[name].updated_at, whole[name].count)
            assert mass == pytest.approx(whole[name].mass, rel=1e-9, abs=1e-9)
        first = rows.first_interests(row)
        if whole:
            assert first["mass"] == pytest.approx(interest_mass(whole, first["at"], SETTINGS), rel=1e-9, abs=1e-9)
        else:
            assert (first["mass"], first["at"]) == (None, None)


@given(events, days)
def test_shares_are_a_distribution_at_every_moment(history: list[Event], day: float) -> None:
    states = interests_at(history, ABOUT, SETTINGS, int(day * MS_PER_DAY))
    found = shares(states, SETTINGS)
    assert all(share >= 0 for share in found.values())
    positive = any(state.mass > 0 for state in states.values())
    assert sum(found.values()) == pytest.approx(1.0 if positive else 0.0)


def test_a_search_gives_to_what_it_named() -> None:
    search = PastEvent("search", None, 0, None, (("x", 0.25), ("z", 0.75)))
    assert gifts(search, ABOUT, SETTINGS) == [("x", 0.3 * 0.25), ("z", 0.3 * 0.75)]


def test_types_that_left_the_registry_and_strength_0_give_nothing() -> None:
    assert gifts(PastEvent("gone", "a", 0), ABOUT, SETTINGS) == []
    assert gifts(PastEvent("impression", "a", 0), ABOUT, SETTINGS) == []
    assert gifts(PastEvent("rating", "a", 0, 3.0), ABOUT, SETTINGS) == []
