from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from benchmarks.accuracy.ml_100k import convert
from engine.evaluation.files import read_events


def test_ratings_become_events_in_the_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "ml-100k.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t2\t3\t881250950\n7\t1\t5\t881250949\n"
    )
    (tmp_path / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        '1\tToy "Story"\t1995\tAnimation Children\'s\n2\tHeat, The\t\tAction\n'
    )
    (tmp_path / "ml-100k.user").write_text(
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n7\t24\tM\twriter\t85711\n"
    )
    assert convert(tmp_path, tmp_path / "out") == (2, 2, 1)
    with gzip.open(tmp_path / "out" / "users.csv.gz", "rt") as stream:
        assert stream.read() == "user_id,age,gender,occupation\n7,24,M,writer\n"
    found = read_events(
        tmp_path / "out" / "events.csv.gz", event_types=("rating",), items=tmp_path / "out" / "items.csv.gz"
    )
    assert found.interactions.items.tolist() == [0, 1]
    assert found.interactions.times.tolist() == [881250949000, 881250950000]
    assert found.items.titles[0] == 'Toy "Story" (1995)'
    assert sorted(found.items.interest_ids) == ["genres:Action", "genres:Animation", "genres:Children's"]
    assert np.diff(found.items.about.indptr).tolist() == [2, 1]
