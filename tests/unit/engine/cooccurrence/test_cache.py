from __future__ import annotations

import numpy as np

from engine.cooccurrence.cache import Row, RowCache


def row(*targets: str) -> Row:
    size = len(targets)
    return Row(list(targets), np.ones(size), np.ones(size, np.int64), np.zeros(size, np.int64))


def test_only_a_row_with_the_stamp_of_the_graph_is_given() -> None:
    cache = RowCache()
    cache.keep(5, {"a": row("x", "y"), "b": row("x")}, most_edges=10)
    assert cache.take({"a": 5, "b": 6, "c": 5}).keys() == {"a"}
    cache.keep(6, {"b": row("z")}, most_edges=10)
    assert cache.take({"b": 6})["b"].targets == ["z"]
    assert cache.take({"b": 5}) == {}
    cache.drop({"b": None, "unknown": None})
    assert cache.take({"b": 6}) == {}


def test_the_longest_unused_rows_go_first() -> None:
    cache = RowCache()
    cache.keep(1, {"a": row("x", "y"), "b": row("x", "y")}, most_edges=4)
    cache.take({"a": 1})
    cache.keep(1, {"c": row("x", "y")}, most_edges=4)
    assert cache.take({"a": 1, "b": 1, "c": 1}).keys() == {"a", "c"}
    cache.keep(1, {"d": row("x")}, most_edges=0)
    assert cache.take({"a": 1, "c": 1, "d": 1}) == {}
