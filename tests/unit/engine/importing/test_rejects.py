from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.errors import ImportLimitError, InvalidInputError
from engine.importing.rejects import Rejection, RejectLimit, Rejects


def test_each_rejection_is_a_line_and_rows_are_counted_once(tmp_path: Path) -> None:
    found = [
        Rejection(2, "id", "", "This field is required."),
        Rejection(2, "at", "x", "This is not a time."),
        Rejection(7, "value", float("inf"), "Not finite.", settled=False),
    ]
    for name in ("sub/r.jsonl", "r.csv"):
        with Rejects(tmp_path / name, RejectLimit()) as rejects:
            rejects.add(found)
        assert (rejects.rows, rejects.unsettled, rejects.written_to) == (2, 1, tmp_path / name)
    lines = [json.loads(line) for line in (tmp_path / "sub/r.jsonl").read_text().splitlines()]
    assert lines[1] == {"row": 2, "field": "at", "value": "x", "reason": "This is not a time."}
    with (tmp_path / "r.csv").open(newline="") as file:
        assert list(csv.reader(file))[3] == ["7", "value", "inf", "Not finite."]


def test_without_rejections_there_is_no_file_not_even_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("of an earlier run")
    with Rejects(path, RejectLimit()) as rejects:
        rejects.check(0, at_end=True)
    assert not path.exists()
    assert rejects.written_to is None


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    with Rejects(tmp_path / "r.jsonl", RejectLimit()) as rejects:
        rejects.add([Rejection(1, "id", "x" * 10_000, "Too long.")])
    assert len((tmp_path / "r.jsonl").read_text()) < 400


@pytest.mark.parametrize(
    ("limit", "rejected", "rows", "at_end", "stops"),
    [
        (RejectLimit(0.1, None), 101, 1000, False, True),
        (RejectLimit(0.1, None), 100, 1000, False, False),
        (RejectLimit(0.1, None), 50, 100, False, False),  # too early to judge
        (RejectLimit(0.1, None), 50, 100, True, True),
        (RejectLimit(1.0, 10), 11, 1_000_000, False, True),
        (RejectLimit(1.0, 10), 10, 10, True, False),
        (RejectLimit(0.0, 0), 0, 10, True, False),
    ],
)
def test_a_hopeless_file_is_stopped(limit: RejectLimit, rejected: int, rows: int, at_end: bool, stops: bool) -> None:
    rejects = Rejects(None, limit)
    rejects.add(Rejection(row, "at", "x", "This is not a time.") for row in range(rejected))
    if not stops:
        rejects.check(rows, at_end=at_end)
        return
    with pytest.raises(ImportLimitError, match=f"{rejected} of {rows} rows .*at: This is not a time.*{rejected} times"):
        rejects.check(rows, at_end=at_end)


@pytest.mark.parametrize(("share", "rows"), [(1.1, 1), (-0.1, 1), (0.1, -1)])
def test_limits_are_checked(share: float, rows: int) -> None:
    with pytest.raises(InvalidInputError):
        RejectLimit(share, rows)
