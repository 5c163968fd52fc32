"""Sounds of items as vectors, by a spectrogram Transformer.

AST, Gong et al. 2021, https://arxiv.org/abs/2104.01778.
"""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch

from engine.features.pretrained import FileEncoder, Float32, bad_file

SAMPLE_RATES: Final = range(1_000, 400_000)
_REMEDY: Final = "Give a WAV file of 16-bit PCM: ffmpeg -i FILE -c:a pcm_s16le FILE.wav"
MAX_SECONDS: Final = 30
"""What is read of a file at most; AST itself reads about ten seconds."""


class AudioEncoder(FileEncoder):
    """A spectrogram encoder from `transformers`: the mean of its last states.

    Args:
        name: A Hugging Face name, or a folder, of an AST model.
        device: Where it runs; a CUDA device when there is one.
    """

    batch_files: ClassVar[int] = 8

    def __init__(self, name: str, *, device: torch.device | None = None) -> None:
        super().__init__(name, "audio encoder", device)

    def parts(self) -> tuple[Any, Any]:
        """Load processor and model."""
        from transformers import ASTFeatureExtractor, ASTModel

        offline = Path(self.name).is_dir()
        return (
            ASTFeatureExtractor.from_pretrained(self.name, local_files_only=offline),
            ASTModel.from_pretrained(self.name, local_files_only=offline),
        )

    def prepare(self, path: Path) -> torch.Tensor:
        """Read a WAV file of 16 bits as a spectrogram [T, F].

        Raises:
            InvalidInputError: The file is missing, empty, too short or no such WAV; it is named.
        """
        rate = int(self.processor.sampling_rate)
        samples = read_wave(path, rate)
        try:
            values: torch.Tensor = self.processor([samples], sampling_rate=rate, return_tensors="pt")["input_values"]
        except (AssertionError, ValueError, RuntimeError) as error:  # shorter than one window
            raise bad_file(path, str(error), _REMEDY) from error
        return values[0]


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
    try:
        with wave.open(str(path), "rb") as stream:
            own, channels, width = stream.getframerate(), stream.getnchannels(), stream.getsampwidth()
            frames = stream.readframes(MAX_SECONDS * own)
    except (OSError, EOFError, ValueError, wave.Error) as error:
        raise bad_file(path, str(error) or "it is cut", _REMEDY) from error
    if own not in SAMPLE_RATES:
        raise bad_file(path, f"it has {own} samples a second", _REMEDY)
    whole = len(frames) // (2 * channels) * 2 * channels
    if width != 2 or not whole:
        raise bad_file(path, "it has no samples" if width == 2 else f"samples have {8 * width} bits", _REMEDY)
    from scipy.signal import resample_poly  # two seconds, which every worker would spend at its start

    samples = np.frombuffer(frames[:whole], dtype="<i2").reshape(-1, channels).mean(axis=1) / 32768
    shared = gcd(own, rate)
    return np.asarray(resample_poly(samples, rate // shared, own // shared), dtype=np.float32)
