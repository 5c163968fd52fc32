"""Vectors of the images and sounds of the graph's items: by encoders from files, or from files of vectors.

An item's `image` and `audio` name files below `model.media_folder`. What cannot be read leaves its item without that
modality, is counted, and is told by item, file and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

from engine.errors import InvalidInputError, SettingsError
from engine.evaluation.vectors import VectorFile, open_vectors
from engine.features.media import MediaEncoder, MediaVectors
from engine.features.place import MEDIA
from engine.settings import Settings

Float32 = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]

MOST_EXAMPLES: Final = 10
"""Files named in a report; all are counted."""
_log = structlog.get_logger("engine.media")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the vectors of one modality come from: one of the two.

    Attributes:
        encoder: Name of an encoder of files.
        vectors: File of vectors.
        width: Length of the vectors that the model reads; none before it is trained.
    """

    encoder: str | None = None
    vectors: Path | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """What the media of some items gave.

    Attributes:
        vectors: float32 [N, C_m] by modality; one that no item has is left out.
        refused: Why the file of an item gave nothing [N], by modality.
    """

    vectors: Mapping[str, Float32]
    refused: Mapping[str, Sequence[str | None]]

    def counts(self, first: int | None = None) -> dict[str, int]:
        """Count what there is and what was refused, among the first items or all: `image_vectors`, `image_refused`."""
        found: dict[str, int] = {}
        for name, reasons in self.refused.items():
            made = self.vectors[name][:first].any(axis=1).sum() if name in self.vectors else 0
            found[f"{name}_vectors"] = int(made)
            if refused := sum(reason is not None for reason in reasons[:first]):
                found[f"{name}_refused"] = refused
        return found

    def examples(self, item_ids: Sequence[str], first: int | None = None) -> list[str]:
        """Name the first files that were refused: item, modality, file and reason."""
        told = [
            f"{item_id}, {name} {reason}"
            for name, reasons in self.refused.items()
            for item_id, reason in zip(item_ids[:first], reasons[:first], strict=False)
            if reason is not None
        ]
        return told[:MOST_EXAMPLES]


class MediaReader:
    """Reads the media of items, page after page.

    Args:
        sources: Where each modality comes from.
        settings: Folder and limit of files; the cache.
        refresh: Whether files are encoded anew instead of taken from the cache.

    Raises:
        SettingsError: A file or folder that is needed is not told or not there.
        InvalidInputError: A file of vectors does not fit.
    """

    def __init__(self, sources: Mapping[str, Source], settings: Settings, *, refresh: bool = False) -> None:
        self.sources = dict(sources)
        self._encoders: dict[str, MediaEncoder] = {}
        self._files: dict[str, VectorFile] = {}
        for name, source in sources.items():
            if source.encoder:
                self._encoders[name] = MediaEncoder(
                    name,
                    source.encoder,
                    folder=settings.model.media_folder,
                    most_mb=settings.model.media_max_mb,
                    cache=settings.cache,
                    refresh=refresh,
                )
            elif source.vectors is not None:
                self._files[name] = open_vectors(source.vectors)
                self._check_width(name, self._files[name].width)

    @classmethod
    def of_settings(cls, settings: Settings) -> MediaReader:
        """Read what the settings name, for a training."""
        found = {
            name: Source(getattr(settings.model, f"{name}_encoder") or None, getattr(settings.model, f"{name}_vectors"))
            for name in MEDIA
        }
        return cls({name: source for name, source in found.items() if source.encoder or source.vectors}, settings)

    @classmethod
    def of_card(
        cls, media: Mapping[str, Mapping[str, Any]], widths: Mapping[str, int], settings: Settings, *, refresh: bool
    ) -> MediaReader:
        """Read what a trained model reads.

        Args:
            media: As the card says.
            widths: Modalities that the model reads, and their lengths.
            settings: Where files lie on this machine.
            refresh: Whether files are encoded anew.
        """
        found: dict[str, Source] = {}
        for name, entry in media.items():
            if name not in widths:
                continue
            given = None
            if not entry.get("encoder"):
                given = getattr(settings.model, f"{name}_vectors", None)
                if given is None:
                    raise SettingsError(
                        f"The model was trained on given vectors of the modality {name}.",
                        field=f"INTERESTGRAPH_MODEL__{name.upper()}_VECTORS",
                        remedy=f"Give the file; in training it was {entry.get('vectors')}.",
                    )
            found[name] = Source(entry.get("encoder"), given, widths[name])
        return cls(found, settings, refresh=refresh)

    def read(
        self, item_ids: Sequence[str], named: Mapping[str, Sequence[object]], *, progress: Progress | None = None
    ) -> Media:
        """Read the media of items.

        Args:
            item_ids: The items [N].
            named: What each property says [N], by modality.
            progress: Told what goes on, what is done and of how much; it may raise to stop.

        Raises:
            ArtefactError: An encoder cannot be loaded.
            InvalidInputError: A given vector is not finite, or an encoder gives vectors of another length.
        """
        vectors: dict[str, Float32] = {}
        refused: dict[str, list[str | None]] = {}
        for name in self.sources:

            def told(done: int, total: int, name: str = name) -> None:
                if progress is not None:
                    progress(f"encodes {name}", done, total)

            if name in self._files:
                found = MediaVectors(self._files[name].of(item_ids), [None] * len(item_ids))
            else:
                found = self._encoders[name].encode(named[name], progress=told)
            refused[name] = found.refused
            if found.vectors.any():
                self._check_width(name, found.vectors.shape[1])
                vectors[name] = found.vectors
        return Media(vectors, refused)

    def card(self, media: Media, item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Say for the card where each modality comes from, how long its vectors are, and who has one."""
        said: dict[str, dict[str, Any]] = {}
        counts = media.counts()
        for name, source in self.sources.items():
            said[name] = {
                "encoder": source.encoder,
                "vectors": None if source.vectors is None else source.vectors.name,
                "width": media.vectors[name].shape[1] if name in media.vectors else 0,
                "items": counts[f"{name}_vectors"],
                "refused": counts.get(f"{name}_refused", 0),
            }
            examples = Media({}, {name: media.refused[name]}).examples(item_ids)
            if examples:
                said[name]["refused_examples"] = examples
        return said

    def _check_width(self, name: str, width: int) -> None:
        wanted = self.sources[name].width
        if wanted is not None and width != wanted:
            raise InvalidInputError(
                f"The model reads vectors of length {wanted} of the modality {name}.",
                field=f"{name} vectors",
                value=width,
                remedy="Give what the model was trained with, or train again.",
            )


def tell(media: Media, item_ids: Sequence[str], first: int | None = None) -> None:
    """Log what was refused."""
    counts = {name: count for name, count in media.counts(first).items() if name.endswith("_refused")}
    if counts:
        _log.warning("media_refused", **counts, examples=media.examples(item_ids, first))
