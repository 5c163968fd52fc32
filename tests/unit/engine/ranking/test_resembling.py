"""Items that resemble each other: added to the edges, scored, explained, loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ArtefactError
from engine.ranking.card import TermParameters, read_card
from engine.ranking.explain import Explainer
from engine.ranking.loading import with_items
from engine.ranking.profile import profile_in
from engine.ranking.rows import Row, Rows
from engine.ranking.score import Scores, score_items
from engine.ranking.similar import likeness
from engine.ranking.state import Snapshot
from tests.support.model_folder import TERMS, write_model
from tests.support.snapshots import HALF_LIFE_MS, NOW, VERSION, item, snapshot_of, user

EDGES = {"a": {"b": 3.0, "c": 1.0}, "b": {"c": 4.0}}
LIKE = {0: {2: 0.5, 3: 0.75}, 1: {0: 0.5}, 4: {3: 0.25}}
"""a resembles c, which is counted too, and d; b resembles a, e nothing but d."""
PARAMETERS = TermParameters(0.5, 0.01, 0.5, 3, resemblance_scale=0.25)


def rows_of(rows: Mapping[int, Mapping[int, float]], size: int) -> Rows:
    made: dict[int, Row] = {
        place: (np.array(list(row), np.int32), np.array(list(row.values()), np.float32)) for place, row in rows.items()
    }
    return Rows.of(made, size)


@pytest.fixture
def snapshot() -> Snapshot:
    return replace(snapshot_of([item(name) for name in "abcde"], EDGES), resembling=rows_of(LIKE, 5), resembling_at=1)


def guessing(snapshot: Snapshot) -> Snapshot:
    """a may lead to c and to d."""
    return replace(
        snapshot,
        inferred=rows_of({0: {2: 0.75, 3: 0.2}}, 5),
        certainty=rows_of({0: {2: 0.3, 3: 0.1}}, 5),
    )


def row(snapshot: Snapshot, place: int, **scales: float) -> dict[int, float]:
    targets, weights = snapshot.following(place, **scales)
    assert targets.dtype == np.int32
    assert weights.dtype == np.float64
    assert len(set(targets.tolist())) == len(targets)
    return dict(zip(targets.tolist(), weights.tolist(), strict=True))


def test_resemblance_comes_on_top_of_what_is_counted(snapshot: Snapshot) -> None:
    assert row(snapshot, 0, resemblance_scale=0.25) == {1: 1.5, 2: 0.5 + 0.125, 3: 0.1875}
    assert row(snapshot, 1, resemblance_scale=0.25) == {2: 2.0, 0: 0.125}


def test_resemblance_alone_makes_an_edge(snapshot: Snapshot) -> None:
    assert row(snapshot, 4, resemblance_scale=2.0) == {3: 0.5}
    assert row(snapshot, 3, resemblance_scale=2.0) == {}


def test_without_a_scale_the_edges_are_as_before(snapshot: Snapshot) -> None:
    for place in range(5):
        assert row(snapshot, place) == row(replace(snapshot, resembling=Rows.empty()), place, resemblance_scale=0.25)
    assert row(snapshot, 0) == {1: 1.5, 2: 0.5}
    assert snapshot.similarity_of(4, 3) is None


def test_the_scale_of_inferred_edges_does_not_move_it(snapshot: Snapshot) -> None:
    found = row(guessing(snapshot), 0, inferred_scale=2.0, resemblance_scale=0.25)
    assert found == pytest.approx({1: 1.5, 2: 1.5 + 0.125, 3: 0.4 + 0.1875})


def test_it_does_not_fade(snapshot: Snapshot) -> None:
    later = replace(snapshot, as_of=NOW + int(HALF_LIFE_MS))
    faded = math.sqrt(0.5)
    assert row(later, 0, resemblance_scale=0.25) == pytest.approx({1: 1.5 * faded, 2: 0.5 * faded + 0.125, 3: 0.1875})


def test_items_that_are_gone_are_left_out(snapshot: Snapshot) -> None:
    gone = with_items(snapshot, [], ["d"])
    assert row(gone, 0, resemblance_scale=0.25) == {1: 1.5, 2: 0.625}
    assert row(gone, 4, resemblance_scale=0.25) == {}
    assert gone.similarity_of(0, 3, resemblance_scale=0.25) is None


def test_an_item_that_came_later_has_none_yet(snapshot: Snapshot) -> None:
    grown = with_items(snapshot, [item("f")], [])
    assert row(grown, 5, resemblance_scale=0.25) == {}
    assert row(grown, 4, resemblance_scale=1.0) == {3: 0.25}


def test_the_greater_part_of_an_edge_names_it(snapshot: Snapshot) -> None:
    assert snapshot.similarity_of(0, 3, resemblance_scale=0.25) == 0.75
    assert snapshot.similarity_of(0, 2, resemblance_scale=0.25) is None
    assert snapshot.similarity_of(0, 2, resemblance_scale=1.0) is None  # .5 beside .5
    assert snapshot.similarity_of(0, 2, resemblance_scale=1.5) == 0.5
    assert snapshot.similarity_of(0, 1, resemblance_scale=9.0) is None
    guessed = guessing(snapshot)
    assert guessed.similarity_of(0, 3, resemblance_scale=0.25) is None  # .1875 beside .2
    assert guessed.similarity_of(0, 3, inferred_scale=0.5, resemblance_scale=0.25) == 0.75


def test_similar_items_do_not_know_it(snapshot: Snapshot) -> None:
    assert not likeness(snapshot, 4).total.any()


def scored(snapshot: Snapshot) -> tuple[Scores, Explainer]:
    """Score and explain for who bought b today and a yesterday."""
    profile = profile_in(snapshot, user("b", "a"))
    scores = score_items(snapshot, profile, None, PARAMETERS)
    return scores, Explainer(snapshot, profile, scores, None, PARAMETERS, NOW)


def test_the_term_by_hand(snapshot: Snapshot) -> None:
    scores, _ = scored(snapshot)
    # b: a by .25 * .5; c by 4 / 2. a, times .5: b by 3 / 2; c by 1 / 2 + .25 * .5; d by .25 * .75
    evidence = [0.125, 0.5 * 1.5, 2.0 + 0.5 * 0.625, 0.5 * 0.1875, 0.0]
    assert scores.values_of("co_occurrence") == pytest.approx([0.5 * math.log1p(c / 0.01) for c in evidence])


def test_reasons_add_up_and_say_what_resembles(snapshot: Snapshot) -> None:
    scores, explainer = scored(guessing(snapshot))
    reasons = explainer.explain([2, 3, 0])
    for place, reason in zip([2, 3, 0], reasons, strict=True):
        assert sum(term.value for term in reason.terms) == scores.score(place)
    paths = [next(term.path for term in reason.terms if term.name == "co_occurrence") for reason in reasons]
    of = [[(step["item_id"], step.get("source"), step.get("similarity")) for step in path] for path in paths]
    assert of == [[("b", None, None), ("a", "inferred", None)], [("a", "inferred", None)], [("b", "resembles", 0.5)]]
    both = 0.5 * (0.75 + 0.125)
    assert [step["share"] for step in paths[0]] == pytest.approx([2 / (2 + both), both / (2 + both)])
    assert "certainty" not in paths[2][0]
    assert reasons[1].text == "Because you bought A yesterday: people who bought it often take things like this next."
    assert reasons[2].text == "Because it resembles B, which you bought today."


def test_the_card_says_the_scale(tmp_path: Path) -> None:
    assert read_card(write_model(tmp_path, VERSION, 2), VERSION).terms.resemblance_scale == 0
    folder = write_model(tmp_path, VERSION, 2, terms={**TERMS, "resemblance_scale": 0.25})
    assert read_card(folder, VERSION).terms.resemblance_scale == 0.25
    assert read_card(folder, VERSION).resemblance is None
    write_model(tmp_path, VERSION, 2, resemblance={"view": "words", "basis": "words 20"})
    assert read_card(folder, VERSION).resemblance == "words 20"
    write_model(tmp_path, VERSION, 2, terms={**TERMS, "resemblance_scale": -0.1})
    with pytest.raises(ArtefactError, match=r"terms\.resemblance_scale"):
        read_card(folder, VERSION)
