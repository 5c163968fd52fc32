"""The real classes on real files; the weights are random, of a tiny configuration, since none can be had offline."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
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

from engine.errors import ArtefactError, InvalidInputError
from engine.features.audio import AudioEncoder, read_wave
from engine.features.image import ImageEncoder

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


@pytest.fixture(params=["vit", "clip"])
def image_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(1)
    size = {"height": 16, "width": 16}
    if request.param == "vit":
        ViTImageProcessorPil(size=size).save_pretrained(tmp_path)
        ViTModel(ViTConfig(image_size=16, patch_size=8, **TINY)).save_pretrained(tmp_path)
    else:
        CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=size).save_pretrained(tmp_path)
        CLIPVisionModel(CLIPVisionConfig(image_size=16, patch_size=8, **TINY)).save_pretrained(tmp_path)
    return tmp_path


def _image(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.new("RGB", (30, 20), colour).save(path)
    return path


def _sound(path: Path, hertz: float, *, rate: int = 8_000) -> Path:
    samples = np.sin(2 * np.pi * hertz * np.arange(rate) / rate) * 20_000
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes(np.repeat(samples.astype("<i2"), 2).tobytes())
    return path


def test_images_become_unit_vectors_and_none_zeros(image_folder: Path, tmp_path: Path) -> None:
    red, blue = _image(tmp_path / "r.png", (255, 0, 0)), _image(tmp_path / "b.png", (0, 0, 255))
    made = ImageEncoder(str(image_folder)).encode([red, None, blue, red])
    assert made.shape == (4, 16)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 0, 1, 1], abs=1e-5)
    assert made[0] == pytest.approx(made[3], abs=1e-5)
    assert np.abs(made[0] - made[2]).max() > 1e-3


def test_sounds_become_unit_vectors_and_none_zeros(tmp_path: Path) -> None:
    torch.manual_seed(1)
    ASTFeatureExtractor(max_length=64, num_mel_bins=16).save_pretrained(tmp_path)
    ASTModel(ASTConfig(max_length=64, num_mel_bins=16, patch_size=8, **TINY)).save_pretrained(tmp_path)
    low, high = _sound(tmp_path / "l.wav", 200), _sound(tmp_path / "h.wav", 3_000)
    made = AudioEncoder(str(tmp_path)).encode([low, None, high])
    assert made.shape == (3, 16)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)
    assert np.abs(made[0] - made[2]).max() > 1e-3


def test_a_sound_is_read_at_the_rate_wanted(tmp_path: Path) -> None:
    samples = read_wave(_sound(tmp_path / "s.wav", 200), 16_000)
    assert samples.shape == (16_000,)
    assert np.abs(samples).max() == pytest.approx(20_000 / 32_768, rel=0.05)
    assert int(np.abs(np.fft.rfft(samples)).argmax()) == 200


@pytest.mark.parametrize("name", ["missing.wav", "text.wav"])
def test_a_bad_sound_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(InvalidInputError) as raised:
        read_wave(tmp_path / name, 16_000)
    assert raised.value.field == name
    assert "ffmpeg" in str(raised.value.remedy)


def test_a_bad_image_is_named(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(InvalidInputError) as raised:
        ImageEncoder(str(image_folder)).encode([tmp_path / "text.png"])
    assert raised.value.field == "text.png"


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="cannot be loaded"):
        ImageEncoder(str(tmp_path))
