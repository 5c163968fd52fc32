from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import sparse

from engine.model.losses import CHUNK_ROWS, full_softmax_loss, sampled_softmax_loss

ITEMS, DIM = 11, 4


def _problem(rows: int, *, seed: int = 0):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    states = torch.randn(rows, DIM, dtype=torch.float64, requires_grad=True)
    items = torch.randn(ITEMS, DIM, dtype=torch.float64, requires_grad=True)
    scale = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    epsilon = torch.tensor(0.01, dtype=torch.float64, requires_grad=True)
    dense = rng.random((rows, ITEMS)) * (rng.random((rows, ITEMS)) < 0.3)
    targets = torch.from_numpy(rng.integers(0, ITEMS, rows))
    return states, items, scale, epsilon, sparse.csr_array(dense), dense, targets


@pytest.mark.parametrize("rows", [1, CHUNK_ROWS, CHUNK_ROWS + 7])
def test_loss_and_gradients_equal_the_plain_form(rows: int) -> None:
    states, items, scale, epsilon, counts, dense, targets = _problem(rows)
    loss = full_softmax_loss(states, items, targets, counts, scale, epsilon)
    loss.backward()
    found = [leaf.grad.clone() for leaf in (states, items, scale, epsilon)]
    for leaf in (states, items, scale, epsilon):
        leaf.grad = None
    plain = F.cross_entropy(states @ items.T + scale * torch.log(epsilon + torch.from_numpy(dense)), targets)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), abs=1e-10)
    for mine, leaf in zip(found, (states, items, scale, epsilon), strict=True):
        assert torch.allclose(mine, leaf.grad, atol=1e-9)


def test_all_items_sampled_equals_the_full_softmax() -> None:
    states, items, scale, epsilon, counts, _, targets = _problem(5)
    full = full_softmax_loss(states, items, targets, counts, scale, epsilon)
    sampled = sampled_softmax_loss(states, items, targets, counts, scale, epsilon, np.arange(ITEMS))
    assert sampled.item() == pytest.approx(full.item(), abs=1e-9)
