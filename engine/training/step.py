"""The loss of one batch: item vectors, user states, counted edges, softmax."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.model.co_occurrence import OwnPairs
from engine.model.losses import full_softmax_loss, sampled_softmax_loss
from engine.model.recommender import GraphTensors, Recommender
from engine.training.batches import Batch, known_items
from engine.training.data import InteractionTable

NEGATIVES: Final = 4096


class BatchLoss(nn.Module):
    """What a step minimises; a module of its own, so that several processes can share a step (`engine.training.group`).

    Args:
        model: The model.
        graph: All nodes.
        own: Counts without the pairs of the user at hand.
        train: Behaviour.
        log_share: Logarithm of the popularity of the items [I].
        full_softmax_limit: Items up to which the softmax is made whole.
        with_popularity: Whether popularity takes part in the softmax.
        leave_known: Whether what a user knows leaves the softmax.
        half: Whether the encoder computes in bfloat16.
    """

    def __init__(
        self,
        model: Recommender,
        graph: GraphTensors,
        own: OwnPairs,
        train: InteractionTable,
        log_share: Tensor,
        *,
        full_softmax_limit: int,
        with_popularity: bool,
        leave_known: bool,
        half: bool,
    ) -> None:
        super().__init__()
        self.model = model
        self._graph = graph
        self._own = own
        self._train = train
        self._log_share = log_share
        self._full_softmax_limit = full_softmax_limit
        self._with_popularity = with_popularity
        self._leave_known = leave_known
        self._half = half

    def forward(
        self,
        batch: Batch,
        negatives: npt.NDArray[np.int64],
        keep_id: Tensor,
        *,
        heard: GraphTensors | None = None,
        uncounted: npt.NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Give the mean loss of a batch.

        Args:
            batch: Some windows of sequences.
            negatives: Items that stand for the others where there are too many for a whole softmax [S].
            keep_id: Which items keep their id, bool [I]; the others have content, interests and what they hear.
            heard: A graph that items without id hear; none where they hear nothing.
            uncounted: Items that no counted edge leads to, bool [I].
        """
        model, device = self.model, self._log_share.device
        items = model.config.items
        vectors = model.base_vectors(self._graph, keep_id=keep_id)
        if heard is not None:
            vectors, _ = model.graph(vectors, heard.edge_index, heard.edges, model.hears(self._graph, keep_id=keep_id))
        vectors = vectors[:items]
        inputs = vectors[torch.from_numpy(batch.items).to(device)]
        mask = torch.from_numpy(batch.mask).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._half):
            types, times = torch.from_numpy(batch.types).to(device), torch.from_numpy(batch.times).to(device)
            states = model.encoder(inputs, types, mask, times)
        states = states[torch.from_numpy(batch.scored).to(device)].float()
        local = np.where(batch.latest_events >= 0, self._own.local[np.maximum(batch.latest_events, 0)], -1)
        counts = self._own.counts(batch.latest, local)
        if uncounted is not None:
            counts.data[uncounted[counts.indices]] = 0
        targets = torch.from_numpy(batch.targets).to(device)
        known = known_items(self._train, batch.latest_events[:, 0], items) if self._leave_known else None
        if self._with_popularity:
            # Popularity as one more coordinate: the sequence has to learn only what goes beyond it. Where it is left
            # out for good, 64 columns are multiplied in three quarters of the time of 65.
            states = torch.cat([states, states.new_ones(len(states), 1)], dim=1)
            vectors = torch.cat([vectors, (model.popularity_scale * self._log_share)[:, None]], dim=1)
        if items <= self._full_softmax_limit:
            return full_softmax_loss(states, vectors, targets, counts, model.scale, model.epsilon, known)
        return sampled_softmax_loss(states, vectors, targets, counts, model.scale, model.epsilon, negatives, known)
