from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.domain import MS_PER_DAY, Recommendation
from engine.ranking.answers import RecommendationList
from engine.ranking.filters import Filters
from engine.ranking.profile import UserState
from engine.ranking.sentences import ago
from engine.ranking.service import rank
from engine.ranking.state import Snapshot
from engine.settings import RankingSettings
from tests.support.model_folder import write_model
from tests.support.snapshots import NOW, VERSION, item, snapshot_of, space_of, user


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    write_model(tmp_path, VERSION, 2, scale=3.0)
    return snapshot_of(
        [
            item("a", about=[("x", 1.0)], popularity=9.0),
            item("b", about=[("x", 0.5), ("y", 0.5)]),
            item("c", about=[("y", 1.0)], popularity=4.0),
            item("d"),
            item("e", popularity=4.0),
        ],
        {"a": {"c": 3.0, "d": 1.0}, "b": {"c": 4.0}},
        interests=["x", "y"],
        space=space_of(tmp_path, [[1, 0], [0, 1], [0.2, 1], [1, 0.1], [0, 0]]),
    )


def answer(snapshot: Snapshot, who: UserState, n: int = 5) -> RecommendationList:
    return rank(
        snapshot,
        who,
        n,
        filters=Filters(),
        diversity=0.0,
        options=RankingSettings(candidates=50),
        explain=True,
        now=NOW,
    )


def find(found: RecommendationList, name: str) -> Recommendation:
    return next(entry for entry in found.items if entry.item_id == name)


def test_paths_sum_to_their_terms(snapshot: Snapshot) -> None:
    found = answer(snapshot, user("b", "a", "b", shares={"x": 0.75, "y": 0.25}))
    assert [entry.item_id for entry in found.items] and len(found.items) == 3
    for entry in found.items:
        assert sum(term.value for term in entry.terms) == entry.score
        for term in entry.terms:
            if term.name == "sequence":
                continue
            if term.path:
                assert sum(step["share"] for step in term.path) == pytest.approx(1)  # type: ignore[misc]
                assert sum(step["value"] for step in term.path) == pytest.approx(term.value)  # type: ignore[misc]
            else:
                assert term.value == 0


def test_the_shares_of_past_items_by_hand(snapshot: Snapshot) -> None:
    # c: b now 4/2 = 2, a a day before at gamma .5: 3/2 * .5 = .75, b two days before at .25: .5
    term = next(term for term in find(answer(snapshot, user("b", "a", "b")), "c").terms if term.name == "co_occurrence")
    assert term.value == pytest.approx(0.5 * math.log1p(3.25 / 0.01))
    assert [(step["item_id"], step["event"], step["at"]) for step in term.path] == [
        ("b", "purchase", NOW),
        ("a", "purchase", NOW - MS_PER_DAY),
    ]
    assert [step["share"] for step in term.path] == pytest.approx([2.5 / 3.25, 0.75 / 3.25])


def test_interests_are_named_with_both_weights(snapshot: Snapshot) -> None:
    found = answer(snapshot, user("a", shares={"x": 0.75, "y": 0.25}))
    term = next(term for term in find(found, "b").terms if term.name == "interests")
    assert [(step["interest_id"], step["user_share"], step["about"]) for step in term.path] == [
        ("x", 0.75, 0.5),
        ("y", 0.25, 0.5),
    ]
    assert [step["share"] for step in term.path] == pytest.approx([0.75, 0.25])


def test_the_sequence_is_attributed_by_leaving_out(snapshot: Snapshot) -> None:
    # c lies along b: without b it loses, without a it gains.
    term = next(term for term in find(answer(snapshot, user("b", "a")), "c").terms if term.name == "sequence")
    effects = {str(step["item_id"]): float(str(step["effect"])) for step in term.path}
    assert effects["b"] > 0 > effects["a"]

    def log_probability(vector: tuple[float, float]) -> float:
        mean = [(1 + 0 + 0.2 + 1) / 4, (0 + 1 + 1 + 0.1) / 4]
        logits = [x * vector[0] + y * vector[1] for x, y in ([1, 0], [0, 1], [0.2, 1], [1, 0.1], mean)]
        return logits[2] - math.log(sum(math.exp(logit) for logit in logits))

    whole, without_b = log_probability((1.5, 1.5)), log_probability((3, 0))
    assert effects["b"] == pytest.approx(whole - without_b, rel=1e-5)
    assert [step["share"] for step in term.path] == [1.0, 0.0]
    assert {step["method"] for step in term.path} == {"leave_one_out"}


def test_popularity_names_the_rank(snapshot: Snapshot) -> None:
    found = answer(snapshot, user("d"))
    term = next(term for term in find(found, "c").terms if term.name == "popularity")
    assert term.path[0] == {
        "kind": "popularity",
        "rank": 2,
        "of": 5,
        "part": pytest.approx(5 / 22),
        "share": 1.0,
        "value": term.value,
    }


def test_sentences(snapshot: Snapshot) -> None:
    bought = answer(snapshot, user("b", "a"))
    assert find(bought, "c").reason == "Because you bought B today: people who bought it often take this next."
    assert find(bought, "d").reason == "Because you bought A yesterday: people who bought it often take this next."
    likes = answer(snapshot, user("d", shares={"y": 0.75, "x": 0.25}))
    assert find(likes, "c").reason == "Because you like Y, 75 % of your interests."
    assert find(likes, "e").reason == "Because of what you did lately, above all that you bought D today."
    stranger = answer(snapshot, user())
    assert stranger.newcomer
    assert find(stranger, "a").reason == "Because many people take it at present: number 1 of 5."


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "today"), (1, "yesterday"), (3, "3 days ago"), (90, "3 months ago"), (1500, "4 years ago"), (-1, "today")],
)
def test_ago(days: int, text: str) -> None:
    assert ago(NOW - days * MS_PER_DAY, NOW) == text
