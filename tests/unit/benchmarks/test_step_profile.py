"""What a step is spent on, on data that take a moment."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.step_profile import PARTS, measure, timed
from engine.evaluation.case import Case
from engine.model.co_occurrence import OwnPairs
from engine.settings import load_settings
from engine.training.data import leave_one_out
from tests.unit.engine.training.test_inference import twins


def test_the_parts_of_a_pass_add_up_to_it() -> None:
    data = twins(1, told=True, group=20)
    settings = load_settings(model={"dim": 16, "graph_attention": False}, training={"threads": 1})
    found = measure(Case(data, leave_one_out(data), np.array([0.0, 1.0]), settings, "leave one out", {}))
    assert found["steps"] > 0
    assert 0 <= found["padding"] < 1
    # Rounded to a microsecond a step.
    assert sum(found["step_ms"].values()) * found["steps"] / 1000 == pytest.approx(found["pass_seconds"], abs=0.05)
    for part in ("batches", "encoder, forward", "softmax, loss and gradient", "optimizer"):
        assert found["step_ms"][part] > 0
    assert all(milliseconds >= 0 for milliseconds in found["step_ms"].values())


def test_what_was_measured_is_put_back() -> None:
    before = [getattr(owner, name) for _, owner, name in PARTS]
    with timed():
        assert OwnPairs.counts is not before[3]
    assert [getattr(owner, name) for _, owner, name in PARTS] == before
