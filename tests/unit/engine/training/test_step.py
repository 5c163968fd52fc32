"""The loss of a batch: popularity takes part where it is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.model.co_occurrence import OwnPairs
from engine.settings import load_settings
from engine.training.batches import BatchSampler
from engine.training.data import leave_one_out
from engine.training.loop import Trainer
from engine.training.step import BatchLoss
from tests.unit.engine.training.test_inference import twins


@pytest.mark.parametrize("limit", [1_000, 1])
def test_popularity_left_out_is_popularity_without_weight(tmp_path: Path, limit: int) -> None:
    data = twins(1, told=True, group=20)
    settings = load_settings(model={"dim": 16}, training={"threads": 1})
    trainer = Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=tmp_path)
    model, train, items = trainer.model.eval(), trainer.split.train, len(data.items)
    own = OwnPairs(trainer.term, train, items, trainer.counting)
    sampler = BatchSampler(train, length=10, positions=64, latest=trainer.term.latest, seed=1, new_only=True)
    batch = next(sampler(0))
    log_share = torch.linspace(-5, -1, items)

    def loss(weight: float, *, with_popularity: bool) -> float:
        whole = BatchLoss(
            model,
            trainer.graph,
            own,
            train,
            log_share,
            full_softmax_limit=limit,
            with_popularity=with_popularity,
            leave_known=False,
            half=False,
        )
        with torch.no_grad():
            model.popularity_scale.fill_(weight)
            return float(whole(batch, np.arange(0, items, 2), torch.ones(items, dtype=torch.bool)))

    left_out = loss(1.0, with_popularity=False)
    assert loss(0.0, with_popularity=True) == pytest.approx(left_out, rel=1e-5)
    assert abs(loss(1.0, with_popularity=True) - left_out) > 0.01
