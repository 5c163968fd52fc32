"""Each arm of the prequential benchmark learns what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy import sparse

from benchmarks.accuracy.prequential import (
    CONTINUED,
    FROZEN,
    POPULAR,
    RECOMPUTED,
    RETRAINED,
    Learner,
    measure,
)
from engine.domain import MS_PER_DAY
from engine.evaluation.case import Case
from engine.evaluation.prequential import hold_out
from engine.settings import load_settings
from engine.training.data import Dataset, InteractionTable, ItemTable, leave_one_out
from engine.training.scoring import TermParameters

ITEMS, USERS, DAYS = 24, 60, 12


def _case(jump: int = 0, **training: object) -> Case:
    """Each user walks a ring of items, one a day, and leaves some out on day 10."""
    start = np.random.default_rng(0).integers(0, ITEMS, USERS)
    items = (start[:, None] + np.arange(DAYS) + jump * (np.arange(DAYS) >= 10)) % ITEMS
    users, times = np.repeat(np.arange(USERS), DAYS), np.tile(np.arange(DAYS) * MS_PER_DAY, USERS)
    ones = np.ones(USERS * DAYS, dtype=int)
    table = InteractionTable.from_columns(users, items.ravel(), ones, times, [str(user) for user in range(USERS)])
    names = [str(item) for item in range(ITEMS)]
    about = sparse.csr_array(np.zeros((ITEMS, 0), dtype=np.float32))
    data = Dataset(table, ItemTable(names, names, None, about, []), ["", "view"])
    settings = load_settings(
        training={"epochs": 1, "threads": 1, "batch_positions": 96, **training},
        model={"dim": 16, "layers": 1, "dropout": 0.1, "max_history": 8},
    )
    return Case(data, leave_one_out(data), np.array([0.0, 1.0]), settings, "leave one out", {})


def test_continued_training_goes_on_from_the_present_weights_and_full_retraining_does_not() -> None:
    case = _case()
    table, none = case.data.interactions, np.zeros(1, dtype=np.int64)
    chosen = Learner(case, 1).choose(table)
    present = Learner(_case(learning_rate=1e-2), 1).train(table, replace(chosen, passes=4))
    # A pass that changes next to nothing shows where it began.
    still = Learner(_case(learning_rate=1e-9), 1)
    continued = still.train(table, replace(chosen, passes=1), earlier=present)
    retrained = still.train(table, replace(chosen, passes=1))
    before, after, anew = (
        Learner(case, 1).scorers(trainer, chosen)(table)(none) for trainer in (present, continued, retrained)
    )
    assert after == pytest.approx(before, abs=1e-4)
    assert np.abs(anew - before).max() > 0.1


def test_each_arm_knows_what_its_name_says() -> None:
    """Days 9 to 11 are tested: on day 10 everybody jumps, and only who knows of it can tell day 11."""
    found = measure(_case(jump=7), 2, 1000, 1, True, Console(quiet=True))
    arms = {name: arm["mrr"] for name, arm in found["arms"].items()}
    assert list(arms) == [FROZEN, RECOMPUTED, CONTINUED, RETRAINED, POPULAR]
    assert found["measured"] == 3 * USERS
    for name in (RECOMPUTED, CONTINUED, RETRAINED):
        assert arms[name] > arms[FROZEN] + 0.1, name
    assert arms[POPULAR] < 0.5
    assert found["chosen"]["validation_ndcg@10"]["counted edges"] > 0.95


def test_validation_is_later_than_what_is_learnt_and_no_history_knows_its_event() -> None:
    table = _case().data.interactions
    split = hold_out(table, ITEMS, share=0.25, most=1000, seed=1)
    # Three days of twelve; each walk still has unseen items by then.
    assert split.train.times.max() == 8 * MS_PER_DAY
    assert len(split.validation.users) == 3 * USERS
    for user in split.validation.users:
        items = split.validation.history.items[split.validation.history.of_user(int(user))]
        wanted = split.validation.positives[[int(user)]].indices
        assert wanted == (items[-1] + 1) % ITEMS
        assert len(items) >= 9


def test_weights_chosen_on_validation_change_those_of_another_training_alike() -> None:
    case = _case()
    chosen = Learner(case, 1).choose(case.data.interactions)
    learnt = TermParameters(0.5, 0.01, 0.7, 10, popularity_scale=0.2)
    changed = replace(chosen, learnt=learnt, fitted=replace(learnt, co_occurrence_scale=1.0, popularity_scale=0.8))
    found = changed.weights(TermParameters(0.4, 0.02, 0.7, 10, popularity_scale=0.1))
    assert found.co_occurrence_scale == pytest.approx(0.8)
    assert found.co_occurrence_epsilon == 0.02
    assert found.popularity_scale == pytest.approx(0.7)
