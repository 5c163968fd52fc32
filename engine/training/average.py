"""The average of the weights over the last passes: it ranks better than the weights of any one step.

Polyak and Juditsky 1992, https://doi.org/10.1137/0330046, in its exponential form:

    a ← d · a + (1 - d) · w,   d = 1 - 1 / (passes · steps of a pass)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import nn


class WeightAverage:
    """Average of a model's weights, beginning with those that it has now.

    Args:
        model: The model that is trained.
        passes: Passes over the data that the average reaches back; 0 keeps the present weights.
    """

    def __init__(self, model: nn.Module, passes: float) -> None:
        self._model = model
        self._passes = passes
        self._average = [parameter.detach().clone() for parameter in model.parameters()]

    def update(self, steps_of_a_pass: int) -> None:
        """Take in the weights after a step."""
        reach = self._passes * steps_of_a_pass
        torch._foreach_lerp_(self._average, self._weights(), 1 / max(reach, 1.0))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the average while a block lasts."""
        weights = self._weights()
        own = [weight.clone() for weight in weights]
        torch._foreach_copy_(weights, self._average)
        try:
            yield
        finally:
            torch._foreach_copy_(weights, own)

    def keep(self) -> None:
        """Give the model the average for good."""
        torch._foreach_copy_(self._weights(), self._average)

    def state(self) -> dict[str, torch.Tensor]:
        """Give the average by the name of the parameter."""
        return dict(zip(self._names(), self._average, strict=True))

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take an average that was kept.

        Raises:
            KeyError: A parameter is missing in it.
        """
        torch._foreach_copy_(self._average, [state[name].to(self._average[0].device) for name in self._names()])

    def _weights(self) -> list[torch.Tensor]:
        return [parameter.detach() for parameter in self._model.parameters()]

    def _names(self) -> list[str]:
        return [name for name, _ in self._model.named_parameters()]
