from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.training.batches import BatchSampler, following, known_items
from engine.training.data import InteractionTable

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=60)


def _table(events: list[tuple[int, int, int]]) -> InteractionTable:
    users, items, times = (np.array(column) for column in zip(*events, strict=True))
    return InteractionTable.from_columns(users, items, np.ones(len(users), dtype=int), times, ["a", "b", "c", "d"])


def test_events_of_one_time_have_no_order_among_them() -> None:
    table = _table([(0, 5, 1), (0, 6, 1), (0, 5, 2), (0, 7, 2), (0, 6, 3)])
    candidates, start, stop = following(table, new_only=False)
    found = [sorted(table.items[candidates[a:b]].tolist()) for a, b in zip(start, stop, strict=True)]
    assert found == [[5, 7], [5, 7], [6], [6], []]


def test_new_only_looks_on_to_the_next_first_taking() -> None:
    table = _table([(0, 5, 1), (0, 6, 1), (0, 5, 2), (0, 7, 3), (0, 6, 4)])
    candidates, start, stop = following(table, new_only=True)
    found = [table.items[candidates[a:b]].tolist() for a, b in zip(start, stop, strict=True)]
    assert found == [[7], [7], [7], [], []]


@given(EVENTS, st.booleans())
def test_what_follows_is_later_and_the_same_users(events: list[tuple[int, int, int]], new_only: bool) -> None:
    table = _table(events)
    user = np.repeat(np.arange(table.users), np.diff(table.offsets))
    candidates, start, stop = following(table, new_only=new_only)
    for event, (a, b) in enumerate(zip(start, stop, strict=True)):
        chosen = candidates[a:b]
        assert (user[chosen] == user[event]).all()
        assert (table.times[chosen] > table.times[event]).all()
        assert len(set(table.times[chosen].tolist())) <= 1


@given(EVENTS, st.integers(1, 5), st.integers(0, 3))
def test_windows_cover_each_event_but_the_last_once(
    events: list[tuple[int, int, int]], length: int, epoch: int
) -> None:
    table = _table(events)
    sampler = BatchSampler(table, length=length, positions=16, latest=3, seed=1, new_only=False)
    begin, end = sampler.windows(epoch)
    covered = np.concatenate([np.arange(a, b) for a, b in zip(begin, end, strict=True)] or [np.zeros(0, int)])
    last = {int(stop) - 1 for start, stop in zip(table.offsets[:-1], table.offsets[1:], strict=True) if stop > start}
    assert sorted(covered.tolist()) == sorted(set(range(len(table))) - last)
    assert ((end - begin) <= length).all()


def test_latest_never_reaches_into_another_user() -> None:
    table = _table([(0, 1, 1), (1, 2, 1), (1, 3, 2), (1, 4, 3)])
    sampler = BatchSampler(table, length=5, positions=100, latest=3, seed=1, new_only=False)
    latest = np.concatenate([batch.latest for batch in sampler(0)])
    assert sorted(latest.tolist()) == [[2, -1, -1], [3, 2, -1]]


def test_known_items_are_those_of_the_user_up_to_the_event() -> None:
    table = _table([(0, 1, 1), (1, 2, 1), (1, 3, 2), (1, 2, 3)])
    known = known_items(table, np.array([0, 1, 3]), 5).toarray() > 0
    assert known.tolist() == [
        [False, True, False, False, False],
        [False, False, True, False, False],
        [False, False, True, True, False],
    ]


@given(EVENTS)
def test_a_new_target_is_never_a_known_item(events: list[tuple[int, int, int]]) -> None:
    table = _table(events)
    for batch in BatchSampler(table, length=4, positions=16, latest=3, seed=1, new_only=True)(0):
        known = known_items(table, batch.latest_events[:, 0], 6).toarray()
        assert not known[np.arange(len(batch.targets)), batch.targets].any()


@given(EVENTS, st.integers(1, 3))
def test_a_batch_has_users_of_one_fold_and_all_are_there(events: list[tuple[int, int, int]], folds: int) -> None:
    table = _table(events)
    fold_of_user = np.arange(table.users) % folds
    samplers = [
        BatchSampler(table, length=4, positions=8, latest=3, seed=1, new_only=False, fold_of_user=given_folds)
        for given_folds in (None, fold_of_user)
    ]
    owner = np.repeat(np.arange(table.users), np.diff(table.offsets))
    found = []
    for sampler in samplers:
        batches = list(sampler(0))
        found.append(sorted(np.concatenate([batch.latest_events[:, 0] for batch in batches] or [[]]).tolist()))
    assert found[0] == found[1]
    for batch in samplers[1](0):
        assert set(fold_of_user[owner[batch.latest_events[:, 0]]].tolist()) == {batch.fold}
