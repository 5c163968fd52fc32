"""A user's events counted again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import MS_PER_DAY, Event
from engine.interests.decay import days_ms
from engine.interests.history import interests_at
from engine.settings import Settings
from engine.verification.recount import COLUMNS, About, Amount, add, recount, total, with_old_part

DAY = MS_PER_DAY
SETTINGS = Settings(_env_file=None, interests={"half_life_days": 10})
ABOUT: About = {
    "tea": (0, [("drinks", 1.0)]),
    "cake": (500, [("drinks", 0.25), ("sweets", 0.75)]),
    "box": (0, []),
}


def columns(*events: dict[str, Any]) -> dict[str, list[Any]]:
    empty: dict[str, Any] = {"at": 0, "value": 0.0, "received_at": 1000, "interests": [], "parts": []}
    return {name: [event.get(name, empty.get(name, "")) for event in events] for name in COLUMNS}


def test_a_sum_stands_at_its_newest_part() -> None:
    amount = total([(0, 1.0), (10 * DAY, -3.0), (20 * DAY, 4.0)], days_ms(10))
    assert amount == Amount(0.25 - 1.5 + 4.0, 0.25 + 1.5 + 4.0, 20 * DAY, 3)
    assert amount.as_of(30 * DAY, days_ms(10)) == 2.75 / 2


def test_amounts_add_up_by_their_factors() -> None:
    amounts = [(Amount(2.0, 2.0, 0, 1), 0.5), (Amount(-1.0, 3.0, 10 * DAY, 2), 1.0)]
    assert add(amounts, days_ms(10)) == Amount(-0.5, 3.5, 10 * DAY, 3)


def test_equal_means_a_billionth_of_what_was_added() -> None:
    amount = Amount(1.0, 1.0, 0, 1)
    assert amount.equals(1.0 + 5e-10, 0, days_ms(10))
    assert not amount.equals(1.0 + 5e-9, 0, days_ms(10))
    assert amount.equals(0.5, 10 * DAY, days_ms(10)), "the same weight, stated ten days later"
    assert not amount.equals(float("nan"), 0, days_ms(10))
    assert Amount(0.0, 1.0, 0, 2).equals(5e-10, 0, days_ms(10)), "what cancels out may leave rounding of its parts"


def test_events_make_interactions_and_interests() -> None:
    found = recount(
        columns(
            {"at": 0, "type": "purchase", "item_id": "tea"},
            {"at": 10 * DAY, "type": "purchase", "item_id": "cake"},
            {"at": 5 * DAY, "type": "view", "item_id": "cake"},
            {"at": 4 * DAY, "type": "view", "item_id": "cake"},
            {"at": 3 * DAY, "type": "impression", "item_id": "cake"},
        ),
        ABOUT,
        SETTINGS,
    )
    assert found.events == 5
    assert found.interactions["cake", "view"].times == [4 * DAY, 5 * DAY]
    assert found.interactions["cake", "view"].count == 2
    assert found.interactions["cake", "impression"].weight == Amount(0.0, 0.0, 3 * DAY, 1)
    cake = 1.0 + 0.2 * 2 ** -(5 / 10) + 0.2 * 2 ** -(6 / 10)
    assert found.interests["sweets"].value == pytest.approx(0.75 * cake, rel=1e-12)
    assert found.interests["drinks"].value == pytest.approx(0.25 * cake + 0.5, rel=1e-12)
    assert (found.interests["drinks"].count, found.interests["drinks"].at) == (4, 10 * DAY)
    assert found.unsure is None


def test_a_search_moves_what_it_says_and_a_follow_its_user() -> None:
    found = recount(
        columns(
            {"at": 7, "type": "search", "query": "cake", "interests": ["sweets", "drinks"], "parts": [0.8, 0.2]},
            {"at": 8, "type": "follow", "followed_id": "bob"},
            {"at": 9, "type": "follow", "followed_id": "bob"},
        ),
        ABOUT,
        SETTINGS,
    )
    weight = SETTINGS.events.types["search"].weight
    assert found.interests["sweets"] == Amount(pytest.approx(0.8 * weight), pytest.approx(0.8 * weight), 7, 1)
    assert found.follows["bob"] == (2, pytest.approx(2 * SETTINGS.events.types["follow"].weight))
    assert found.interactions == {}
    assert found.unsure is None


def test_what_cannot_be_known_is_bounded() -> None:
    found = recount(
        columns(
            {"at": 1, "type": "purchase", "item_id": "cake", "received_at": 500},
            {"at": 1, "type": "purchase", "item_id": "cake", "received_at": 501},
            {"at": 1, "type": "search", "query": "cake"},
            {"at": 1, "type": "search", "query": "?!"},
        ),
        ABOUT,
        SETTINGS,
    )
    search = SETTINGS.events.types["search"].weight
    assert found.unsure == Amount(pytest.approx(1.0 + search), pytest.approx(1.0 + search), 1, 2)


def test_a_type_that_left_the_registry_counts_without_a_weight() -> None:
    found = recount(columns({"at": 1, "type": "listen", "item_id": "tea"}), ABOUT, SETTINGS)
    assert found.interactions["tea", "listen"].count == 1
    assert found.interactions["tea", "listen"].weight is None
    assert found.interests == {}


def test_an_old_part_is_added() -> None:
    assert with_old_part(None, None, None, None, days_ms(10)) is None
    assert with_old_part(None, -2.0, 5, 3, days_ms(10)) == Amount(-2.0, 2.0, 5, 3)
    both = with_old_part(Amount(1.0, 1.0, 10 * DAY, 1), 2.0, 0, 3, days_ms(10))
    assert both == Amount(2.0, 2.0, 10 * DAY, 4)


TYPES = st.sampled_from(["purchase", "view", "dislike", "hide", "rating", "dwell"])
EVENTS = st.lists(
    st.tuples(
        TYPES, st.sampled_from(["tea", "cake", "box"]), st.integers(0, 400 * DAY), st.sampled_from([1.0, 2.5, 5.0])
    ),
    min_size=1,
    max_size=30,
)


@given(EVENTS)
def test_it_equals_the_rule_of_movement(events: list[tuple[str, str, int, float]]) -> None:
    found = recount(
        columns(*({"at": at, "type": kind, "item_id": item, "value": value} for kind, item, at, value in events)),
        ABOUT,
        SETTINGS,
    )
    about = {item: list(pairs) for item, (_, pairs) in ABOUT.items()}
    past = [Event(str(n), kind, "u", item, at, value) for n, (kind, item, at, value) in enumerate(events)]
    expected = interests_at(past, about, SETTINGS)
    assert set(found.interests) == set(expected)
    for interest_id, state in expected.items():
        amount = found.interests[interest_id]
        assert amount.equals(state.mass, state.updated_at, days_ms(10))
        assert amount.count == state.count
