"""Sounds of items as vectors, by a spectrogram Transformer.

AST, Gong et al. 2021, https://arxiv.org/abs/2104.01778.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from math import gcd
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from scipy.signal import resample_poly

from engine.features.pretrained import Float32, bad_file, encode_files, load

BATCH_SOUNDS: Final = 8
MAX_SECONDS: Final = 30
"""What is read of a file at most; AST itself reads about ten seconds."""


class AudioEncoder:
    """A spectrogram encoder from `transformers`: the mean of its last states.

    Args:
        name: A Hugging Face name, or a folder, of an AST model.
        device: Where it runs; a CUDA device when there is one.
    """

    def __init__(self, name: str, *, device: torch.device | None = None) -> None:
        self.name = name
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._processor, model = load(self._parts, name, "audio encoder")
        self._model = model.to(self._device)

    def encode(self, paths: Sequence[Path | None]) -> Float32:
        """Encode WAV files of 16 bits.

        Args:
            paths: One file an item; none where an item has no sound.

        Returns:
            Unit vectors float32 [N, C], zeros where there is no sound.

        Raises:
            InvalidInputError: A file is missing, empty or no such WAV; it is named.
        """
        return encode_files(paths, self._model.config.hidden_size, self._forward, batch_files=BATCH_SOUNDS)

    def _parts(self) -> tuple[Any, Any]:
        from transformers import ASTFeatureExtractor, ASTModel

        offline = Path(self.name).is_dir()
        return (
            ASTFeatureExtractor.from_pretrained(self.name, local_files_only=offline),
            ASTModel.from_pretrained(self.name, local_files_only=offline),
        )

    def _forward(self, paths: list[Path]) -> torch.Tensor:
        rate = int(self._processor.sampling_rate)
        waves = [read_wave(path, rate) for path in paths]
        values = self._processor(waves, sampling_rate=rate, return_tensors="pt")["input_values"]
        states: torch.Tensor = self._model(input_values=values.to(self._device)).last_hidden_state
        return states.mean(dim=1)


def read_wave(path: Path, rate: int) -> Float32:
    """Read a WAV file as one channel.

    Args:
        path: The file, PCM of 16 bits.
        rate: Samples a second that are wanted.

    Returns:
        Samples between -1 and 1, float32 [S].

    Raises:
        InvalidInputError: It is missing, empty or of another kind.
    """
    remedy = "Give a WAV file of 16-bit PCM: ffmpeg -i FILE -c:a pcm_s16le FILE.wav"
    try:
        with wave.open(str(path), "rb") as stream:
            own, channels, width = stream.getframerate(), stream.getnchannels(), stream.getsampwidth()
            frames = stream.readframes(MAX_SECONDS * own)
    except (OSError, EOFError, wave.Error) as error:
        raise bad_file(path, str(error) or "it is cut", remedy) from error
    whole = len(frames) // (2 * channels) * 2 * channels
    if width != 2 or not whole:
        raise bad_file(path, "it has no samples" if width == 2 else f"samples have {8 * width} bits", remedy)
    samples = np.frombuffer(frames[:whole], dtype="<i2").reshape(-1, channels).mean(axis=1) / 32768
    shared = gcd(own, rate)
    return np.asarray(resample_poly(samples, rate // shared, own // shared), dtype=np.float32)
