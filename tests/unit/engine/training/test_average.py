"""The average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.training.average import WeightAverage


def _weigh(model: nn.Linear, value: float) -> None:
    with torch.no_grad():
        model.weight.fill_(value)


def test_it_reaches_back_as_many_passes_as_said() -> None:
    model = nn.Linear(1, 1, bias=False)
    _weigh(model, 0.0)
    average = WeightAverage(model, passes=2)
    _weigh(model, 1.0)
    # Two passes of five steps: each step takes in a tenth.
    for _ in range(3):
        average.update(5)
    assert float(average.state()["weight"]) == pytest.approx(0.271, rel=1e-5)
    with average.applied():
        assert model.weight.item() == pytest.approx(0.271, rel=1e-5)
    assert model.weight.item() == 1.0


def test_without_passes_it_is_the_last_step() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, passes=0)
    _weigh(model, 3.0)
    average.update(100)
    assert float(average.state()["weight"]) == 3.0


def test_the_weights_come_back_after_an_error() -> None:
    model = nn.Linear(1, 1, bias=False)
    _weigh(model, 0.0)
    average = WeightAverage(model, passes=1)
    _weigh(model, 1.0)
    with pytest.raises(RuntimeError), average.applied():
        raise RuntimeError
    assert model.weight.item() == 1.0


def test_a_kept_average_goes_on() -> None:
    model = nn.Linear(2, 2)
    average = WeightAverage(model, passes=1)
    _weigh(model, 1.0)
    average.update(4)
    other = WeightAverage(model, passes=1)
    other.load({name: tensor.clone() for name, tensor in average.state().items()})
    for one, two in ((each, other.state()[name]) for name, each in average.state().items()):
        assert torch.equal(one, two)
    with pytest.raises(KeyError):
        other.load({})
