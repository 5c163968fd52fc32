"""Graph attention over items and interests.

GATv2, Brody et al. 2022, https://arxiv.org/abs/2105.14491, equation 7:

    e(i, j) = aᵀ LeakyReLU(W_s h_i + W_t h_j + W_e x_ij),   α_ij = softmax_j e(i, j),   h'_i = Σ_j α_ij W_s h_j

The edge feature x_ij is the logarithm of the edge's weight and a one-hot code of its kind.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv

EDGE_KINDS = ("co_occurs", "about", "about_reversed")
EDGE_DIM = 1 + len(EDGE_KINDS)


class GraphAttention(nn.Module):
    """One GATv2 layer over the weighted graph, added to its input by a learnt gate where a node hears.

    Args:
        dim: Length of the node vectors.
        heads: Attention heads; `dim` is divided among them.
        dropout: Dropout of the attention in training.
    """

    def __init__(self, dim: int, *, heads: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.convolution = GATv2Conv(
            dim, dim // heads, heads=heads, edge_dim=EDGE_DIM, dropout=dropout, add_self_loops=False, bias=True
        )
        self.gate = nn.Parameter(torch.tensor(0.1))

    def forward(self, nodes: Tensor, edge_index: Tensor, edge_features: Tensor, hears: Tensor) -> tuple[Tensor, Tensor]:
        """Refine the nodes that hear: h + gate · what the neighbours say.

        Args:
            nodes: Vectors [N, D].
            edge_index: Source and target of each edge [2, E].
            edge_features: From `edge_features` [E, EDGE_DIM].
            hears: Which nodes hear, bool [N].

        Returns:
            Vectors [N, D], and the attention of each edge, mean of the heads [E]; it sums to 1 over the edges that
            point at one node.
        """
        message, (_, attention) = self.convolution(nodes, edge_index, edge_features, return_attention_weights=True)
        return nodes + self.gate * message * hears[:, None], attention.mean(dim=-1)


def edge_features(weight: Tensor, kind: int) -> Tensor:
    """Make the features of edges of one kind.

    Args:
        weight: Positive weights [E].
        kind: Position in `EDGE_KINDS`.

    Returns:
        [E, EDGE_DIM].
    """
    features = torch.zeros(len(weight), EDGE_DIM, dtype=torch.float32, device=weight.device)
    features[:, 0] = torch.log1p(weight.clamp_min(0))
    features[:, 1 + kind] = 1
    return features
