"""The learnt weight of an edge: how likely one item follows another, among the neighbours that the graph counts.

    ŵ(i → j) = softmax over j ∈ N(i) of  α z(i) · e_j + β log w(i → j)

z(i) is the user vector after item i alone. What the model expects and what was counted are two estimates of the same;
α and β say how far each is to be believed. They are chosen on validation (`engine.training.edge_rule`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.model.recommender import Recommender

Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.integer]

_EDGES: Final = 100_000
"""Edges whose vectors are gathered at once."""


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """How far an edge's weight follows the model, and how far the count.

    Half of each, where nothing is known: the geometric mean of the two.

    Attributes:
        model: α.
        count: β.
    """

    model: float = 0.5
    count: float = 0.5

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read it from a card."""
        return cls(float(data["model"]), float(data["count"]))

    def to_dict(self) -> dict[str, float]:
        """Give it as plain data."""
        return asdict(self)


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


@torch.no_grad()
def evidence(model: Recommender, vectors: Tensor, source: Int, target: Int, weight: Float32) -> npt.NDArray[np.float64]:
    """Give what the model and the count say of each edge: z(i) · e_j and log w [E, 2].

    Args:
        model: The model, in evaluation mode.
        vectors: Item vectors [N, D].
        source: Item that each edge leaves [E].
        target: Item that it reaches [E].
        weight: Its scaled count w [E].
    """
    begin, place = np.unique(source, return_inverse=True)
    expected = np.zeros(len(source), dtype=np.float32)
    if len(source):
        states = states_alone(model, vectors[torch.from_numpy(begin.astype(np.int64)).to(vectors.device)])
        for start in range(0, len(source), _EDGES):
            part = slice(start, start + _EDGES)
            reached = vectors[torch.from_numpy(target[part].astype(np.int64)).to(vectors.device)]
            of = torch.from_numpy(place[part]).to(vectors.device)
            expected[part] = (states[of] * reached).sum(-1).float().cpu().numpy()
    counted = np.log(np.maximum(weight, np.finfo(np.float32).tiny))
    return np.stack([expected, counted], axis=1).astype(np.float64)


def learned_edges(
    model: Recommender, vectors: Tensor, source: Int, target: Int, weight: Float32, rule: EdgeRule
) -> Float32:
    """Give the learnt weight of each edge; it sums to 1 over the edges that leave one item.

    Args:
        model: The model, and what follows it but the rule: as `evidence` takes them.
        vectors: [N, D].
        source: [E].
        target: [E].
        weight: [E].
        rule: α and β.
    """
    score = evidence(model, vectors, source, target, weight) @ np.array([rule.model, rule.count])
    return shares(score, source, len(vectors)).astype(np.float32)


def shares(score: npt.NDArray[np.float64], group: Int, groups: int) -> npt.NDArray[np.float64]:
    """Give the softmax of scores within each group [E].

    Args:
        score: Scores [E].
        group: Group of each [E].
        groups: Number of groups.
    """
    highest = np.full(groups, -np.inf)
    np.maximum.at(highest, group, score)
    share = np.exp(score - highest[group])
    total = np.bincount(group, share, minlength=groups)
    return np.asarray(share / total[group])
