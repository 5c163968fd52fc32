"""Text vectors of the graph's items, made ahead and kept in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.features.text import TextEncoder
from engine.jobs.parameters import EmbedTextsParameters
from engine.jobs.run import JobRun
from engine.pipelines.dataset import read_items
from engine.settings import Settings


def run_embed_texts(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Encode the texts of items, as a job."""
    params = EmbedTextsParameters.model_validate(run.job.params)
    items = read_items(run.store, lambda stage, done, total: run.report(done, total, stage))
    chosen = set(params.ids)
    wanted = [
        text for item_id, text in zip(items.table.ids, items.texts, strict=True) if not chosen or item_id in chosen
    ]
    encoder = TextEncoder(settings.model.text_encoder, cache=settings.cache)

    def progress(done: int, total: int) -> None:
        run.report(done, total, "encodes texts")
        run.check()

    vectors = encoder.encode(wanted, progress=progress, refresh=params.refresh)
    return {"items": len(wanted), "dim": int(vectors.shape[1])}
