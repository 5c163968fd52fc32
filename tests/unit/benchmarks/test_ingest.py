"""What a run of ingestion may put beside earlier rows, and where its events end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.ingest.__main__ import _earlier
from benchmarks.ingest.purchases import PASSES, Purchases

_ENVIRONMENT: dict[str, Any] = {
    "machine": {"cores": 2, "processor": "EPYC", "load_1_min": 0.1},
    "versions": {"neo4j": "2026.09.0"},
    "settings": {"api": {}},
}


def test_a_replay_ends_with_an_error_not_with_empty_batches() -> None:
    purchases = object.__new__(Purchases)
    purchases._live = pl.DataFrame({"row": [7], "user_id": [1], "item_id": [2], "at": [10], "value": [1.0]})
    purchases._span = 100
    events = purchases.live()
    assert [(event["id"], event["at"]) for event in (next(events) for _ in range(PASSES))] == [
        (f"{number}-7", 10 + 100 * number) for number in range(PASSES)
    ]
    with pytest.raises(RuntimeError, match=f"All {PASSES} events are sent"):
        next(events)


def test_rows_stay_where_all_that_decides_them_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ingest.json"
    earlier = {**_ENVIRONMENT, "rows": [{"name": "rest"}], "options": {"quick": False}}
    path.write_text(json.dumps(earlier), encoding="utf-8")
    idle = {**_ENVIRONMENT, "machine": {**_ENVIRONMENT["machine"], "load_1_min": 2.0}}
    assert _earlier(path, idle, quick=False) == earlier
    with pytest.raises(ValueError, match="a short look"):
        _earlier(path, _ENVIRONMENT, quick=True)
    with pytest.raises(ValueError, match="versions were others"):
        _earlier(path, {**_ENVIRONMENT, "versions": {"neo4j": "2027.01.0"}}, quick=False)
    with pytest.raises(ValueError, match="cores were others"):
        _earlier(path, {**_ENVIRONMENT, "machine": {"cores": 4, "processor": "EPYC"}}, quick=False)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": ['])
def test_a_file_that_is_no_earlier_run_is_refused_before_anything_is_measured(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ingest.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        _earlier(path, _ENVIRONMENT, quick=False)
