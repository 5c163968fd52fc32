"""The fusion: item vectors from id, content and interests, refined by the graph; user vectors from sequences.

e_j = d_j · id_j + f_j + Σ_x about(j, x) · interest_x,   refined by GATv2
logit(u, j) = z_u · e_j + λ · log(ε + c(u, j)) + ν · log share_j

f_j fuses texts, images and audio (`engine.model.fusion`). d_j ∈ {0, 1} hides ids at random in training, so that the
path by content and neighbours is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor, nn

from engine.model.fusion import ModalityFusion, presence
from engine.model.graph_attention import GraphAttention, edge_features
from engine.model.sequence import NO_WEIGHT, SequenceEncoder

COUNTED_WEIGHT: Final = math.exp(-0.7)
"""λ to start with."""
LOG_EPSILON: Final = -4.0
POPULARITY_WEIGHT: Final = 0.25
"""ν to start with."""


@dataclass(frozen=True, slots=True)
class RecommenderConfig:
    """Shape of the model; the card keeps it.

    Attributes:
        content: Length of the vectors of each modality, by name; empty where the model reads none.
        time_gaps: Whether the encoder reads the time between steps.
    """

    items: int
    interests: int
    content: Mapping[str, int]
    event_types: int
    dim: int = 64
    layers: int = 2
    heads: int = 1
    dropout: float = 0.5
    id_dropout: float = 0.2
    max_history: int = 50
    graph_heads: int = 2
    time_gaps: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class GraphTensors:
    """Items and interests of a graph or of a part of it, ready for the model.

    Attributes:
        id_index: Row of each item's learnt id, -1 for an item the model has not seen, int64 [N].
        content: Vectors of each modality [N, C_m], by name.
        present: Which item has which modality, bool [N, M].
        about: Dense-free interest bag: sparse CSR tensor [N, X].
        interests: Row of each interest node's learnt vector, -1 for an unknown one, int64 [M].
        edge_index: Source and target of each edge, items first and then interests [2, E].
        edges: Features of each edge [E, EDGE_DIM].
    """

    id_index: Tensor
    content: Mapping[str, Tensor]
    present: Tensor
    about: Tensor
    interests: Tensor
    edge_index: Tensor
    edges: Tensor

    def to(self, device: torch.device) -> GraphTensors:
        """Move all of it to a device."""
        return GraphTensors(
            self.id_index.to(device),
            {name: vectors.to(device) for name, vectors in self.content.items()},
            self.present.to(device),
            self.about.to(device),
            self.interests.to(device),
            self.edge_index.to(device),
            self.edges.to(device),
        )


class Recommender(nn.Module):
    """The model that is trained, and that serving's vectors come from."""

    def __init__(self, config: RecommenderConfig) -> None:
        super().__init__()
        self.config = config
        self.item_embedding = nn.Embedding(config.items, config.dim)
        nn.init.normal_(self.item_embedding.weight, std=0.07)
        self.interest_embedding = nn.Embedding(max(config.interests, 1), config.dim)
        nn.init.normal_(self.interest_embedding.weight, std=0.02)
        self.fusion = ModalityFusion(config.content, config.dim)
        self.graph = GraphAttention(config.dim, heads=config.graph_heads)
        self.encoder = SequenceEncoder(
            config.dim,
            layers=config.layers,
            heads=config.heads,
            dropout=config.dropout,
            event_types=config.event_types,
            max_length=config.max_history,
            time_gaps=config.time_gaps,
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(COUNTED_WEIGHT)))
        self.log_epsilon = nn.Parameter(torch.tensor(LOG_EPSILON))
        self.popularity_scale = nn.Parameter(torch.tensor(POPULARITY_WEIGHT))

    @property
    def scale(self) -> Tensor:
        """λ of the counted term."""
        return self.log_scale.exp()

    @property
    def epsilon(self) -> Tensor:
        """ε of the counted term."""
        return self.log_epsilon.exp()

    def start_from(
        self,
        vectors: npt.NDArray[np.float32],
        *,
        sets: bool = True,
        counted_weight: float = COUNTED_WEIGHT,
        ids: bool = True,
    ) -> None:
        """Start the id vectors from given ones.

        Args:
            vectors: [I, D].
            sets: Whether the mean of the history and popularity take part; else they are left out for good. Where they
                do, content and interests say nothing until they have learnt: chance would blur the mean.
            counted_weight: λ to start with.
            ids: Whether items keep their ids; without them content has to begin with something.
        """
        with torch.no_grad():
            self.item_embedding.weight.copy_(torch.from_numpy(vectors))
            self.log_scale.fill_(math.log(counted_weight))
            if not sets:
                self.popularity_scale.zero_()
                self.encoder.log_mean_scale.fill_(NO_WEIGHT)
            elif ids:
                self.interest_embedding.weight.zero_()
                for projection in self.fusion.projections.values():
                    projection.get_parameter("weight").zero_()
        self.popularity_scale.requires_grad_(sets)
        self.encoder.log_mean_scale.requires_grad_(sets)

    def leave_out(self, *, ids: bool = False, graph: bool = False, counts: bool = False, types: bool = False) -> None:
        """Take parts out for good, to see what they are for: their weights become 0 and are not learnt."""
        with torch.no_grad():
            if ids:
                self.item_embedding.weight.zero_()
            if graph:
                self.graph.gate.zero_()
            if counts:
                self.log_scale.fill_(NO_WEIGHT)
            if types:
                self.encoder.type_embedding.weight.zero_()
        self.item_embedding.requires_grad_(not ids)
        self.encoder.type_embedding.requires_grad_(not types)
        self.graph.requires_grad_(not graph)
        self.log_scale.requires_grad_(not counts)
        self.log_epsilon.requires_grad_(not counts)

    def base_vectors(self, graph: GraphTensors, *, keep_id: Tensor | None = None) -> Tensor:
        """Give vectors of items, then interests, before the graph refines them [N + M, D].

        Args:
            graph: The nodes.
            keep_id: Which items keep their id, bool [N]; all when empty.
        """
        known = graph.id_index >= 0
        if keep_id is not None:
            known = known & keep_id
        identity = self.item_embedding(graph.id_index.clamp_min(0)) * known[:, None]
        fused, _ = self.fusion(graph.content, graph.present)
        vectors = identity + fused
        known_interest = graph.interests >= 0
        interests = self.interest_embedding(graph.interests.clamp_min(0)) * known_interest[:, None]
        if graph.about.shape[1] > 0:
            vectors = vectors + torch.sparse.mm(graph.about, interests)
        return torch.cat([vectors, interests])

    def hears(self, graph: GraphTensors, *, keep_id: Tensor | None = None) -> Tensor:
        """Tell which nodes hear their neighbours: interests, and items without an id of their own, bool [N + M].

        An item with an id has learnt from behaviour what its neighbours would say (ADR 18).
        """
        nameless = graph.id_index < 0
        if keep_id is not None:
            nameless = nameless | ~keep_id
        return torch.cat([nameless, torch.ones_like(graph.interests, dtype=torch.bool)])

    def node_vectors(self, graph: GraphTensors, *, keep_id: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give refined vectors of items, then interests [N + M, D], and the attention of each edge [E]."""
        refined: tuple[Tensor, Tensor] = self.graph(
            self.base_vectors(graph, keep_id=keep_id), graph.edge_index, graph.edges, self.hears(graph, keep_id=keep_id)
        )
        return refined


def graph_tensors(
    *,
    id_index: npt.NDArray[np.int64],
    content: Mapping[str, npt.NDArray[np.float32]],
    widths: Mapping[str, int],
    about: sparse.csr_array,
    interest_index: npt.NDArray[np.int64],
    co_occurs: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], npt.NDArray[np.float32]],
) -> GraphTensors:
    """Put items, interests and edges into tensors.

    Args:
        id_index: Row of each item's learnt id or -1 [N].
        content: Vectors of each modality [N, C_m]; one that the model does not read is left out.
        widths: C_m of the modalities that the model reads; one without vectors is missing for all items.
        about: Weights, CSR [N, M].
        interest_index: Row of each interest's learnt vector or -1 [M].
        co_occurs: Source, target, weight of each item edge: what is heard is the source, who hears is the target.
    """
    items = len(id_index)
    coo = about.tocoo()
    row, column = coo.coords
    about_weight = torch.from_numpy(coo.data.astype(np.float32))
    source, target, weight = co_occurs
    edge_index = np.concatenate(
        [
            np.stack([source, target]),
            np.stack([column + items, row]),
            np.stack([row, column + items]),
        ],
        axis=1,
    ).astype(np.int64)
    features = torch.cat(
        [
            edge_features(torch.from_numpy(np.asarray(weight, dtype=np.float32)), 0),
            edge_features(about_weight, 1),
            edge_features(about_weight, 2),
        ]
    )
    bag = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([row, column]).astype(np.int64)),
        about_weight,
        (items, len(interest_index)),
        check_invariants=False,
    ).coalesce()
    vectors = {
        name: torch.from_numpy(np.ascontiguousarray(content[name], dtype=np.float32))
        if name in content
        else torch.zeros(items, width)
        for name, width in widths.items()
    }
    return GraphTensors(
        torch.from_numpy(id_index),
        vectors,
        torch.from_numpy(presence(content, tuple(widths), items)),
        bag,
        torch.from_numpy(interest_index),
        torch.from_numpy(edge_index),
        features,
    )
