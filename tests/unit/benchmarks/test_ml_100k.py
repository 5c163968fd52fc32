from __future__ import annotations

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
    assert convert(tmp_path, tmp_path / "out") == (2, 2)
    found = read_events(
        tmp_path / "out" / "events.csv.gz", event_types=("rating",), items=tmp_path / "out" / "items.csv.gz"
    )
    assert found.interactions.items.tolist() == [0, 1]
    assert found.interactions.times.tolist() == [881250949000, 881250950000]
    assert found.items.titles[0] == 'Toy "Story" (1995)'
    assert sorted(found.items.interest_ids) == ["genres:Action", "genres:Animation", "genres:Children's"]
    assert np.diff(found.items.about.indptr).tolist() == [2, 1]
