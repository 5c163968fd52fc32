"""The graph that training hears: all of it, or without what the users of a batch have done."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from engine.domain import MS_PER_DAY
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.graph_attention import edge_features
from engine.model.recommender import GraphTensors, graph_tensors
from engine.settings import Settings
from engine.training.data import Dataset, InteractionTable

FOLDS: Final = 8

Edges = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]


def count_settings(settings: Settings) -> CountSettings:
    """Give how pairs are counted, from the settings of the graph's edges."""
    edges = settings.co_occurrence
    return CountSettings(
        window=edges.window,
        backward=edges.backward,
        half_life_ms=edges.half_life_days * MS_PER_DAY,
        keep=edges.max_edges_per_item,
    )


def whole_graph(data: Dataset, term: CoOccurrenceTerm, neighbours: int) -> GraphTensors:
    """Put all items and interests with the strongest edges of each item into tensors."""
    items = len(data.items)
    source, target, weight = strongest_edges(term, neighbours)
    return graph_tensors(
        id_index=np.arange(items, dtype=np.int64),
        content=data.items.modalities,
        widths=data.items.widths,
        about=data.items.about,
        interest_index=np.arange(len(data.items.interest_ids), dtype=np.int64),
        co_occurs=(target, source, weight),
    )


def strongest_edges(term: CoOccurrenceTerm, neighbours: int) -> Edges:
    """Give the strongest counted edges that leave each item: source, target, weight."""
    matrix = term.counted
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, row))
    rank = np.arange(len(order)) - matrix.indptr[row[order]]
    chosen = order[rank < neighbours]
    return row[chosen].astype(np.int32), matrix.indices[chosen].astype(np.int32), matrix.data[chosen].astype(np.float32)


class UnseenGraphs:
    """A graph for each fold of the users, its item edges counted on everybody else.

    An item whose id is hidden hears its neighbours. If their edges counted the users of the batch too, the message
    would hold the pairs that the batch asks for.

    Args:
        whole: The graph on all users; its nodes and the edges of interests are shared.
        train: Behaviour.
        counting: How pairs are counted.
        neighbours: Strongest edges of each item that are heard.
        seed: Seed of who is in which fold.
        folds: Number of folds.
    """

    def __init__(
        self,
        whole: GraphTensors,
        train: InteractionTable,
        counting: CountSettings,
        neighbours: int,
        *,
        seed: int,
        folds: int = FOLDS,
    ) -> None:
        self.fold_of_user = np.random.default_rng([seed, 2]).permutation(train.users) % folds
        fold_of_event = np.repeat(self.fold_of_user, np.diff(train.offsets))
        between_items = whole.edges[:, 1] > 0
        self._whole = whole
        self._about = whole.edge_index[:, ~between_items], whole.edges[~between_items]
        items = len(whole.id_index)
        self._edges: list[Edges] = []
        counting = replace(counting, added=None)
        for fold in range(folds):
            term = CoOccurrenceTerm.count(train.keeping(fold_of_event != fold), items, counting)
            self._edges.append(strongest_edges(term, neighbours))

    def of_fold(self, fold: int) -> GraphTensors:
        """Give the graph that knows nothing of what a fold's users did."""
        source, target, weight = self._edges[fold]
        index, features = self._about
        # What is heard is the neighbour.
        heard = torch.from_numpy(np.stack([target, source]).astype(np.int64)).to(index.device)
        of_items = edge_features(torch.from_numpy(weight), 0).to(index.device)
        return replace(self._whole, edge_index=torch.cat([heard, index], dim=1), edges=torch.cat([of_items, features]))
