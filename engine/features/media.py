"""Vectors of the media files that items name; a file that cannot be read is told and leaves its item without.

Vectors are kept on disk by the content of the file, so a file that was moved is known and one that was changed is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.errors import InvalidInputError, SettingsError
from engine.features.audio import AudioEncoder
from engine.features.cache import Float32, VectorCache
from engine.features.image import ImageEncoder
from engine.features.place import media_path
from engine.features.pretrained import FileEncoder

Progress = Callable[[int, int], None]

_ENCODERS: Final[Mapping[str, type[ImageEncoder] | type[AudioEncoder]]] = {"image": ImageEncoder, "audio": AudioEncoder}
_BYTES_PER_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class MediaVectors:
    """What the files of some items gave.

    Attributes:
        vectors: float32 [N, C], zeros where an item has none; C is 0 where no item has.
        refused: Why the file of an item gave nothing [N]; none where it did, or where it has no file.
    """

    vectors: Float32
    refused: list[str | None]


class MediaEncoder:
    """Encodes the files of one modality, each content once.

    Args:
        kind: `image` or `audio`.
        name: Name of the encoder: a Hugging Face name or a folder.
        folder: Below which the files lie.
        most_mb: Size of the largest file that is read.
        cache: Folder of computed vectors; none keeps nothing.
        refresh: Whether vectors of the cache are made again.
        device: Where it runs; a CUDA device when there is one.

    Raises:
        SettingsError: There is no such folder.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        folder: Path | None,
        most_mb: float,
        cache: Path | None = None,
        refresh: bool = False,
        device: torch.device | None = None,
    ) -> None:
        if folder is None or not folder.is_dir():
            raise SettingsError(
                f"The {kind} files of the items lie in no folder.",
                field="INTERESTGRAPH_MODEL__MEDIA_FOLDER",
                value=None if folder is None else str(folder),
                remedy="Give a folder that this process can read.",
            )
        self.kind, self.name, self._folder, self._device = kind, name, folder.absolute(), device
        self._most_bytes = int(most_mb * _BYTES_PER_MB)
        self._cache = VectorCache(cache, "media", f"{kind} {name}")
        self._known: dict[str, Float32] = {} if refresh else self._cache.read()
        self._refused: dict[str, str] = {}
        self._keys: dict[tuple[Path, int, int], str] = {}
        self._encoder: FileEncoder | None = None

    def encode(self, names: Sequence[object], *, progress: Progress | None = None) -> MediaVectors:
        """Encode the files that items name.

        Args:
            names: What the property of each item says; none where it has no file.
            progress: Called with the files encoded so far and in all; it may raise to stop.

        Raises:
            ArtefactError: The encoder cannot be loaded.
        """
        keys: list[str | None] = []
        refused: list[str | None] = []
        files: dict[str, Path] = {}
        for name in names:
            key, reason = None, None
            if name is not None and name != "":
                try:
                    path = media_path(self._folder, name, field=self.kind)
                    key = self._key(path)
                    files.setdefault(key, path)
                except InvalidInputError as error:
                    reason = f"{name}: {error.message}"
            keys.append(key)
            refused.append(reason)
        self._make(files, progress)
        width = next((len(vector) for vector in self._known.values()), 0)
        vectors = np.zeros((len(keys), width), dtype=np.float32)
        for place, key in enumerate(keys):
            if key is not None and key in self._known:
                vectors[place] = self._known[key]
            elif key is not None:
                refused[place] = f"{names[place]}: {self._refused[key]}"
        return MediaVectors(vectors, refused)

    def _key(self, path: Path) -> str:
        """Name a file by its content."""
        try:
            state = path.stat()
            if state.st_size > self._most_bytes:
                limit = f"{self._most_bytes / _BYTES_PER_MB:g} MB"
                raise InvalidInputError(f"The file is larger than {limit}.", field=self.kind, value=str(path))
            standing = path, state.st_mtime_ns, state.st_size
            if standing not in self._keys:
                with path.open("rb") as stream:
                    self._keys[standing] = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        except OSError as error:
            raise InvalidInputError(
                f"The file cannot be read: {error.strerror}.", field=self.kind, value=str(path)
            ) from error
        return self._keys[standing]

    def _make(self, files: Mapping[str, Path], progress: Progress | None) -> None:
        """Encode files that are not known; what was made is kept also when it is stopped."""
        if not self._waiting(files):
            return
        if self._encoder is None:
            self._encoder = _ENCODERS[self.kind](self.name, device=self._device)
            if any(len(vector) != self._encoder.width for vector in self._known.values()):
                self._known = {}  # another model under the same name
        waiting = self._waiting(files)
        made = False
        try:
            for start in range(0, len(waiting), self._encoder.batch_files):
                batch = waiting[start : start + self._encoder.batch_files]
                made = self._make_batch(self._encoder, batch) or made
                if progress is not None:
                    progress(start + len(batch), len(waiting))
        finally:
            if made:
                self._cache.write(self._known)

    def _waiting(self, files: Mapping[str, Path]) -> list[tuple[str, Path]]:
        return [(key, path) for key, path in files.items() if key not in self._known and key not in self._refused]

    def _make_batch(self, encoder: FileEncoder, batch: Sequence[tuple[str, Path]]) -> bool:
        prepared: dict[str, torch.Tensor] = {}
        for key, path in batch:
            try:
                prepared[key] = encoder.prepare(path)
            except InvalidInputError as error:
                self._refused[key] = error.message
        if not prepared:
            return False
        for key, vector in zip(prepared, encoder.forward(list(prepared.values())), strict=True):
            if np.isfinite(vector).all() and vector.any():
                self._known[key] = vector
            else:
                self._refused[key] = "The encoder makes nothing of it."
        return True
