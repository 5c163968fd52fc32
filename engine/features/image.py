"""Images of items as vectors, by a vision Transformer.

ViT, Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929; CLIP, Radford et al. 2021,
https://arxiv.org/abs/2103.00020 (its vision half).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar, Final

import torch

from engine.features.pretrained import FileEncoder, bad_file

MAX_PIXELS: Final = 50_000_000
"""What an image may have at most: a small file may unpack to a very large one."""


class ImageEncoder(FileEncoder):
    """A vision encoder from `transformers`: the mean of its last states.

    Args:
        name: A Hugging Face name, or a folder, of a ViT or CLIP model.
        device: Where it runs; a CUDA device when there is one.
    """

    batch_files: ClassVar[int] = 32

    def __init__(self, name: str, *, device: torch.device | None = None) -> None:
        super().__init__(name, "image encoder", device)

    def parts(self) -> tuple[Any, Any]:
        """Load processor and model."""
        from transformers import AutoConfig, AutoImageProcessor, AutoModel, CLIPVisionModel

        offline = Path(self.name).is_dir()
        kind = AutoConfig.from_pretrained(self.name, local_files_only=offline).model_type
        model: Any = CLIPVisionModel if kind in ("clip", "clip_vision_model") else AutoModel
        processor: Any = AutoImageProcessor
        return (
            processor.from_pretrained(self.name, local_files_only=offline),
            model.from_pretrained(self.name, local_files_only=offline),
        )

    def prepare(self, path: Path) -> torch.Tensor:
        """Read an image as pixels [3, H, W].

        Raises:
            InvalidInputError: The file is missing, no image, or too large; it is named.
        """
        image = _read(path)
        try:
            pixels: torch.Tensor = self.processor(images=[image], return_tensors="pt")["pixel_values"]
        except (ValueError, RuntimeError) as error:
            raise bad_file(path, str(error), "Give a PNG, JPEG or WebP file.") from error
        return pixels[0]


def _read(path: Path) -> Any:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is lower
            with Image.open(path) as image:
                pixels = image.width * image.height
                if pixels <= MAX_PIXELS:
                    return image.convert("RGB")
    except Exception as error:  # decoders of broken files raise anything
        raise bad_file(path, str(error) or type(error).__name__, "Give a PNG, JPEG or WebP file.") from error
    raise bad_file(path, f"it has {pixels} pixels", f"Give an image of at most {MAX_PIXELS} pixels.")
