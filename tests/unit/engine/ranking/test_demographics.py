"""Groups of users with the same attributes: which there are, what they take more often, and how it is explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.answers import RecommendationList
from engine.ranking.demographics import MOST_VALUES, Demographics, Group, Value, Values, group_of, values_of
from engine.ranking.filters import Filters
from engine.ranking.profile import UserState
from engine.ranking.service import rank
from engine.ranking.state import Snapshot
from engine.settings import RankingSettings
from tests.support.snapshots import NOW, item, snapshot_of, user

FEMALE, MALE = Value("gender", "F", 30), Value("gender", "M", 40)
YOUNG = Value("age", "below 30", 25, None, 30.0)


def test_a_lift_by_hand() -> None:
    base = np.array([6.0, 3.0, 1.0])
    found = group_of(FEMALE, np.array([4.0, 2.0, 0.0]), base, pseudo_events=6, keep=1)
    # G is 6, p of item 0 is .6; the others have 2 of the group's takings and .4 of all.
    assert found.places.tolist() == [0]
    assert found.lifts == pytest.approx([np.log((4 / 0.6 + 6) / 12)])
    assert found.rest == pytest.approx(np.log((2 / 0.4 + 6) / 12))
    assert found.of_all(4).tolist() == pytest.approx([found.lifts[0], found.rest, found.rest, found.rest])


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.01, 50)), min_size=1, max_size=30), st.integers(1, 40))
def test_lifts_move_shares_and_add_none(rows: list[tuple[float, float]], keep: int) -> None:
    mass = np.array([own for own, _ in rows])
    base = mass + [others for _, others in rows]
    found = group_of(FEMALE, mass, base, pseudo_events=10, keep=keep)
    share = base / base.sum()
    assert (share * np.exp(found.of_all(len(rows)))).sum() == pytest.approx(1)
    assert len(found.places) <= keep


def test_few_takings_say_little() -> None:
    base = np.array([500.0, 500.0])
    large = group_of(FEMALE, np.array([400.0, 0.0]), base, pseudo_events=100, keep=5)
    small = group_of(FEMALE, np.array([4.0, 0.0]), base, pseudo_events=100, keep=5)
    assert large.lifts[0] == pytest.approx(np.log(900 / 500))
    assert 0 < small.lifts[0] < 0.05
    nothing = group_of(FEMALE, np.zeros(2), base, pseudo_events=100, keep=5)
    assert nothing.of_all(2).tolist() == pytest.approx([0, 0])


def test_numbers_are_cut_where_about_as_many_users_stand() -> None:
    found = values_of("age", [(float(number), 1) for number in range(100)], min_users=20)
    assert sorted((value.low, value.high, value.users) for value in found if value.low is not None) == [
        (20, 40, 20),
        (40, 60, 20),
        (60, 80, 20),
        (80, None, 20),
    ]
    assert {value.label for value in found} == {
        "below 20",
        "20 to below 40",
        "40 to below 60",
        "60 to below 80",
        "from 80",
    }
    values = Values(found)
    labels = {age: values.all[values.places({"age": age})[0]].label for age in (-5, 19.9, 20, 39, 80, 200)}
    assert labels == {
        -5: "below 20",
        19.9: "below 20",
        20: "20 to below 40",
        39: "20 to below 40",
        80: "from 80",
        200: "from 80",
    }
    assert values_of("age", [(float(number), 1) for number in range(100)], min_users=21) == []


def test_a_number_that_all_have_is_no_bin_of_nobody() -> None:
    found = values_of("age", [(30, 1_000), *((number, 1) for number in range(31, 41))], min_users=1)
    assert sum(value.users for value in found) == 1_010
    places = Values(found).places
    assert all(len(places({"age": age})) == 1 for age in (29, 30, 31, 40, 90))


def test_values_are_named_and_bounded() -> None:
    counts = [("F", 30), (" F", 2), (True, 25), (2, 40), (3.5, 40), (["F"], 99), ("rare", 19)]
    assert [(value.label, value.users) for value in values_of("x", counts, min_users=20)] == [
        ("2", 40),
        ("3.5", 40),
        ("F", 32),
        ("true", 25),
    ]
    many = values_of("x", [(str(number), 20 + number) for number in range(200)], min_users=20)
    assert len(many) == MOST_VALUES
    assert many[0].label == "199"


def test_a_user_has_at_most_one_value_of_each_attribute() -> None:
    values = Values([FEMALE, MALE, YOUNG])
    assert values.places({"gender": "F", "age": 29, "colour": "red"}) == [0, 2]
    assert values.places({"gender": "X", "age": 30}) == []
    assert values.places({"gender": ["F"], "age": "29"}) == []
    assert values.places({"age": True}) == []


@pytest.fixture
def snapshot() -> Snapshot:
    plain = snapshot_of([item("a", popularity=9.0), item("b", popularity=8.0), item("c", popularity=7.0)])
    groups = [
        Group(FEMALE, np.array([1]), np.array([0.9]), -0.3),
        Group(YOUNG, np.array([0, 1]), np.array([0.1, -0.5]), 0.0),
    ]
    return replace(plain, demographics=Demographics.of(groups), demographics_at=1)


def answer(snapshot: Snapshot, who: UserState, **options: object) -> RecommendationList:
    settings = RankingSettings.model_validate({"demographics": ["gender", "age"], **options})
    return rank(snapshot, who, 3, filters=Filters(), diversity=0.0, options=settings, explain=True, now=NOW)


def test_a_newcomer_gets_what_people_alike_take_and_the_reason_adds_up(snapshot: Snapshot) -> None:
    plain = answer(snapshot, user())
    assert [entry.item_id for entry in plain.items] == ["a", "b", "c"]
    assert all(term.name != "demographics" for entry in plain.items for term in entry.terms)
    found = answer(snapshot, user(attributes={"gender": "F", "age": 20}), demographics_weight=2.0)
    assert [entry.item_id for entry in found.items] == ["b", "a", "c"]
    for entry in found.items:
        assert sum(term.value for term in entry.terms) == entry.score
        [term] = [term for term in entry.terms if term.name == "demographics"]
        assert sum(step["value"] for step in term.path) == pytest.approx(term.value)  # type: ignore[misc]
        assert sum(step["share"] for step in term.path) == pytest.approx(1)  # type: ignore[misc]
    [term] = [term for term in found.items[0].terms if term.name == "demographics"]
    assert term.value == pytest.approx(2.0 * (0.9 - 0.5) / 2)
    assert [(step["attribute"], step["name"], step["users"], step["value"]) for step in term.path] == [
        ("gender", "F", 30, pytest.approx(0.9)),
        ("age", "below 30", 25, pytest.approx(-0.5)),
    ]
    assert found.items[0].reason == "Because people with the same gender as you (F) take it more often than others."
    # What they take less often is there for another reason.
    assert found.items[2].reason is not None
    assert found.items[2].reason.startswith("Because many people take it")


def test_only_newcomers_are_ranked_by_attributes(snapshot: Snapshot) -> None:
    for who, options in (
        (user("c", attributes={"gender": "F"}), {}),
        (user(attributes={"gender": "F"}), {"demographics": []}),
        (user(attributes={"gender": "F"}), {"demographics_weight": 0.0}),
        (user(attributes={"gender": "M"}), {}),
    ):
        found = answer(snapshot, who, **options)
        assert all(term.name != "demographics" for entry in found.items for term in entry.terms)
