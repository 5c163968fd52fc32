"""What encoders of files share: loading, batches, and errors that name the file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from engine.errors import ArtefactError, InvalidInputError

Float32 = npt.NDArray[np.float32]


def load(load_parts: Callable[[], tuple[Any, Any]], name: str, field: str) -> tuple[Any, Any]:
    """Load processor and model.

    Args:
        load_parts: Loads the two.
        name: A Hugging Face name or a folder.
        field: What the error calls it.

    Raises:
        ArtefactError: They cannot be loaded.
    """
    try:
        processor, model = load_parts()
    except (OSError, ValueError, ImportError) as error:
        raise ArtefactError(
            f"The encoder cannot be loaded: {(str(error).splitlines() or [''])[0]}",
            field=field,
            value=name,
            remedy="Give a Hugging Face name, or a folder with an encoder.",
        ) from error
    return processor, model.eval()


class FileEncoder(ABC):
    """An encoder of files from `transformers`.

    Args:
        name: A Hugging Face name or a folder.
        field: What an error calls it.
        device: Where it runs; a CUDA device when there is one.
    """

    batch_files: ClassVar[int]

    def __init__(self, name: str, field: str, device: torch.device | None) -> None:
        self.name = name
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.processor, model = load(self.parts, name, field)
        self.model = model.to(self.device)

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self.model.config.hidden_size)

    @abstractmethod
    def parts(self) -> tuple[Any, Any]:
        """Load processor and model."""

    @abstractmethod
    def prepare(self, path: Path) -> torch.Tensor:
        """Read one file as the model takes it.

        Raises:
            InvalidInputError: It is missing or of another kind; it is named.
        """

    @torch.inference_mode()
    def forward(self, prepared: Sequence[torch.Tensor]) -> Float32:
        """Give unit vectors float32 [B, C] of some prepared files: the mean of the last states."""
        values = torch.stack(list(prepared)).to(self.device)
        states: torch.Tensor = self.model(values).last_hidden_state
        vectors: Float32 = torch.nn.functional.normalize(states.mean(dim=1).float(), dim=-1).cpu().numpy()
        return vectors

    def encode(self, paths: Sequence[Path | None]) -> Float32:
        """Encode files in batches, so that only one batch is in memory.

        Args:
            paths: One file an item; none where an item has no file.

        Returns:
            Unit vectors float32 [N, C], zeros where there is no file.

        Raises:
            InvalidInputError: A file is missing or of another kind; it is named.
        """
        vectors = np.zeros((len(paths), self.width), dtype=np.float32)
        places = [place for place, path in enumerate(paths) if path is not None]
        for start in range(0, len(places), self.batch_files):
            chosen = places[start : start + self.batch_files]
            vectors[chosen] = self.forward([self.prepare(path) for place in chosen if (path := paths[place])])
        return vectors


def bad_file(path: Path, reason: str, remedy: str) -> InvalidInputError:
    """Give the error of a file that cannot be read."""
    return InvalidInputError(f"The file cannot be read: {reason}.", field=path.name, value=str(path), remedy=remedy)
