from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.cooccurrence.counting import PairCounts, aggregate
from engine.cooccurrence.table import Changed, change

DAY = 86_400_000
HALF_LIFE_MS = 10.0 * DAY


class Edge(NamedTuple):
    source: int
    target: int
    weight: float
    count: int = 1
    at: int = 0


def table(*edges: Edge) -> PairCounts:
    return aggregate(
        np.array([edge.source for edge in edges], dtype=np.int32),
        np.array([edge.target for edge in edges], dtype=np.int32),
        np.array([edge.weight for edge in edges], dtype=np.float64),
        np.array([edge.count for edge in edges], dtype=np.int64),
        np.array([edge.at for edge in edges], dtype=np.int64),
        HALF_LIFE_MS,
    )


def edges(counts: PairCounts) -> dict[tuple[int, int], tuple[float, int, int]]:
    rows = zip(counts.source, counts.target, counts.weight, counts.count, counts.updated_at, strict=True)
    return {(int(i), int(j)): (round(float(w), 9), int(n), int(at)) for i, j, w, n, at in rows}


def changed(before: PairCounts, *added: Edge, keep: int = 3, most: int = 4, as_of: int = 0) -> Changed:
    return change(before, table(*added), as_of=as_of, half_life_ms=HALF_LIFE_MS, keep=keep, most=most)


def test_an_edge_takes_every_change_at_the_later_time() -> None:
    before = table(Edge(0, 1, 4.0, 2, 0), Edge(0, 2, 1.0, 1, 10 * DAY))
    found = changed(before, Edge(0, 1, 1.0, 1, 10 * DAY), Edge(0, 2, 2.0, 1, 0), as_of=10 * DAY)
    assert edges(found.table) == {(0, 1): (3.0, 3, 10 * DAY), (0, 2): (2.0, 2, 10 * DAY)}
    assert (found.changed.tolist(), found.made.tolist(), found.gone_source.tolist()) == ([0, 1], [], [])


def test_an_edge_without_pairs_goes_and_a_missing_one_does_not_come_by_less() -> None:
    found = changed(table(Edge(0, 1, 1.0)), Edge(0, 1, -1.0, -1), Edge(0, 2, -0.5, -1), Edge(0, 3, -0.5, 0))
    assert edges(found.table) == {}
    assert (found.gone_source.tolist(), found.gone_target.tolist()) == ([0], [1])


def test_a_row_grows_by_its_slack_and_is_then_cut_back() -> None:
    """Three are kept, four may stay; a newcomer has to beat the third."""
    row = table(Edge(0, 1, 5.0), Edge(0, 2, 4.0), Edge(0, 3, 3.0))
    assert edges(changed(row, Edge(0, 4, 3.0)).table).keys() == {(0, 1), (0, 2), (0, 3)}
    grown = changed(row, Edge(0, 4, 3.5))
    assert edges(grown.table).keys() == {(0, 1), (0, 2), (0, 3), (0, 4)}
    assert (grown.made.tolist(), grown.gone_source.tolist()) == ([3], [])
    # The displaced one is still there and takes what comes.
    again = changed(grown.table, Edge(0, 3, 2.0))
    assert edges(again.table)[0, 3][0] == 5.0
    cut = changed(grown.table, Edge(0, 5, 9.0))
    assert edges(cut.table).keys() == {(0, 5), (0, 1), (0, 2)}
    assert cut.gone_target.tolist() == [3, 4]


def test_of_many_newcomers_only_those_that_stay_are_made() -> None:
    found = changed(table(Edge(7, 1, 1.0)), *(Edge(7, target, float(target)) for target in range(2, 9)))
    assert edges(found.table).keys() == {(7, 6), (7, 7), (7, 8)}
    assert (len(found.made), found.gone_target.tolist()) == (3, [1])


def test_rows_do_not_touch_each_other() -> None:
    before = table(Edge(0, 1, 1.0), Edge(2, 1, 9.0), Edge(2, 3, 9.0), Edge(2, 4, 9.0))
    found = changed(before, Edge(0, 9, 0.1), Edge(2, 9, 0.1))
    assert edges(found.table).keys() == {(0, 1), (0, 9), (2, 1), (2, 3), (2, 4)}
    assert edges(changed(table(), Edge(5, 1, 1.0)).table) == {(5, 1): (1.0, 1, 0)}
    assert edges(changed(before).table) == edges(before)


added = st.lists(
    st.builds(
        Edge,
        st.integers(0, 3),
        st.integers(4, 9),
        st.floats(0.1, 5),
        st.integers(1, 3),
        st.integers(0, 30 * DAY),
    ),
    max_size=12,
)


@hypothesis_settings(deadline=None)
@given(st.lists(added, min_size=1, max_size=5))
def test_wide_rows_are_sums_and_narrow_ones_stay_within_bounds(batches: list[list[Edge]]) -> None:
    wide = narrow = table()
    for batch in batches:
        wide = changed(wide, *batch, keep=99, most=99, as_of=30 * DAY).table
        step = changed(narrow, *batch, keep=2, most=3, as_of=30 * DAY)
        before, narrow = edges(narrow), step.table
        assert np.bincount(narrow.source, minlength=1).max() <= 3
        assert {edge for edge in before if edge not in edges(narrow)} == set(
            zip(step.gone_source.tolist(), step.gone_target.tolist(), strict=True)
        )
        assert len(narrow) == len(before) + len(step.made) - len(step.gone_source)
    expected = table(*(edge for batch in batches for edge in batch))
    assert edges(wide).keys() == edges(expected).keys()
    np.testing.assert_allclose(wide.weight, expected.weight, rtol=1e-9)
    np.testing.assert_array_equal(wide.count, expected.count)
