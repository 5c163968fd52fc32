"""What encoders of files share: loading, batches, and errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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


@torch.inference_mode()
def encode_files(
    paths: Sequence[Path | None],
    width: int,
    forward: Callable[[list[Path]], torch.Tensor],
    *,
    batch_files: int,
) -> Float32:
    """Encode files in batches, so that only one batch is in memory.

    Args:
        paths: One file an item; none where an item has no file.
        width: Length of a vector.
        forward: Gives vectors [B, C] of some files.
        batch_files: B at most.

    Returns:
        Unit vectors float32 [N, C], zeros where there is no file.
    """
    vectors = np.zeros((len(paths), width), dtype=np.float32)
    places = [place for place, path in enumerate(paths) if path is not None]
    for start in range(0, len(places), batch_files):
        chosen = places[start : start + batch_files]
        made = forward([path for place in chosen if (path := paths[place]) is not None])
        vectors[chosen] = torch.nn.functional.normalize(made.float(), dim=-1).cpu().numpy()
    return vectors


def bad_file(path: Path, reason: str, remedy: str) -> InvalidInputError:
    """Give the error of a file that cannot be read."""
    return InvalidInputError(f"The file cannot be read: {reason}.", field=path.name, value=str(path), remedy=remedy)
