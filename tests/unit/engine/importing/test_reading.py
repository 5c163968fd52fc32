from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from engine.errors import InvalidInputError
from engine.importing.reading import ROW, FileSource, TableSource, column_of


def table_of(source: FileSource | TableSource, rows: int = 100) -> pl.DataFrame:
    return pl.concat([chunk.table for chunk in source.chunks(rows)])


@pytest.fixture
def table() -> pl.DataFrame:
    return pl.DataFrame({"id": ["a", "b", "c"], "n": [1, None, 3]})


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_every_format_gives_the_same_rows_in_chunks(tmp_path: Path, table: pl.DataFrame, rows: int) -> None:
    table.write_csv(tmp_path / "t.csv")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    table.write_ndjson(tmp_path / "t.jsonl")
    table.write_parquet(tmp_path / "t.parquet")
    for name, first in (("t.csv", 2), ("t.csv.gz", 2), ("t.jsonl", 1), ("t.parquet", 1)):
        source = FileSource(tmp_path / name)
        assert source.columns() == ["id", "n"]
        assert len(source.digest()) == 64
        chunks = list(source.chunks(rows))
        assert [chunk.rows for chunk in chunks] == [min(rows, 3 - start) for start in range(0, 3, rows)]
        assert chunks[-1].share_read == 1.0
        read = [
            row for chunk in chunks for row in zip(chunk.table[ROW], chunk.table["id"], chunk.table["n"], strict=True)
        ]
        assert [(row, name) for row, name, _ in read] == [(first, "a"), (first + 1, "b"), (first + 2, "c")]
        assert [int(n) if n else None for _, _, n in read] == [1, None, 3]


def test_a_table_is_a_source(table: pl.DataFrame) -> None:
    source = TableSource("t", table, "1")
    assert table_of(source, 2)[ROW].to_list() == [1, 2, 3]
    assert source.digest() == TableSource("t", table, "1").digest() != TableSource("t", table, "2").digest()
    assert list(TableSource("none", table.head(0), "1").chunks()) == []


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"a": 1}\n\n[1]\n{"a": \xff}\n{"a": 2, "b": ["x", null]}\nnot json\n' + b"[" * 100_000 + b"\n")
    [chunk] = FileSource(path).chunks()
    assert chunk.table[ROW].to_list() == [1, 5]
    assert chunk.table["a"].to_list() == [1, 2]
    assert [rejection.row for rejection in chunk.broken] == [3, 4, 6, 7]
    assert chunk.rows == 6


def test_a_cut_off_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(9999)))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match="damaged or cut off") as caught:
        list(FileSource(path).chunks())
    assert caught.value.value == str(path)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InvalidInputError, match="damaged"):
        FileSource(tmp_path / "cut.parquet").columns()


@pytest.mark.parametrize(("name", "data"), [("x.csv", b""), ("x.bin", b"a,b\n1,2\n"), ("x.parquet", b"a,b\n1,2\n")])
def test_a_file_of_no_known_format_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidInputError):
        FileSource(tmp_path / name)


def test_a_missing_file_or_wrong_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read"):
        FileSource(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(InvalidInputError, match="not known"):
        FileSource(tmp_path / "x.csv", file_format="xml")
    assert FileSource(tmp_path / "x.csv", file_format="csv").columns() == ["a"]


@pytest.mark.parametrize(
    ("values", "dtype", "read"),
    [
        (["a", None], pl.String, ["a", None]),
        ([1, None], pl.Int64, [1, None]),
        ([1.5, None], pl.Float64, [1.5, None]),
        ([True, None], pl.Boolean, [True, None]),
        ([["a"], None], pl.List(pl.String), [["a"], None]),
        ([1, 2.0, 2.5, "a", True, None, {"b": 1}], pl.String, ["1", "2", "2.5", "a", "true", None, '{"b": 1}']),
        ([2**70], pl.String, [str(2**70)]),
        (["\ud800"], pl.String, ["\\ud800"]),
        ([], pl.String, []),
        ([None], pl.String, [None]),
    ],
)
def test_columns_of_plain_values(values: list[object], dtype: pl.DataType, read: list[object]) -> None:
    column = column_of(values)
    assert column.dtype == dtype
    assert column.to_list() == read


def test_json_of_every_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("\n".join(json.dumps(row) for row in ({"id": 1}, {"id": "x", "tags": ["a"]}, {"tags": []})))
    read = table_of(FileSource(path))
    assert read["id"].to_list() == ["1", "x", None]
    assert read["tags"].to_list() == [None, ["a"], []]
