"""TikTok: short videos watched, without times or titles."""

from __future__ import annotations

import polars as pl

from engine.importing.datasets.base import Dataset, Part, Request, one_hour_apart
from engine.importing.events import EventMapping
from engine.importing.reading import FileSource, TableSource


def load(request: Request) -> Dataset:
    """Read train, validation and test rows, in this order."""
    paths = [request.file("tiktok", f"{name}.csv.gz") for name in ("train", "valid", "test")]
    rows = pl.concat([pl.read_csv(path).select("user_id", "item_id") for path in paths])
    events = one_hour_apart(rows, request.shift)
    content = "".join(FileSource(path).digest() for path in paths)
    return Dataset(
        parts=(
            Part(
                TableSource("tiktok-events", events, f"{content} last={events['at'].max()!r}"),
                EventMapping(type="view", time_unit="ms", create_missing=True),
            ),
        ),
        notes=(
            "the data has no times: a user's videos stand one hour apart in the order of the files, train, valid, test",
            "image and audio features are not read here; give them by model.image_vectors and model.audio_vectors",
        ),
    )
