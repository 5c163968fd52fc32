"""Full softmax cross-entropy in chunks: loss and gradient in one pass, logits never kept whole."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

CHUNK_ROWS: Final = 64


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Cross-entropy of z·e_j + λ·log1p(c_j / ε); log ε is the same for every item and cancels."""

    @staticmethod
    def forward(
        context: Any,
        states: Tensor,
        items: Tensor,
        scale: Tensor,
        epsilon: Tensor,
        targets: Tensor,
        counts: Any,
        known: Any,
    ) -> Tensor:
        rows = len(states)
        grad_states = torch.empty_like(states)
        grad_items = torch.zeros_like(items)
        grad_scale = torch.zeros_like(scale)
        grad_epsilon = torch.zeros_like(epsilon)
        loss = torch.zeros((), dtype=states.dtype, device=states.device)
        buffer = states.new_empty(min(CHUNK_ROWS, rows), len(items))
        for start in range(0, rows, CHUNK_ROWS):
            part = slice(start, min(start + CHUNK_ROWS, rows))
            chunk, target = states[part], targets[part]
            index = torch.arange(len(target), device=target.device)
            logits = torch.mm(chunk, items.T, out=buffer[: len(target)])
            flat, value = _entries(counts, part, states)
            ratio = value / epsilon
            bonus = torch.log1p(ratio)
            logits.view(-1).index_add_(0, flat, scale * bonus)
            if known is not None:
                logits.view(-1).index_fill_(0, _entries(known, part, states)[0], float("-inf"))
            highest = logits.amax(dim=1, keepdim=True)
            logits.sub_(highest)
            at_target = logits[index, target]
            # Everything is done in the one buffer; the rows are divided by their sum where they are small again.
            gradient = logits.exp_()
            total = gradient.sum(dim=1)
            loss += (total.log() - at_target).sum()
            gradient[index, target] -= total
            share = 1 / (rows * total[:, None])
            grad_states[part] = (gradient @ items) * share
            grad_items.addmm_(gradient.T, chunk * share)
            touched = gradient.view(-1).index_select(0, flat) * share[flat // len(items), 0]
            grad_scale += (touched * bonus).sum()
            grad_epsilon -= (touched * scale * ratio / (epsilon * (1 + ratio))).sum()
        context.save_for_backward(grad_states, grad_items, grad_scale, grad_epsilon)
        return loss / rows

    @staticmethod
    def backward(context: Any, *outputs: Tensor) -> Any:
        (output,) = outputs
        grad_states, grad_items, grad_scale, grad_epsilon = context.saved_tensors
        return output * grad_states, output * grad_items, output * grad_scale, output * grad_epsilon, None, None, None


def _entries(counts: sparse.csr_array, part: slice, like: Tensor) -> tuple[Tensor, Tensor]:
    """Give flat position and value of the entries of some rows, as tensors."""
    begin, end = counts.indptr[part.start], counts.indptr[part.stop]
    lengths = np.diff(counts.indptr[part.start : part.stop + 1])
    first = np.arange(len(lengths), dtype=np.int64) * counts.shape[1]
    flat = np.repeat(first, lengths) + counts.indices[begin:end]
    return torch.from_numpy(flat).to(like.device), torch.from_numpy(counts.data[begin:end]).to(like)


def full_softmax_loss(
    states: Tensor,
    items: Tensor,
    targets: Tensor,
    counts: sparse.csr_array,
    scale: Tensor,
    epsilon: Tensor,
    known: sparse.csr_array | None = None,
) -> Tensor:
    """Compute the mean cross-entropy of the next item over all items.

    Args:
        states: User vectors [P, D].
        items: Item vectors [I, D].
        targets: Index of the true next item [P].
        counts: c(u, ·), CSR [P, I].
        scale: λ, scalar.
        epsilon: ε, scalar.
        known: Items that cannot be the answer, CSR [P, I]; they leave the softmax.
    """
    loss: Tensor = _ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states, items, scale, epsilon, targets, counts, known
    )
    return loss


def sampled_softmax_loss(
    states: Tensor,
    items: Tensor,
    targets: Tensor,
    counts: sparse.csr_array,
    scale: Tensor,
    epsilon: Tensor,
    negatives: npt.NDArray[np.int64],
    known: sparse.csr_array | None = None,
) -> Tensor:
    """Compute the same over the targets and shared uniform negatives, with the log-Q correction.

    Args:
        states: User vectors [P, D].
        items: Item vectors [I, D].
        targets: Index of the true next item [P].
        counts: c(u, ·), CSR [P, I].
        scale: λ, scalar.
        epsilon: ε, scalar.
        negatives: Indices drawn uniformly [S].
        known: Items that cannot be the answer, CSR [P, I].
    """
    columns = torch.from_numpy(negatives).to(states.device)
    dense = torch.from_numpy(counts[:, negatives].toarray()).to(states)
    taken = sparse.csr_array(
        (np.ones(len(targets), dtype=np.float32), (np.arange(len(targets)), targets.cpu().numpy())), shape=counts.shape
    )
    own = torch.from_numpy(np.asarray(counts.multiply(taken).sum(axis=1)).ravel()).to(states)
    positive = (states * items[targets]).sum(-1) + scale * torch.log1p(own / epsilon)
    # Each negative stands for I / S items; the target's own column must not count twice.
    correction = float(np.log(len(items) / len(negatives)))
    negative = states @ items[columns].T + scale * torch.log1p(dense / epsilon) + correction
    negative = negative.masked_fill(columns[None, :] == targets[:, None], float("-inf"))
    if known is not None:
        taken_before = torch.from_numpy(known[:, negatives].toarray().astype(bool)).to(states.device)
        negative = negative.masked_fill(taken_before, float("-inf"))
    logits = torch.cat([positive[:, None], negative], dim=1)
    return F.cross_entropy(logits, torch.zeros(len(targets), dtype=torch.long, device=states.device))
