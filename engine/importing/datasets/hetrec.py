"""LastFM of HetRec 2011: plays, tags of artists, friends."""

from __future__ import annotations

from typing import Final

import polars as pl

from engine.importing.datasets.base import Dataset, Part, Request, one_hour_apart
from engine.importing.events import EventMapping
from engine.importing.items import InterestColumn, ItemMapping
from engine.importing.reading import FileSource, TableSource
from engine.importing.social import SocialMapping

TAGS_KEPT: Final = 20


def load(request: Request) -> Dataset:
    """Read artists with their tags, plays in the order of their number, and friends."""
    artists, tags, plays, friends = (
        request.file("lastfm-hetrec", f"{name}.csv.gz") for name in ("artists", "artist_tags", "plays", "friends")
    )
    items = pl.read_csv(artists).join(
        pl.read_csv(tags)
        .group_by("artist_id", "tag")
        .agg(pl.col("count").sum().cast(pl.Float64))
        .sort("artist_id", -pl.col("count"), "tag")
        .group_by("artist_id", maintain_order=True)
        .head(TAGS_KEPT)
        .group_by("artist_id", maintain_order=True)
        .agg("tag", "count"),
        on="artist_id",
        how="left",
        maintain_order="left",
    )
    events = one_hour_apart(
        # Some numbers are followed by blanks.
        pl.read_csv(plays, infer_schema=False)
        .with_columns(pl.all().str.strip_chars().cast(pl.Int64))
        .sort("user_id", "plays", "artist_id"),
        request.shift,
    )
    last = events["at"].max()
    return Dataset(
        parts=(
            Part(
                TableSource("artists", items, FileSource(artists).digest() + FileSource(tags).digest()),
                ItemMapping(
                    columns={"id": "artist_id", "title": "name"},
                    interests=(InterestColumn("tag", "tag", weights="count"),),
                    attributes={},
                ),
            ),
            Part(
                TableSource("plays", events, f"{FileSource(plays).digest()} last={last!r}"),
                EventMapping(
                    columns={"user_id": "user_id", "item_id": "artist_id", "value": "plays", "at": "at"},
                    type="view",
                    time_unit="ms",
                    create_missing=True,
                ),
            ),
            Part(
                FileSource(friends),
                SocialMapping(columns={"source": "user_id", "target": "friend_id"}, create_missing=True),
            ),
        ),
        notes=(
            "the data has no times: a user's artists stand one hour apart, the most played last; each is one view "
            "with the plays as its value",
            f"the {TAGS_KEPT} commonest tags of each artist",
        ),
    )
