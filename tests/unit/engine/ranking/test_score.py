from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cooccurrence.counting import row_scale
from engine.ranking.card import TermParameters
from engine.ranking.explain import Explainer
from engine.ranking.profile import profile_in
from engine.ranking.rows import Rows
from engine.ranking.score import score_items, sequence_steps, user_vector
from engine.ranking.state import Snapshot, log_share
from tests.support.model_folder import TERMS, write_model
from tests.support.snapshots import HALF_LIFE_MS, NOW, VERSION, item, snapshot_of, space_of, user

EDGES = {"a": {"b": 3.0, "c": 1.0}, "b": {"c": 4.0}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path, VERSION, 2)
    return tmp_path


def test_every_term_by_hand(folder: Path) -> None:
    items = [item("a", about=[("x", 1.0)]), item("b", popularity=2.0), item("c", about=[("x", 0.25), ("y", 0.75)])]
    snapshot = snapshot_of(items, EDGES, interests=["x", "y"], space=space_of(folder, [[1, 0], [0, 1], [1, 1]]))
    profile = profile_in(snapshot, user("b", "a", shares={"x": 0.8, "y": 0.2}))
    assert snapshot.space is not None
    vector = user_vector(snapshot, profile)
    assert vector is not None
    assert vector.tolist() == [0.5, 0.5]  # the mean of a and b
    scores = score_items(snapshot, profile, vector, snapshot.space.parameters)

    logits = [0.5, 0.5, 1.0]
    total = math.log(sum(math.exp(logit) for logit in logits))
    assert scores.values_of("sequence") == pytest.approx([logit - total for logit in logits], abs=1e-7)
    # b is newest: row of b / sqrt(4), then a at gamma .5: row of a / sqrt(4)
    counted = [0.0, 0.5 * 3 / 2, 4 / 2 + 0.5 * 1 / 2]
    assert scores.values_of("co_occurrence") == pytest.approx([0.5 * math.log1p(c / 0.01) for c in counted])
    fits = [0.8, 0.0, 0.8 * 0.25 + 0.2 * 0.75]
    assert scores.values_of("interests") == pytest.approx([0.2 * math.log1p(a / 0.001) for a in fits])
    assert scores.values_of("popularity") == pytest.approx([0.1 * math.log(m / 5) for m in (1, 3, 1)])


def test_terms_sum_to_the_score(folder: Path) -> None:
    snapshot = snapshot_of(
        [item(name, popularity=number) for number, name in enumerate("abc")],
        EDGES,
        space=space_of(folder, [[0.3, 0.1], [0.7, -1], [2, 0.2]]),
    )
    profile = profile_in(snapshot, user("a"))
    assert snapshot.space is not None
    scores = score_items(snapshot, profile, user_vector(snapshot, profile), snapshot.space.parameters)
    for place in range(3):
        assert list(scores.terms(place)) == ["sequence", "co_occurrence", "interests", "popularity"]
        assert sum(scores.terms(place).values()) == scores.score(place)
        assert scores.total[place] == pytest.approx(scores.score(place), abs=1e-12)


def test_rows_are_scaled_as_in_training() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    source, weight = np.array([0, 0, 1]), np.array([3.0, 1.0, 4.0])
    found = np.concatenate([snapshot.following(place)[1] for place in (0, 1)])
    assert found == pytest.approx(row_scale(source, weight))


def test_rows_fade_until_the_newest_event() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    later = replace(snapshot, as_of=NOW + int(HALF_LIFE_MS))
    # every weight halves: w/2 / sqrt(S/2)
    assert later.following(1)[1] == pytest.approx([2.0 / 2.0 / math.sqrt(0.5)])
    assert math.exp(later.log_share[0]) == pytest.approx(1 / 3)


def with_guesses(snapshot: Snapshot) -> Snapshot:
    """a may lead to c, which is counted too, and to d."""
    to, size = np.array([2, 3], np.int32), len(snapshot.catalogue)
    return replace(
        snapshot,
        inferred=Rows.of({0: (to, np.array([0.75, 0.2], np.float32))}, size),
        certainty=Rows.of({0: (to, np.array([0.3, 0.1], np.float32))}, size),
    )


