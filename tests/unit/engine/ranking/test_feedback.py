from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import MS_PER_DAY
from engine.ranking.answers import RecommendationList
from engine.ranking.card import TermParameters
from engine.ranking.feedback import Shown, fatigue, feedback_parameters, shown_at
from engine.ranking.filters import Filters
from engine.ranking.profile import UserState, profile_in
from engine.ranking.score import score_items
from engine.ranking.service import parameters_for, rank
from engine.ranking.state import Snapshot
from engine.settings import RankingSettings, Settings
from engine.social.items import NeighbourItem
from tests.support.snapshots import NOW, item, snapshot_of, user

HALF_LIFE_MS = float(3 * MS_PER_DAY)
OPTIONS = RankingSettings(fatigue=0.5)
EDGES = {"a": {"b": 3.0, "c": 1.0}}


def days_ago(*days: float) -> list[int]:
    return sorted(NOW - int(day * MS_PER_DAY) for day in days)


def answered(
    snapshot: Snapshot, who: UserState, *, options: RankingSettings = OPTIONS, explain: bool = False
) -> RecommendationList:
    return rank(snapshot, who, 9, filters=Filters(), diversity=0.0, options=options, explain=explain, now=NOW)


def test_impressions_fade_by_their_half_life() -> None:
    shown = shown_at(days_ago(0, 3, 6), NOW, since=NOW - 15 * MS_PER_DAY, half_life_ms=HALF_LIFE_MS)
    assert shown == Shown(mass=1 + 0.5 + 0.25, count=3, first_at=NOW - 6 * MS_PER_DAY)


def test_old_ones_and_those_before_a_click_do_not_count() -> None:
    since = NOW - 15 * MS_PER_DAY
    times = days_ago(0, 3, 15, 20)
    assert shown_at(times, NOW, since=since, half_life_ms=HALF_LIFE_MS).count == 2
    clicked = shown_at(times, NOW, since=since, half_life_ms=HALF_LIFE_MS, liked_at=NOW - 3 * MS_PER_DAY)
    assert clicked == Shown(1.0, 1, NOW)
    bought = shown_at(times, NOW, since=since, half_life_ms=HALF_LIFE_MS, liked_at=NOW)
    assert bought == Shown(0.0, 0, 0)


def test_a_clock_ahead_counts_as_now() -> None:
    assert shown_at([NOW + 60_000], NOW, since=0, half_life_ms=HALF_LIFE_MS).mass == 1.0


@given(st.lists(st.integers(NOW - 20 * MS_PER_DAY, NOW + 300_000), max_size=50), st.integers(0, 20 * MS_PER_DAY))
def test_it_is_bounded_and_only_falls_with_time(times: list[int], later: int) -> None:
    since = NOW - 15 * MS_PER_DAY
    first = shown_at(times, NOW + 300_000, since=since, half_life_ms=HALF_LIFE_MS)
    second = shown_at(times, NOW + 300_000 + later, since=since, half_life_ms=HALF_LIFE_MS)
    assert 0 <= second.mass <= first.mass <= len(times)
    [value] = fatigue([(0, first)], 1, 0.3).tolist()
    assert -0.3 * math.log1p(len(times)) - 1e-12 <= value <= 0


def test_the_term_by_hand() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    who = user("a", shown={"b": Shown(3.0, 4, NOW), "gone": Shown(1.0, 1, NOW)})
    scores = score_items(snapshot, profile_in(snapshot, who), None, TermParameters(fatigue_scale=0.5))
    assert scores.names == ("co_occurrence", "interests", "popularity", "fatigue")
    assert scores.values_of("fatigue").tolist() == [0.0, -0.5 * math.log(4.0), 0.0]
    for place in range(3):
        assert sum(scores.terms(place).values()) == scores.score(place)
        assert scores.total[place] == pytest.approx(scores.score(place), abs=1e-12)


