"""The learnt weight of an edge: how likely one item follows another, among the neighbours that the graph counts.

    ŵ(i → j) = softmax over j ∈ N(i) of  z(i) · e_j + λ · log(1 + w(i → j) / ε)

z(i) is the user vector after item i alone. It is the score of the engine for a history of one item, less what all
neighbours share, so that a count which behaviour elsewhere contradicts is corrected.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.model.recommender import Recommender

Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.integer]


@torch.no_grad()
def states_alone(model: Recommender, vectors: Tensor) -> Tensor:
    """Give the user vector after one item alone, the mean over the types of event [N, D].

    Args:
        model: The model, in evaluation mode.
        vectors: Item vectors [N, D].
    """
    ones = torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device)
    now = torch.zeros(len(vectors), 1, dtype=torch.long, device=vectors.device)
    types = range(1, model.config.event_types) if model.config.event_types > 1 else range(1)
    states = [model.encoder(vectors[:, None], now + kind, ones, now)[:, 0] for kind in types]
    return torch.stack(states).mean(dim=0)


def learned_edges(
    model: Recommender, vectors: Tensor, source: Int, target: Int, weight: Float32, *, scale: float, epsilon: float
) -> Float32:
    """Give the learnt weight of each edge; it sums to 1 over the edges that leave one item.

    Args:
        model: The model, in evaluation mode.
        vectors: Item vectors [N, D].
        source: Item that each edge leaves [E].
        target: Item that it reaches [E].
        weight: Its scaled count w [E].
        scale: λ.
        epsilon: ε.
    """
    states = states_alone(model, vectors)
    begin, end = torch.from_numpy(source.astype(np.int64)), torch.from_numpy(target.astype(np.int64))
    expected = (states[begin.to(vectors.device)] * vectors[end.to(vectors.device)]).sum(-1).float().cpu().numpy()
    score = expected + scale * np.log1p(weight / epsilon)
    highest = np.full(len(vectors), -np.inf)
    np.maximum.at(highest, source, score)
    share = np.exp(score - highest[source])
    total = np.bincount(source, share, minlength=len(vectors))
    return np.asarray(share / total[source], dtype=np.float32)
