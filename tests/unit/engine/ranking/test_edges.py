from __future__ import annotations

import pytest

from engine.domain import MS_PER_DAY
from engine.ranking.edges import with_late_rows, with_moved
from engine.ranking.loading import EdgeRow
from engine.ranking.profile import profile_in
from engine.ranking.service import latest_places
from tests.support.snapshots import HALF_LIFE_MS, NOW, item, snapshot_of, user

EDGES = {"a": {"b": 3.0, "c": 1.0}, "b": {"c": 4.0}}
LATER = NOW + int(HALF_LIFE_MS)


def test_what_moved_is_marked_and_its_popularity_set() -> None:
    before = snapshot_of([item("a", popularity=1.0), item("b", popularity=2.0), item("c")], EDGES)
    after = with_moved(before, ["b", "gone"], [7, 8], [5.0, 9.0], [LATER, LATER], as_of=LATER, folded_at=8)
    assert dict(after.behind) == {1: 7}
    assert after.mass.tolist() == [1.0, 10.0, 0.0]  # 5 a half-life later is 10 as of the snapshot's time
    assert before.mass.tolist() == [1.0, 2.0, 0.0]
    assert (after.as_of, after.folded_at) == (LATER, 8)
    again = with_moved(after, ["b", "a"], [9, 9], [6.0, 1.0], [LATER, NOW], as_of=LATER, folded_at=9)
    assert dict(again.behind) == {1: 9, 0: 9}


def test_a_row_that_was_read_is_behind_no_longer() -> None:
    before = snapshot_of([item("a"), item("b"), item("c")], EDGES)
    marked = with_moved(before, ["a", "b"], [7, 7], [0.0, 0.0], [NOW, NOW], as_of=NOW, folded_at=7)
    row = EdgeRow("a", ["c", "new"], [8.0, 1.0], [NOW + MS_PER_DAY * 0, NOW], 7)
    after = with_late_rows(marked, [0], [row])
    assert dict(after.behind) == {1: 7}
    targets, weights = after.following(0)
    assert (targets.tolist(), weights.tolist()) == ([2], [pytest.approx(8 / 8**0.5)])
    assert marked.following(0)[0].tolist() == [1, 2]
    # One that is not in the graph any more has no row, and is not asked for for ever.
    assert dict(with_late_rows(after, [1], []).behind) == {}


def test_an_answer_needs_the_rows_of_its_latest_steps() -> None:
    snapshot = snapshot_of([item(name) for name in "abcdefghijklmn"])
    who = user(*"nmlkjihgfedcba", "gone")
    assert latest_places(snapshot, who) == list(range(13, 3, -1))
    assert latest_places(snapshot, who) == [step.index for step in profile_in(snapshot, who).steps[:10]]