def test_what_was_passed_by_falls_behind_and_says_so() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], {"a": {"b": 1.0, "c": 0.9}})
    before = answered(snapshot, user("a", seen=["a"]))
    assert [found.item_id for found in before.items] == ["b", "c"]
    shown = shown_at(days_ago(0.5, 1, 2, 2.5), NOW, since=0, half_life_ms=HALF_LIFE_MS)
    after = answered(snapshot, user("a", seen=["a"], shown={"b": shown}), explain=True)
    assert [found.item_id for found in after.items] == ["c", "b"]
    assert after.items[1].reason is not None
    assert after.items[1].reason.endswith(" It was shown 4 times in the last 3 days and fades.")
    [term] = [term for term in after.items[1].terms if term.name == "fatigue"]
    assert term.path == (
        {
            "kind": "impressions",
            "count": 4,
            "mass": shown.mass,
            "first_at": shown.first_at,
            "share": 1.0,
            "value": term.value,
        },
    )
    assert "fades" not in (after.items[0].reason or "")
    without = answered(snapshot, user("a", seen=["a"], shown={"b": shown}), options=RankingSettings(fatigue=0.0))
    assert [found.item_id for found in without.items] == ["b", "c"]
    assert all(term.name != "fatigue" for found in without.items for term in found.terms)


def test_hidden_items_stay_away_and_are_counted() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    found = answered(snapshot, user("a", hidden=["b", "gone"]))
    assert [each.item_id for each in found.items] == ["c"]
    assert found.cut == {"hidden": 1, "seen": 1}


def near(name: str, weight: float, *by: tuple[str, float]) -> NeighbourItem:
    return NeighbourItem(name, weight, by)


def test_items_of_neighbours_by_hand() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")])
    who = user("a", neighbours=[near("b", 0.5, ("v", 0.3), ("w", 0.1))])
    scores = score_items(
        snapshot, profile_in(snapshot, who), None, TermParameters(neighbours_scale=2.0, neighbours_epsilon=0.25)
    )
    assert scores.names == ("co_occurrence", "interests", "popularity", "neighbours")
    assert scores.values_of("neighbours") == pytest.approx([0.0, 2.0 * math.log(3.0), 0.0])


def test_a_newcomer_gets_what_similar_users_took_with_the_path() -> None:
    snapshot = snapshot_of([item("a", popularity=9.0), item("b"), item("c")])
    who = user(neighbours=[near("b", 0.5, ("v", 0.3), ("w", 0.1))])
    found = answered(snapshot, who, explain=True)
    assert found.newcomer
    assert found.items[0].item_id == "b"
    assert found.items[0].reason == "Because people like you, or whom you follow, took it lately."
    [term] = [term for term in found.items[0].terms if term.name == "neighbours"]
    assert [(step["kind"], step.get("user_id")) for step in term.path] == [
        ("user", "v"),
        ("user", "w"),
        ("users", None),
    ]
    assert [step["share"] for step in term.path] == pytest.approx([0.6, 0.2, 0.2])
    assert sum(float(str(step["value"])) for step in term.path) == pytest.approx(term.value)


def test_where_weights_come_from() -> None:
    snapshot = snapshot_of([item("a")])
    assert parameters_for(snapshot, OPTIONS, newcomer=False).neighbours_scale == 0.0
    assert parameters_for(snapshot, OPTIONS, newcomer=False).fatigue_scale == 0.5
    assert parameters_for(snapshot, OPTIONS, newcomer=True).neighbours_scale == 1.0
    assert parameters_for(snapshot, OPTIONS, newcomer=True).popularity_scale == 1.0
    assert parameters_for(snapshot, OPTIONS, newcomer=True, with_friends=True).popularity_scale == 0.25
    off = RankingSettings(neighbours=0.0)
    assert parameters_for(snapshot, off, newcomer=True).neighbours_scale == 0.0
    # What is not heard hides nothing.
    assert parameters_for(snapshot, off, newcomer=True, with_friends=True).popularity_scale == 1.0
    assert parameters_for(snapshot, RankingSettings(neighbours=0.7), newcomer=False).neighbours_scale == 0.7


def test_what_counts_as_seen() -> None:
    given = feedback_parameters(Settings(), NOW)
    assert {"impression", "hide"} <= set(given["unseen"])
    assert not {"view", "click", "purchase", "dislike"} & set(given["unseen"])
    assert given["hidden_since"] == NOW - 30 * MS_PER_DAY
    assert isinstance(given["shown_half_life_ms"], float)
