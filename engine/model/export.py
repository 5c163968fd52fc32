"""The user encoder as ONNX, for serving without torch."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Final

import torch

from engine.model.recommender import Recommender
from engine.model.sequence import UserEncoder

INPUTS: Final = ("item_vectors", "event_types", "mask", "times")
OUTPUT: Final = "user_vector"


def export_user_encoder(model: Recommender, path: Path) -> None:
    """Write the encoder with free batch and length.

    Inputs: `item_vectors` float32 [B, L, D] oldest first, `event_types` int64 [B, L], `mask` bool [B, L], and where the
    model reads time `times` int64 [B, L], epoch ms. Output: `user_vector` float32 [B, D], the state after the last
    step.
    """
    encoder = UserEncoder(model.encoder).eval()
    dim = model.config.dim
    types = torch.zeros(2, 3, dtype=torch.long)
    example: tuple[torch.Tensor, ...] = (torch.zeros(2, 3, dim), types, torch.ones(2, 3, dtype=torch.bool))
    if model.config.time_gaps:
        example = (*example, torch.zeros_like(types))
    batch = torch.export.Dim("batch", min=1, max=4096)
    length = torch.export.Dim("length", min=1, max=4096)
    shapes = tuple({0: batch, 1: length} for _ in example)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns of its own internals.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder,
            example,
            str(path),
            input_names=list(INPUTS[: len(example)]),
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
