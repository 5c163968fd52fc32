from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.errors import TrainingError
from engine.training.data import Dataset, InteractionTable, ItemTable, recent, seen, split_by_time


def _data(days: list[int]) -> Dataset:
    users = np.array([0] * len(days) + [1])
    items = np.array([*range(len(days)), 0])
    times = np.array([day * MS_PER_DAY for day in [*days, 0]])
    table = InteractionTable.from_columns(users, items, np.ones(len(users), dtype=int), times, ["a", "b"])
    about = sparse.csr_array((len(days), 0), dtype=np.float32)
    names = [str(item) for item in range(len(days))]
    return Dataset(table, ItemTable(names, names, None, about, []), ["", "view"])


def test_the_last_days_are_held_out() -> None:
    split = split_by_time(_data([0, 1, 5, 9]), validation_days=3, test_days=3)
    assert len(split.train) == 3
    assert split.validation.positives.toarray().tolist() == [[False, False, True, False]]
    assert split.test.positives.toarray().tolist() == [[False, False, False, True]]
    assert len(split.test.history) == 4


def test_too_short_a_time_is_refused_with_the_remedy() -> None:
    with pytest.raises(TrainingError, match="VALIDATION_DAYS"):
        split_by_time(_data([0, 0, 0, 0]), validation_days=3, test_days=3)


def test_no_events_are_refused() -> None:
    empty = InteractionTable.from_columns(*(np.zeros(0, dtype=int) for _ in range(4)), user_ids=["a"])
    with pytest.raises(TrainingError, match="no events"):
        split_by_time(Dataset(empty, _data([0]).items, ["", "view"]), validation_days=1, test_days=1)


def test_until_keeps_users_without_events() -> None:
    table = _data([0, 1, 2]).interactions
    assert np.diff(table.until(MS_PER_DAY).offsets).tolist() == [1, 1]
    assert np.diff(table.until(0).offsets).tolist() == [0, 0]


def test_recent_is_right_aligned() -> None:
    items, types, mask, times = recent(_data([0, 1, 2]).interactions, np.array([0, 1]), 4)
    assert items.tolist() == [[0, 0, 1, 2], [0, 0, 0, 0]]
    assert types.tolist() == [[0, 1, 1, 1], [0, 0, 0, 1]]
    assert mask.tolist() == [[False, True, True, True], [False, False, False, True]]
    assert not times[~mask].any()


def test_seen_of_chosen_users() -> None:
    table = _data([0, 1, 2]).interactions
    assert seen(table, np.array([1, 0]), 3).toarray().tolist() == [[True, False, False], [True, True, True]]
