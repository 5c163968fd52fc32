"""Breaking the order of days where only catalogue numbers tell it."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.shuffled import catalogue_numbers, main, runs, shuffled
from engine.errors import InvalidInputError

NUMBERS = {name: f"B{place}" for place, name in enumerate("abcde")}


def test_a_run_ends_where_the_number_falls() -> None:
    assert runs(list("acbde"), NUMBERS) == [["a", "c"], ["b", "d", "e"]]
    assert runs(list("ba"), NUMBERS) == [["b"], ["a"]]
    assert runs([], NUMBERS) == []


def test_items_change_places_within_their_run_alone() -> None:
    orders = {tuple(shuffled(list("acbde"), NUMBERS, np.random.default_rng(seed))) for seed in range(200)}
    assert len(orders) == 2 * 6
    assert {frozenset(order[:2]) for order in orders} == {frozenset("ac")}


def test_the_same_seed_gives_the_same_order() -> None:
    first, second = (shuffled(list("abcde"), NUMBERS, np.random.default_rng(3)) for _ in range(2))
    assert first == second


def _folder(path: Path, items: str, sequences: str) -> Path:
    path.mkdir()
    for name, content in (("items.csv.gz", items), ("sequences.txt.gz", sequences)):
        (path / name).write_bytes(gzip.compress(content.encode()))
    return path


def test_a_folder_is_written_beside_the_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _folder(tmp_path / "data", "item_id,asin,title\n1,B1,x\n2,B2,y\n3,B0,z\n", "7 1 2 3\n")
    monkeypatch.setattr(sys, "argv", ["shuffled", str(folder), str(tmp_path / "new")])
    main()
    with gzip.open(tmp_path / "new" / "sequences.txt.gz", "rt") as file:
        assert file.read() in ("7 1 2 3\n", "7 2 1 3\n")
    assert (tmp_path / "new" / "items.csv.gz").read_bytes() == (folder / "items.csv.gz").read_bytes()


@pytest.mark.parametrize(("sequences", "same"), [("7 1 2\n", True), ("7 1 9\n", False)])
def test_nothing_is_lost_or_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequences: str, *, same: bool
) -> None:
    folder = _folder(tmp_path / "data", "item_id,asin\n1,B1\n2,B2\n", sequences)
    target = folder if same else tmp_path / "new"
    monkeypatch.setattr(sys, "argv", ["shuffled", str(folder), str(target)])
    with pytest.raises(SystemExit):
        main()
    with gzip.open(folder / "sequences.txt.gz", "rt") as file:
        assert file.read() == sequences
    assert same or not target.exists()


def test_items_without_a_number_are_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "data", "item_id,title\n1,x\n", "7 1\n")
    with pytest.raises(InvalidInputError, match="catalogue number"):
        catalogue_numbers(folder / "items.csv.gz")
