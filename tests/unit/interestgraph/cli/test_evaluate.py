"""The tables that `interestgraph evaluate` prints."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from interestgraph.cli.evaluate import result_table, summary_table

_METRICS = ("recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr")


def _printed(table: Table) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    return out.getvalue().splitlines()


def test_every_figure_can_be_read_in_eighty_columns() -> None:
    measured = dict.fromkeys(_METRICS, 0.1022)
    result: dict[str, Any] = {"dataset": {"name": "beauty"}, "seed": 1, "epochs": 15, "train_seconds": 456.3}
    result |= {"peak_memory_mb": 1814, "valid": measured, "test": {**measured, "coverage@10": 0.8083}}
    result |= {"terms": {"co_occurrence": measured}, "test_by_history_length": {"20-49": measured}}
    lines = _printed(result_table({**result, "fusion_weights": {"image": 0.62, "audio": 0.38}}))
    assert "beauty, seed 1, 15 epochs, 456 s, 1814 MB" in lines[0]
    assert all(len(line) <= 80 and "…" not in line for line in lines)
    rows = {line.split("  ")[0].strip(): line.split()[-7:] for line in lines if "0.1022" in line}
    assert rows["test"] == ["0.1022"] * 6 + ["0.8083"]
    assert rows["co_occurrence"] == rows["history 20-49"] == ["0.1022"] * 7
    assert "attention to image 0.62, audio 0.38" in lines[-1]


def test_the_mean_over_seeds_stands_above_its_spread_and_interval() -> None:
    shown = {"mean": 0.1197, "spread": 0.0005, "interval": (0.1156, 0.1239)}
    test = {**dict.fromkeys(_METRICS, shown), "coverage@10": {"mean": 0.8, "spread": 0.03}}
    found = {"dataset": {"name": "beauty"}, "seeds": [1, 2, 3], "summary": {"test": test}}
    lines = _printed(summary_table(found))
    assert "beauty, 3 seeds, test" in lines[0]
    figures = [line.split()[-8:] for line in lines if "0." in line]
    assert figures[0] == ["0.1197"] * 7 + ["0.8000"]
    assert figures[1] == ["0.0005"] * 7 + ["0.0300"]
    assert [figures[2][-7:], figures[3][-7:]] == [["0.1156"] * 7, ["0.1239"] * 7]
