"""The rule of learnt edges, on choices drawn from a rule that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.edges import Choices
from engine.model.learned_edges import shares
from engine.settings import load_settings
from engine.training.data import leave_one_out
from engine.training.edge_rule import fit_edge_rule, most_likely
from engine.training.loop import Trainer
from tests.unit.engine.training.test_inference import twins

NEIGHBOURS = 5


def _drawn(users: int, model: float, count: float) -> tuple[np.ndarray, Choices]:
    """Draw what each user takes of five neighbours from a rule."""
    rng = np.random.default_rng(0)
    said = rng.normal(size=(users * NEIGHBOURS, 2))
    user = np.repeat(np.arange(users), NEIGHBOURS)
    share = shares(said @ np.array([model, count]), user, users).reshape(users, NEIGHBOURS)
    taken = (share.cumsum(axis=1) < rng.random((users, 1))).sum(axis=1)
    followed = np.arange(NEIGHBOURS) == taken[:, None]
    return said, Choices(np.arange(len(said)), user, followed.ravel(), users)


@pytest.mark.parametrize(("model", "count"), [(0.2, 1.7), (1.5, 0.4)])
def test_the_rule_that_choices_were_drawn_from_is_found(model: float, count: float) -> None:
    rule = most_likely(*_drawn(20_000, model, count))
    assert rule.model == pytest.approx(model, abs=0.05)
    assert rule.count == pytest.approx(count, abs=0.05)


def test_a_model_that_misleads_is_not_believed_and_not_turned_round() -> None:
    rule = most_likely(*_drawn(20_000, -0.5, 1.0))
    assert rule.model == 0
    assert rule.count > 0.8


def test_without_choices_both_count_half() -> None:
    none = Choices(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), 0)
    rule = most_likely(np.zeros((0, 2)), none)
    assert (rule.model, rule.count) == (0.5, 0.5)


def test_few_choices_move_it_little() -> None:
    rule = most_likely(*_drawn(3, 5.0, 0.0))
    assert abs(rule.model - 0.5) < 1.5


def test_who_took_two_neighbours_chose_twice() -> None:
    # One user, three neighbours that differ by the count alone; the first two are taken.
    said = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    choices = Choices(np.arange(3), np.zeros(3, dtype=np.int64), np.array([True, True, False]), 1)
    rule = most_likely(said, choices)
    # Of 2 log share + prior, the slope is 2 (1 - 2 e^β / (2 e^β + 1)) = β - 1/2 at the best β.
    assert 2 * (1 - 2 * np.exp(rule.count) / (2 * np.exp(rule.count) + 1)) == pytest.approx(rule.count - 0.5, abs=1e-4)
    assert rule.model == 0.5


def test_it_is_chosen_by_a_trained_model_s_validation(tmp_path: Path) -> None:
    data = twins(1, told=True, group=20)
    settings = load_settings(model={"dim": 16}, training={"threads": 1})
    trainer = Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=tmp_path)
    rule = fit_edge_rule(trainer)
    assert rule.model >= 0
    assert rule.count >= 0
    assert (rule.model, rule.count) != (0.5, 0.5)
