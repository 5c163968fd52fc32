from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from engine.errors import TrainingError
from engine.evaluation.baselines import latest_items
from engine.evaluation.cold import KNOWN_EVENTS, content_only, hold_out, random_scores
from engine.model.inferred_edges import ItemViews
from engine.training.data import Dataset, InteractionTable, ItemTable

ITEMS, USERS, LENGTH = 50, 200, 12


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(3)
    taken = np.concatenate([rng.permutation(ITEMS)[:LENGTH] for _ in range(USERS)]).astype(np.int32)
    offsets = np.arange(0, USERS * LENGTH + 1, LENGTH, dtype=np.int64)
    times = np.tile(np.arange(LENGTH, dtype=np.int64), USERS)
    table = InteractionTable([str(u) for u in range(USERS)], offsets, taken, np.ones(len(taken), np.int32), times)
    titles = [f"word{number // 2}" for number in range(ITEMS)]
    items = ItemTable([str(i) for i in range(ITEMS)], titles, None, sparse.csr_array((ITEMS, 0)), [])
    return Dataset(table, items, ["", "taken"])


def test_nothing_of_the_held_out_is_learnt_from(data: Dataset) -> None:
    held = hold_out(data, item_share=0.1, user_share=0.1, seed=1)
    assert held.items.sum() == 5
    assert held.users.sum() == 20
    for table in (held.split.train, held.split.validation.history, held.split.test.history, held.past):
        assert not held.items[table.items].any()
    assert np.diff(held.split.train.offsets)[held.users].sum() == 0
    assert np.diff(held.split.test.history.offsets)[held.users].sum() == 0
    assert not held.users[held.split.test.users].any()
    assert not held.items[held.split.validation.positives.indices].any()


def test_the_target_is_the_last_event_and_stands_in_no_history(data: Dataset) -> None:
    held = hold_out(data, item_share=0.1, user_share=0.1, seed=1)
    table = data.interactions
    for user in held.split.test.users.tolist():
        last = table.items[table.offsets[user + 1] - 1]
        assert held.targets[user] == last
        assert last not in held.past.items[held.past.of_user(user)]
    cold, warm = held.test(cold=True), held.test(cold=False)
    assert held.items[cold.targets.positives.indices].all()
    assert not held.items[warm.targets.positives.indices].any()
    assert len(cold.targets.users) > 0
    assert len(cold.targets.users) + len(warm.targets.users) == len(held.split.test.users)


def test_newcomers_are_the_same_users_with_more_and_more_known(data: Dataset) -> None:
    held = hold_out(data, item_share=0.1, user_share=0.1, seed=1)
    parts = {events: held.newcomers(events).targets for events in KNOWN_EVENTS}
    first = parts[0].users.tolist()
    assert first
    for events, part in parts.items():
        assert part.users.tolist() == first
        assert held.users[part.users].all()
        assert set(np.diff(part.history.offsets)[part.users].tolist()) == {events}
        assert np.diff(part.history.offsets)[~held.users].sum() == 0
    user = first[0]
    newest = latest_items(held.past, np.array([user]), 2)
    np.testing.assert_array_equal(latest_items(parts[2].history, np.array([user]), 2), newest)


def test_the_seed_decides_who_is_held_out(data: Dataset) -> None:
    one, same, other = (hold_out(data, item_share=0.1, user_share=0.1, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.items, same.items)
    assert (one.items != other.items).any()


def test_content_alone_ranks_what_resembles_the_newest_first() -> None:
    titles = ["red lamp", "chair", "lamp red", "green chair"]
    items = ItemTable(["0", "1", "2", "3"], titles, None, sparse.csr_array((4, 0)), [])
    table = InteractionTable(
        ["u"], np.array([0, 2]), np.array([1, 0], np.int32), np.ones(2, np.int32), np.arange(2, dtype=np.int64)
    )
    found = content_only(ItemViews(items), "words", table)(np.array([0]))
    # The newest, 0, has the words of 2; 1, a step back, counts .7.
    np.testing.assert_allclose(found[0, :3], [1, 0.7, 1])
    assert 0 < found[0, 3] < 0.7


def test_chance_is_the_same_for_the_same_user() -> None:
    scores = random_scores(20, 1)
    np.testing.assert_array_equal(scores(np.array([3, 4]))[1], scores(np.array([4]))[0])


def test_all_users_held_out_leave_nothing(data: Dataset) -> None:
    with pytest.raises(TrainingError):
        hold_out(data, item_share=0.1, user_share=1.0, seed=1)
