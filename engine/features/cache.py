"""Computed vectors on disk, by the key of what they were computed from; a file of it may be deleted at any time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

Float32 = npt.NDArray[np.float32]


class VectorCache:
    """Vectors of one encoder.

    Args:
        folder: Folder of all caches; none keeps nothing.
        part: Folder within it.
        name: Name of the encoder.
    """

    def __init__(self, folder: Path | None, part: str, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self.path = None if folder is None else folder / part / f"{digest}.safetensors"

    def read(self) -> dict[str, Float32]:
        """Give what is known, by key."""
        if self.path is None or not self.path.exists():
            return {}
        try:
            stored = load_file(self.path)
        except Exception:  # a cut file is only a cache: compute again
            self.path.unlink(missing_ok=True)
            return {}
        keys = stored["keys"].tobytes().decode("ascii").split("\n")
        return dict(zip(keys, stored["vectors"], strict=True))

    def write(self, known: Mapping[str, Float32]) -> None:
        """Replace the file.

        Args:
            known: Vectors of one length, by keys of ASCII without line ends.
        """
        if self.path is None or not known:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        keys = np.frombuffer("\n".join(known).encode("ascii"), dtype=np.uint8).copy()
        save_file({"keys": keys, "vectors": np.stack(list(known.values()))}, temporary)
        temporary.replace(self.path)