def test_of_a_counted_and_an_inferred_edge_the_stronger_holds() -> None:
    snapshot = with_guesses(snapshot_of([item(name) for name in "abcd"], EDGES))
    targets, weights = snapshot.following(0)
    assert dict(zip(targets.tolist(), weights.tolist(), strict=True)) == pytest.approx({1: 1.5, 2: 0.75, 3: 0.2})
    assert snapshot.certainty_of(0, 2) == pytest.approx(0.3)
    assert snapshot.certainty_of(0, 3) == pytest.approx(0.1)
    assert snapshot.certainty_of(0, 1) is None
    targets, weights = snapshot.following(0, inferred_scale=0.5)
    assert dict(zip(targets.tolist(), weights.tolist(), strict=True)) == pytest.approx({1: 1.5, 2: 0.5, 3: 0.1})
    assert snapshot.certainty_of(0, 2, inferred_scale=0.5) is None


def test_inferred_edges_count_more_beside_a_sequence(folder: Path) -> None:
    space = space_of(folder, [[1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    snapshot = with_guesses(snapshot_of([item(name) for name in "abcd"], EDGES, space=space))
    profile = profile_in(snapshot, user("a"))
    parameters = replace(TermParameters(), inferred_scale=10.0)
    vector = user_vector(snapshot, profile)
    for given, scale in ((vector, 10.0), (None, 1.0)):
        scores = score_items(snapshot, profile, given, parameters)
        evidence = [0.0, 1.5, 0.75 * scale, 0.2 * scale]
        log = [parameters.co_occurrence_scale * math.log1p(c / parameters.co_occurrence_epsilon) for c in evidence]
        assert scores.values_of("co_occurrence") == pytest.approx(log)
        paths = Explainer(snapshot, profile, scores, given, parameters, NOW).explain([3])[0].terms
        assert sum(term.value for term in paths) == pytest.approx(scores.total[3])


def test_deleted_targets_leave_the_row() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    gone = replace(snapshot.catalogue, alive=np.array([True, False, True]))
    targets, weights = replace(snapshot, catalogue=gone).following(0)
    assert targets.tolist() == [2]
    assert weights.tolist() == [1.0]


def test_without_a_version_the_sequence_is_missing() -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    profile = profile_in(snapshot, user("a"))
    assert user_vector(snapshot, profile) is None
    from engine.ranking.card import TermParameters

    scores = score_items(snapshot, profile, None, TermParameters())
    assert scores.names == ("co_occurrence", "interests", "popularity")
    assert scores.total.argmax() == 1


def test_only_the_latest_steps_count(folder: Path) -> None:
    snapshot = snapshot_of([item(name) for name in "abcde"], EDGES, space=space_of(folder, [[1, 0]] * 5))
    assert snapshot.space is not None
    profile = profile_in(snapshot, user("e", "d", "c", "a"))  # latest is 3, so a does not count
    scores = score_items(snapshot, profile, user_vector(snapshot, profile), snapshot.space.parameters)
    assert TERMS["latest"] == 3
    assert not scores.values_of("co_occurrence").any()


def test_an_item_without_a_vector_counts_as_an_average_one(folder: Path) -> None:
    snapshot = snapshot_of([item("a"), item("b"), item("c")], space=space_of(folder, [[2, 0], [0, 2], [0, 0]]))
    profile = profile_in(snapshot, user("c", "a"))
    assert snapshot.space is not None
    assert snapshot.space.matrix[2].tolist() == [1, 1]
    assert [profile.steps[step].index for step in sequence_steps(snapshot, profile)] == [0]
    vector = user_vector(snapshot, profile)
    assert vector is not None
    assert vector.tolist() == [2, 0]


def test_a_share_is_a_number_however_large_the_masses() -> None:
    found = log_share(np.array([np.inf, 1e308, 1e308, 0.0, 5.0]), np.array([True, True, True, True, False]))
    assert np.isfinite(found).all()
    assert np.exp(found[:3]) == pytest.approx(1 / 3)
