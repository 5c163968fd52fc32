from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import InferenceRule, ItemViews
from engine.settings import Settings, load_settings
from engine.training import inferred_scale
from engine.training.data import leave_one_out
from engine.training.inference import without_items
from engine.training.inferred_scale import fit_factor, model_scorer
from engine.training.loop import Trainer
from engine.training.scoring import TermParameters
from tests.unit.engine.training.test_inference import PAIRS, twins

RULE = InferenceRule("words", 3, power=1.0, own=1.0, exponent=1.0, factor=0.5, strengths=(0.5,), certainties=(0.7,))


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    """A model that has learnt nothing beyond its start, on groups of twenty items that go together."""
    data = twins(1, told=True, group=20)
    settings: Settings = load_settings(model={"dim": 16}, training={"threads": 1})
    return Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=tmp_path)


def parameters(trainer: Trainer) -> TermParameters:
    return trainer.scorer(trainer.split.validation.history).parameters


def test_what_others_may_lose_bounds_the_factor(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    views = ItemViews(trainer.data.items)
    careful = fit_factor(RULE, trainer, parameters(trainer), views)
    monkeypatch.setattr(inferred_scale, "MOST_LOST", 0.9)
    found = fit_factor(RULE, trainer, parameters(trainer), views)
    assert found.factor > careful.factor
    # The same edges are as certain as before.
    assert found.strengths[0] / found.factor == pytest.approx(RULE.strengths[0] / RULE.factor)
    assert replace(found, factor=0.5, strengths=(0.5,)) == RULE


def test_new_items_stand_where_their_neighbours_stand(trainer: Trainer) -> None:
    views = ItemViews(trainer.data.items)
    table = trainer.split.validation.history
    hidden = np.zeros(4 * PAIRS, dtype=bool)
    hidden[7] = True
    known = without_items(table, hidden)
    term = CoOccurrenceTerm.count(known, 4 * PAIRS, trainer.counting)
    scorer = model_scorer(trainer, parameters(trainer), known, term, (views, replace(RULE, neighbours=1)))
    users = np.arange(20)
    sequence = scorer.terms(users, interests=False)["sequence"]
    others = [sequence[:, place] for place in range(20) if place != 7]
    assert any(np.allclose(sequence[:, 7], each, atol=1e-5) for each in others)
