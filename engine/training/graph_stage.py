"""Graph attention is learnt last, with everything else as it is.

While the model learns, items whose ids are hidden have only content and interests: what a neighbour says would be
easier to learn, and content would be learnt less. When it has learnt, a fifth of the ids is hidden, and GATv2 learns to
say of such an item what its neighbours know. Half of the hidden items are as if they had no behaviour at all: no
counted edge touches them and no count tells them. No edge that is heard counts the users of the batch (`UnseenGraphs`).

One fold of the users is not learnt from: what was learnt is kept where it lowers their loss; else the gate is shut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from engine.model.recommender import GraphTensors, Recommender
from engine.training.batches import Batch, BatchSampler
from engine.training.graphs import UnseenGraphs
from engine.training.step import BatchLoss

STEPS: Final = 300
HIDDEN: Final = 0.2
"""Share of the ids that are hidden."""
POSITIONS: Final = 512
"""Positions of a step: one layer learns from little, and each step hears anew."""
_JUDGED: Final = 24
_JUDGED_FOLD: Final = 0
_LEARNING_RATE: Final = 5e-3


@dataclass(frozen=True, slots=True)
class GraphGain:
    """The loss of the same batches, a fifth of the items without id, when these hear nothing and when they hear."""

    without: float
    heard: float

    @property
    def kept(self) -> bool:
        """Whether it is of use."""
        return self.heard < self.without


def learn_graph(
    loss: BatchLoss,
    unseen: UnseenGraphs,
    sampler: BatchSampler,
    *,
    seed: int,
    negatives: Callable[[int], npt.NDArray[np.int64]],
    steps: int = STEPS,
) -> GraphGain:
    """Learn the graph attention of a model that has learnt everything else.

    Args:
        loss: The loss, which holds the model.
        unseen: Graphs that know nothing of a batch's users.
        sampler: Batches, each of one fold.
        seed: Seed of what is hidden.
        negatives: Gives the sampled items of a step.
        steps: Steps of AdamW; the learning rate falls to 0.
    """
    model = loss.model
    others = [parameter for name, parameter in model.named_parameters() if not name.startswith("graph.")]
    learnt = [parameter.requires_grad for parameter in others]
    for parameter in others:
        parameter.requires_grad_(False)
    model.eval()
    model.graph.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(model.graph.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    try:
        for step, batch in enumerate(islice(_batches(sampler, judged=False), steps)):
            value = _loss(loss, batch, unseen, negatives(step), np.random.default_rng([seed, 3, step]))
            optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        model.eval()
        gain = _judged(loss, unseen, list(islice(_batches(sampler, judged=True), _JUDGED)), seed, negatives)
        if not gain.kept:
            with torch.no_grad():
                model.graph.gate.zero_()
        return gain
    finally:
        for parameter, wanted in zip(others, learnt, strict=True):
            parameter.requires_grad_(wanted)


def _batches(sampler: BatchSampler, *, judged: bool) -> Iterator[Batch]:
    # Numbers of passes that training does not reach.
    for number in count(1_000_000):
        found = False
        for batch in sampler(number):
            if (batch.fold == _JUDGED_FOLD) == judged:
                found = True
                yield batch
        if not found:
            return


@torch.no_grad()
def _judged(
    loss: BatchLoss,
    unseen: UnseenGraphs,
    batches: Sequence[Batch],
    seed: int,
    negatives: Callable[[int], npt.NDArray[np.int64]],
) -> GraphGain:
    sums = [0.0, 0.0]
    for place, batch in enumerate(batches):
        for heard in (False, True):
            rng = np.random.default_rng([seed, 4, place])
            sums[heard] += float(_loss(loss, batch, unseen if heard else None, negatives(place), rng))
    return GraphGain(sums[0] / max(len(batches), 1), sums[1] / max(len(batches), 1))


def _loss(
    loss: BatchLoss,
    batch: Batch,
    unseen: UnseenGraphs | None,
    negatives: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> torch.Tensor:
    items = loss.model.config.items
    hidden = rng.random(items) < HIDDEN
    alone = hidden & (rng.random(items) < 0.5)
    heard = None if unseen is None else _heard(unseen.of_fold(batch.fold), hidden, alone, loss.model)
    keep_id = torch.from_numpy(~hidden).to(loss.model.log_scale.device)
    value: torch.Tensor = loss(batch, negatives, keep_id, heard=heard, uncounted=alone)
    return value


def _heard(
    graph: GraphTensors, hidden: npt.NDArray[np.bool_], alone: npt.NDArray[np.bool_], model: Recommender
) -> GraphTensors:
    """Leave the edges that lead to hidden items, and between items those that touch none without behaviour."""
    items, device = model.config.items, graph.edges.device
    # Interests hear too, but no loss reads what they hear.
    nobody = torch.zeros(len(graph.interests), dtype=torch.bool, device=device)
    hears = torch.cat([torch.from_numpy(hidden).to(device), nobody])
    lonely = torch.cat([torch.from_numpy(alone).to(device), nobody])
    source, target = graph.edge_index
    between = (source < items) & (target < items)
    kept = hears[target] & ~(between & (lonely[source] | lonely[target]))
    return replace(graph, edge_index=graph.edge_index[:, kept], edges=graph.edges[kept])
