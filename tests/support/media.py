"""Image and sound files, and encoders of the real classes: random weights of a tiny configuration."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTModel,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    ViTConfig,
    ViTImageProcessorPil,
    ViTModel,
)


def make_image_encoder(folder: Path, kind: str = "vit", *, hidden_size: int = 16) -> Path:
    """Write a ViT or a CLIP vision model for images of 16 by 16 pixels."""
    torch.manual_seed(1)
    size = {"height": 16, "width": 16}
    if kind == "vit":
        ViTImageProcessorPil(size=size).save_pretrained(folder)
        ViTModel(ViTConfig(image_size=16, patch_size=8, **_tiny(hidden_size))).save_pretrained(folder)
    else:
        CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=size).save_pretrained(folder)
        CLIPVisionModel(CLIPVisionConfig(image_size=16, patch_size=8, **_tiny(hidden_size))).save_pretrained(folder)
    return folder


def make_audio_encoder(folder: Path) -> Path:
    """Write an AST model for sounds of about half a second."""
    torch.manual_seed(1)
    ASTFeatureExtractor(max_length=64, num_mel_bins=16).save_pretrained(folder)
    ASTModel(ASTConfig(max_length=64, num_mel_bins=16, patch_size=8, **_tiny(16))).save_pretrained(folder)
    return folder


def make_image(path: Path, colour: tuple[int, int, int], *, size: tuple[int, int] = (30, 20)) -> Path:
    """Write an image of one colour, and a corner of another one."""
    image = Image.new("RGB", size, colour)
    image.paste((255 - colour[0], 128, colour[1]), (0, 0, size[0] // 3, size[1] // 2))
    image.save(path)
    return path


def make_sound(path: Path, hertz: float, *, rate: int = 8_000) -> Path:
    """Write a second of a tone, two channels of 16 bits."""
    samples = np.sin(2 * np.pi * hertz * np.arange(rate) / rate) * 20_000
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes(np.repeat(samples.astype("<i2"), 2).tobytes())
    return path


def _tiny(hidden_size: int) -> dict[str, int]:
    return {"hidden_size": hidden_size, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
