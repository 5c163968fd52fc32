from __future__ import annotations

import numpy as np
import pytest

from engine.domain import MS_PER_DAY
from engine.errors import TrainingError
from engine.evaluation.prequential import Stream, hold_out, last_days, rank_block
from engine.evaluation.protocols import Scorer
from engine.training.data import InteractionTable


@pytest.fixture
def stream() -> Stream:
    """Ann takes 0, 1, 0, 2 on days 0, 2, 4, 6; Ben takes 3, 1 on days 1, 5; Cid takes 2 on day 7."""
    users = np.array([0, 0, 0, 0, 1, 1, 2])
    items = np.array([0, 1, 0, 2, 3, 1, 2])
    days = np.array([0, 2, 4, 6, 1, 5, 7])
    ones = np.ones(7, dtype=np.int64)
    return Stream.of(InteractionTable.from_columns(users, items, ones, days * MS_PER_DAY, ["ann", "ben", "cid"]))


def test_events_come_in_the_order_of_time(stream: Stream) -> None:
    assert stream.table.items[stream.places].tolist() == [0, 3, 1, 0, 1, 2, 2]
    assert stream.users.tolist() == [0, 1, 0, 0, 1, 0, 2]
    before = stream.before(3)
    assert before.items.tolist() == [0, 1, 3]
    assert before.offsets.tolist() == [0, 2, 3, 3]


def test_measured_is_what_is_new_to_a_known_user(stream: Stream) -> None:
    [block] = stream.blocks(1.0, 1, most=100, seed=1)
    # Not: the first event of each user, and ann's second 0.
    assert block.measured.tolist() == [2, 4, 5]
    blocks = list(stream.blocks(4 / 7, 2, most=100, seed=1))
    assert [len(block.before) for block in blocks] == [3, 5]
    assert [block.measured.tolist() for block in blocks] == [[4], [5]]
    [fewer] = stream.blocks(1.0, 1, most=2, seed=1)
    assert len(fewer.measured) == 2
    assert set(fewer.measured.tolist()) < {2, 4, 5}


def test_a_state_knows_what_came_before_the_event(stream: Stream) -> None:
    known = stream.histories(np.array([2, 4, 5]))
    assert [known.items[known.of_user(row)].tolist() for row in range(3)] == [[0], [3], [0, 1, 0]]


def test_events_of_one_time_do_not_know_each_other() -> None:
    """Ann takes 0 on day 0, then 1, 2 and 3 at once; Ben takes 2 and 3 at once, before anything else."""
    users = np.array([0, 0, 0, 0, 1, 1])
    days = np.array([0, 5, 5, 5, 5, 5])
    table = InteractionTable.from_columns(
        users, np.array([0, 1, 2, 3, 2, 3]), np.ones(6, dtype=np.int64), days * MS_PER_DAY, ["ann", "ben"]
    )
    stream = Stream.of(table)
    # Ben has nothing to go by, and the block begins with the day.
    [block] = stream.blocks(2 / 6, 1, most=100, seed=1)
    assert block.measured.tolist() == [1, 2, 3]
    assert len(block.before) == 1
    known = stream.histories(block.measured)
    assert [known.items[known.of_user(row)].tolist() for row in range(3)] == [[0], [0], [0]]
    assert last_days(stream, block, 4, 7)(np.arange(3)).tolist() == [[1, 0, 0, 0]] * 3


def test_validation_asks_as_the_stream_does(stream: Stream) -> None:
    split = hold_out(stream.table, 4, share=4 / 7, most=100, seed=1)
    assert split.train.items.tolist() == [0, 1, 3]
    history, positives = split.validation.history, split.validation.positives
    assert [history.items[history.of_user(row)].tolist() for row in range(2)] == [[3], [0, 1, 0]]
    assert positives.toarray().argmax(axis=1).tolist() == [1, 2]
    assert not split.counts_history
    with pytest.raises(TrainingError, match="new to the user"):
        hold_out(stream.table, 4, share=1 / 7, most=100, seed=1)


def test_known_items_leave_the_ranking_and_a_frozen_state_stays(stream: Stream) -> None:
    seen: list[list[int]] = []

    def make(history: InteractionTable) -> Scorer:
        seen.append(np.diff(history.offsets).tolist())
        return lambda rows: np.tile(np.array([4.0, 3.0, 2.0, 1.0]), (len(rows), 1))

    [block] = stream.blocks(1.0, 1, most=100, seed=1)
    # Ann's 1 behind nothing once 0 is known; ben's 1 behind 0; ann's 2 first once 0 and 1 are known.
    assert rank_block(stream, block, make).ranks.tolist() == [1, 2, 1]
    rank_block(stream, block, make, frozen=stream.before(1))
    assert seen == [[1, 1, 3], [1, 0, 1]]


def test_popularity_of_the_last_days_ends_with_the_event(stream: Stream) -> None:
    [block] = stream.blocks(1.0, 1, most=100, seed=1)
    scores = last_days(stream, block, 4, 3)(np.arange(3))
    # Days [-1, 2), [2, 5) and [3, 6).
    assert scores.tolist() == [[1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0]]
