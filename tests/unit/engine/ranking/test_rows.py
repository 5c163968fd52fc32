from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.rows import Row, Rows

SIZE = 6
entry = st.tuples(st.integers(0, SIZE - 1), st.floats(0.5, 2, width=32))
row = st.lists(entry, max_size=4, unique_by=lambda pair: pair[0])
table = st.dictionaries(st.integers(0, SIZE - 1), row, max_size=SIZE)


def made(rows: Mapping[int, list[tuple[int, float]]]) -> dict[int, Row]:
    return {
        index: (np.array([t for t, _ in pairs], np.int32), np.array([w for _, w in pairs], np.float32))
        for index, pairs in rows.items()
    }


def plain(rows: Rows, size: int) -> dict[int, list[tuple[int, float]]]:
    return {index: list(zip(*(part.tolist() for part in rows.row(index)), strict=True)) for index in range(size)}


@given(table, table)
def test_an_overlay_and_its_compaction_read_alike(
    below: dict[int, list[tuple[int, float]]], above: dict[int, list[tuple[int, float]]]
) -> None:
    expected = {index: above.get(index, below.get(index, [])) for index in range(SIZE)}
    rows = Rows.of(made(below), SIZE).with_rows(made(above))
    assert plain(rows, SIZE) == expected
    compact = rows.compacted()
    assert not compact.changed
    assert plain(compact, SIZE) == expected
    assert rows.entries == compact.entries == sum(len(pairs) for pairs in expected.values())


def test_rows_may_come_beyond_the_end() -> None:
    rows = Rows.of(made({0: [(1, 1.0)]}), 2).with_rows(made({4: [(0, 2.0)]}))
    assert plain(rows, 6) == {0: [(1, 1.0)], 1: [], 2: [], 3: [], 4: [(0, 2.0)], 5: []}
    assert plain(rows.compacted(), 6) == plain(rows, 6)


def test_the_rows_before_stay_as_they_were() -> None:
    before = Rows.of(made({0: [(1, 1.0)]}), 2)
    before.with_rows(made({0: [(0, 5.0)]}))
    assert plain(before, 2) == {0: [(1, 1.0)], 1: []}


def test_many_changed_rows_are_compacted() -> None:
    rows = Rows.of({}, 10).with_rows(made({index: [(0, 1.0)] for index in range(300)}))
    assert not rows.changed
    assert len(rows) == 300
