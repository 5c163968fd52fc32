"""Texts, images and audio of an item as one vector, by attention over what it has.

Each modality is encoded on its own (`engine.features`, or vectors given), projected, and weighted by a learnt query:

    h_jm = W_m · n(x_jm − c_m),   n(v) = v / ‖v‖
    s_jm = qᵀ tanh(h_jm) + b_m,   α_jm = softmax over the modalities m that item j has
    f_j  = Σ_m α_jm · h_jm

The attention is that of Yang et al. 2016, https://aclanthology.org/N16-1174, equations 5 to 7, over modalities instead
of words and without its inner layer. A missing modality has s = −∞, so α = 0; an item with none gets zeros; with one
modality f is its plain projection. c_m is the mean of the modality in training, so that what all items share, most of
an image's vector, does not drown what tells them apart; it is 0 for texts, whose encoder is made to be compared as it
stands.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from engine.training.data import TEXT

Float32 = npt.NDArray[np.float32]


class ModalityFusion(nn.Module):
    """One vector of an item's modalities.

    Args:
        widths: Length of the vectors of each modality, by name; the order decides the columns of the weights.
        dim: Length of what comes out.
    """

    def __init__(self, widths: Mapping[str, int], dim: int) -> None:
        super().__init__()
        self.names = tuple(widths)
        self.dim = dim
        self.projections = nn.ModuleDict({name: nn.Linear(width, dim, bias=False) for name, width in widths.items()})
        for projection in self.projections.values():
            nn.init.normal_(projection.get_parameter("weight"), std=0.02)
        self.query = nn.Parameter(torch.zeros(dim))
        self.bias = nn.Parameter(torch.zeros(len(widths)))
        for name, width in widths.items():
            self.register_buffer(f"centre_{name}", torch.zeros(width))

    def centre_on(self, content: Mapping[str, Float32]) -> None:
        """Set c_m to the mean of what items have, for all modalities but texts.

        Args:
            content: Vectors [I, C_m] by name; rows of zeros are missing.
        """
        for name in self.names:
            present = content[name][content[name].any(axis=1)]
            if name != TEXT and len(present) > 1:
                mean = torch.from_numpy(present.mean(axis=0, dtype=np.float64).astype(np.float32))
                self.get_buffer(f"centre_{name}").copy_(mean)

    def weights(self, projected: Tensor, present: Tensor) -> Tensor:
        """Give the attention.

        Args:
            projected: h [N, M, D].
            present: What each item has, bool [N, M].

        Returns:
            α [N, M]: rows sum to 1, or to 0 where an item has nothing.
        """
        scores = torch.tanh(projected) @ self.query + self.bias
        # A finite stand-in for −∞ keeps the gradient finite where a whole row is missing.
        lowest = torch.finfo(scores.dtype).min
        return torch.softmax(scores.masked_fill(~present, lowest), dim=-1) * present

    def forward(self, content: Mapping[str, Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            content: Vectors [N, C_m] by name.
            present: Which item has which modality, bool [N, M].

        Returns:
            Vectors [N, D], and the weight of each modality [N, M].
        """
        if not self.names:
            return present.new_zeros((len(present), self.dim), dtype=torch.float32), present.float()
        parts = [
            self.projections[name](normalize(content[name] - self.get_buffer(f"centre_{name}"), dim=-1))
            for name in self.names
        ]
        if len(parts) == 1:
            return parts[0] * present, present.float()
        projected = torch.stack(parts, dim=1)
        weights = self.weights(projected, present)
        return (weights[..., None] * projected).sum(dim=1), weights

    @torch.no_grad()
    def mean_weights(self, content: Mapping[str, Tensor], present: Tensor) -> dict[str, float]:
        """Give the attention of each modality, the mean of the items that have the most of them.

        Args:
            content: Vectors [N, C_m] by name.
            present: Which item has which modality, bool [N, M].

        Returns:
            Shares that sum to 1, by name; empty where no item has anything.
        """
        had = present.sum(dim=1)
        if not self.names or not had.numel() or not had.any():
            return {}
        _, weights = self(content, present)
        shares = weights[had == had.max()].float().mean(dim=0).tolist()
        return dict(zip(self.names, shares, strict=True))


def presence(content: Mapping[str, Float32], names: tuple[str, ...], items: int) -> npt.NDArray[np.bool_]:
    """Tell which item has which modality, [N, M]: a row of zeros says that it is missing.

    Args:
        content: Vectors [N, C_m] by name; a name that is not there is missing for all.
        names: The modalities, in order.
        items: N.
    """
    columns = [content[name].any(axis=1) if name in content else np.zeros(items, dtype=bool) for name in names]
    return np.stack(columns, axis=1) if columns else np.zeros((items, 0), dtype=bool)
