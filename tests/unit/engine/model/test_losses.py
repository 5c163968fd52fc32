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


def _known(targets: torch.Tensor) -> sparse.csr_array:
    """Two items of each row that are not the target, one of them twice."""
    columns = np.stack([(targets.numpy() + 1) % ITEMS, (targets.numpy() + 3) % ITEMS, (targets.numpy() + 1) % ITEMS], 1)
    bounds = np.arange(0, columns.size + 1, 3)
    return sparse.csr_array((np.ones(columns.size, np.int8), columns.ravel(), bounds), shape=(len(targets), ITEMS))


def test_known_items_leave_the_softmax() -> None:
    states, items, scale, epsilon, counts, dense, targets = _problem(CHUNK_ROWS + 7)
    known = _known(targets)
    loss = full_softmax_loss(states, items, targets, counts, scale, epsilon, known)
    loss.backward()
    found = [leaf.grad.clone() for leaf in (states, items, scale, epsilon)]
    for leaf in (states, items, scale, epsilon):
        leaf.grad = None
    logits = states @ items.T + scale * torch.log(epsilon + torch.from_numpy(dense))
    logits = logits.masked_fill(torch.from_numpy(known.toarray().astype(bool)), float("-inf"))
    plain = F.cross_entropy(logits, targets)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), abs=1e-10)
    for mine, leaf in zip(found, (states, items, scale, epsilon), strict=True):
        assert torch.allclose(mine, leaf.grad, atol=1e-9)


def test_known_items_leave_the_sampled_softmax_too() -> None:
    states, items, scale, epsilon, counts, _, targets = _problem(5)
    known = _known(targets)
    full = full_softmax_loss(states, items, targets, counts, scale, epsilon, known)
    sampled = sampled_softmax_loss(states, items, targets, counts, scale, epsilon, np.arange(ITEMS), known)
    assert sampled.item() == pytest.approx(full.item(), abs=1e-9)
