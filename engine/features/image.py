"""Images of items as vectors, by a vision Transformer.

ViT, Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929; CLIP, Radford et al. 2021,
https://arxiv.org/abs/2103.00020 (its vision half).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from engine.features.pretrained import Float32, bad_file, encode_files, load

BATCH_IMAGES: Final = 32


class ImageEncoder:
    """A vision encoder from `transformers`: the mean of its last states.

    Args:
        name: A Hugging Face name, or a folder, of a ViT or CLIP model.
        device: Where it runs; a CUDA device when there is one.
    """

    def __init__(self, name: str, *, device: torch.device | None = None) -> None:
        self.name = name
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._processor, model = load(self._parts, name, "image encoder")
        self._model = model.to(self._device)

    def encode(self, paths: Sequence[Path | None]) -> Float32:
        """Encode image files.

        Args:
            paths: One file an item; none where an item has no image.

        Returns:
            Unit vectors float32 [N, C], zeros where there is no image.

        Raises:
            InvalidInputError: A file is missing or no image; it is named.
        """
        return encode_files(paths, self._model.config.hidden_size, self._forward, batch_files=BATCH_IMAGES)

    def _parts(self) -> tuple[Any, Any]:
        from transformers import AutoConfig, AutoImageProcessor, AutoModel, CLIPVisionModel

        offline = Path(self.name).is_dir()
        kind = AutoConfig.from_pretrained(self.name, local_files_only=offline).model_type
        model: Any = CLIPVisionModel if kind in ("clip", "clip_vision_model") else AutoModel
        processor: Any = AutoImageProcessor
        return (
            processor.from_pretrained(self.name, local_files_only=offline),
            model.from_pretrained(self.name, local_files_only=offline),
        )

    def _forward(self, paths: list[Path]) -> torch.Tensor:
        pixels = self._processor(images=[_read(path) for path in paths], return_tensors="pt")["pixel_values"]
        states: torch.Tensor = self._model(pixel_values=pixels.to(self._device)).last_hidden_state
        return states.mean(dim=1)


def _read(path: Path) -> Any:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise bad_file(path, str(error), "Give a PNG, JPEG or WebP file.") from error
