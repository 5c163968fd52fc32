"""Causal Transformer over a user's latest behaviour.

SASRec, Kang and McAuley 2018, https://arxiv.org/abs/1808.09781, with five deviations: blocks normalise before
attention, positions are a learnt bias by distance (so that left and right padding give the same), each step carries
its event type, and the mean of the history is added to the state with a learnt weight (so that taste that does not
change with the last step needs not be learnt by attention):

    z_t = norm(blocks(e_1 … e_t)) + exp(m) · mean(e_1 … e_t)

Where the data have times, attention from step t to step s has a learnt bias by the time between them too, in classes
that double: b[⌊log2(1 + (τ_t − τ_s) / 1 s)⌋] (Zhai et al. 2024, https://arxiv.org/abs/2402.17152, section 3.2). So what
was taken in one go is told from what lies weeks apart. One table serves all blocks.

It is written with `scaled_dot_product_attention`, which exports to ONNX with free batch and length.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MASKED = -1e9
_MEAN_SCALE = 12 / 0.07**2

NO_WEIGHT = -30.0
"""Logarithm of the weight of a part that is left out."""

GAP_CLASSES = 32
"""The last one begins at 68 years."""

_NUDGE = 1e-4
"""Keeps gaps of 1, 3, 7, … s on the same side of their class's edge in every runtime's logarithm."""


def mean_scale(dim: int) -> float:
    """Give the weight that the mean of the history starts with.

    It makes twelve times the cosine of history and item, for vectors whose entries have a standard deviation of 0.07.
    """
    return _MEAN_SCALE / dim


class Block(nn.Module):
    """One pre-norm block: attention, then a feed-forward layer of the same width."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)
        self.feed_norm = nn.LayerNorm(dim)
        self.feed = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, bias: Tensor) -> Tensor:
        """Run the block over steps [B, L, D] with an additive bias [B, H, L, L]."""
        batch, length, dim = steps.shape
        mixed = self.query_key_value(self.attention_norm(steps))
        query, key, value = (
            part.reshape(batch, length, self.heads, dim // self.heads).transpose(1, 2)
            for part in mixed.chunk(3, dim=-1)
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        steps = steps + self.dropout(self.projection(attended.transpose(1, 2).reshape(batch, length, dim)))
        out: Tensor = steps + self.dropout(self.feed(self.feed_norm(steps)))
        return out


class SequenceEncoder(nn.Module):
    """Turns the vectors of a history into a user vector at each step.

    Args:
        dim: Length D of item and user vectors.
        layers: Number of blocks.
        heads: Attention heads.
        dropout: Dropout in training.
        event_types: Size of the vocabulary of event types; 0 is unknown or padding.
        max_length: Largest distance with a bias of its own.
        time_gaps: Whether the time between steps is read.
    """

    def __init__(
        self,
        dim: int,
        *,
        layers: int,
        heads: int,
        dropout: float,
        event_types: int,
        max_length: int,
        time_gaps: bool = False,
    ) -> None:
        super().__init__()
        self.type_embedding = nn.Embedding(event_types, dim, padding_idx=0)
        nn.init.zeros_(self.type_embedding.weight)
        self.distance_bias = nn.Parameter(torch.zeros(heads, max_length))
        self.gap_bias = nn.Parameter(torch.zeros(GAP_CLASSES, heads)) if time_gaps else None
        self.blocks = nn.ModuleList(Block(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        # Small at first: what is counted leads until the sequence has learnt something.
        nn.init.constant_(self.norm.weight, 0.2)
        self.dropout = nn.Dropout(dropout)
        self.scale = dim**0.5
        self.log_mean_scale = nn.Parameter(torch.tensor(math.log(mean_scale(dim))))

    def forward(self, item_vectors: Tensor, event_types: Tensor, mask: Tensor, times: Tensor | None = None) -> Tensor:
        """Encode every step.

        Args:
            item_vectors: [B, L, D], oldest first.
            event_types: Index in the vocabulary [B, L].
            mask: Which steps are real, bool [B, L].
            times: Times of the steps, epoch ms, int64 [B, L]; needed where time is read.

        Returns:
            User vectors after each step [B, L, D]; a step sees itself and older ones only.
        """
        length = item_vectors.shape[1]
        positions = torch.arange(length, device=item_vectors.device)
        distance = positions[:, None] - positions[None, :]
        index = distance.clamp(0, self.distance_bias.shape[1] - 1)
        bias = self.distance_bias[:, index]
        visible = (distance >= 0)[None, None] & mask[:, None, None, :]
        bias = bias[None]
        if self.gap_bias is not None:
            if times is None:
                raise ValueError("this encoder reads times")
            bias = bias + F.embedding(gap_classes(times), self.gap_bias).permute(0, 3, 1, 2)
        bias = torch.where(visible, bias, torch.full_like(bias, _MASKED))
        steps = self.dropout(item_vectors * self.scale + self.type_embedding(event_types))
        for block in self.blocks:
            steps = block(steps, bias)
        real = mask.to(item_vectors.dtype)[..., None]
        mean = torch.cumsum(item_vectors * real, dim=1) / torch.cumsum(real, dim=1).clamp_min(1)
        states: Tensor = self.norm(steps) + self.log_mean_scale.exp() * mean
        return states


class UserEncoder(nn.Module):
    """The part that serving runs: the state after the newest step, which is the last one."""

    def __init__(self, encoder: SequenceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, item_vectors: Tensor, event_types: Tensor, mask: Tensor, times: Tensor | None = None) -> Tensor:
        """Give the user vector [B, D]; arguments as in `SequenceEncoder`."""
        states: Tensor = self.encoder(item_vectors, event_types, mask, times)
        return states[:, -1]


def gap_classes(times: Tensor) -> Tensor:
    """Give the class of the time between steps, 0 also towards later ones: [B, L, L] of times in ms [B, L]."""
    seconds = (times[:, :, None] - times[:, None, :]).clamp_min(0).float() / 1000
    return (torch.log2(1 + seconds) + _NUDGE).long().clamp_max(GAP_CLASSES - 1)
