from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.case import sequence_case, with_overrides
from engine.evaluation.run import evaluate_seeds
from engine.evaluation.vectors import named_file, open_vectors, read_vectors

NAN = np.array([[1.0, 2.0], [np.nan, 1.0]])


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "image.npz", **arrays)  # type: ignore[arg-type]
    return folder / "image.npz"


def test_rows_go_to_items_by_number(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.array([[1, 1], [2, 2], [3, 3], [4, 4]], dtype=np.float16))
    found, unknown = read_vectors(tmp_path / "image.npy", ["2", "0", "7"])
    assert found.dtype == np.float32
    assert found.tolist() == [[3, 3], [1, 1], [0, 0]]  # the file has no row 7
    assert unknown == 2


def test_rows_go_to_items_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path, item_ids=np.array(["b", "z", "a"]), vectors=np.array([[1.0], [2.0], [3.0]]))
    found, unknown = read_vectors(path, ["a", "b"])
    assert found.tolist() == [[3], [1]] and unknown == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.ones((2, 2))}, "no array item_ids"),
        ({"item_ids": np.array(["a"]), "vectors": np.ones((2, 2))}, "as many ids"),
        ({"item_ids": np.array(["a", "a"]), "vectors": np.ones((2, 2))}, "two vectors"),
        ({"item_ids": np.array(["a", "b"]), "vectors": np.ones(2)}, "no table"),
        ({"item_ids": np.array(["a", "b"]), "vectors": np.array([["x"], ["y"]])}, "no table"),
        ({"item_ids": np.array(["x", "y"]), "vectors": np.ones((2, 2))}, "No row belongs"),
        ({"item_ids": np.array(["a", "b"]), "vectors": NAN}, "not finite"),
        ({"item_ids": np.array(["a", "b"]), "vectors": np.zeros((2, 2))}, "are zero"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as raised:
        read_vectors(saved(tmp_path, **arrays), ["a", "b"])
    assert raised.value.field == "image.npz"


def test_a_missing_cut_or_pickled_file_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", np.ones((40, 40)))
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:100])
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and nothing")
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    for name in ("none.npy", "cut.npy", "cut.npz", "objects.npy"):
        with pytest.raises(InvalidInputError) as raised:
            read_vectors(tmp_path / name, ["0"])
        assert raised.value.field == name


@pytest.mark.parametrize("text", ["image", "=x.npy", "image=", "Image=x.npy", "a b=x.npy"])
def test_the_option_is_a_name_and_a_file(text: str) -> None:
    assert named_file("image=a=b.npy") == ("image", Path("a=b.npy"))
    with pytest.raises(InvalidInputError) as raised:
        named_file(text)
    assert raised.value.value == text


def test_given_modalities_are_fused_and_their_weights_shown(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{user} " + " ".join(str((user + step) % 20) for step in range(6)) for user in range(40)]
    (tmp_path / "ring.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, width in (("image", 6), ("audio", 4), ("text", 5)):
        vectors = rng.normal(size=(20, width))
        vectors[3] = 0  # an item without any
        np.save(tmp_path / f"{name}.npy", vectors)
    settings = with_overrides(["training.epochs=1", "training.threads=1", "model.dim=8", "model.layers=1"])
    files = {name: tmp_path / f"{name}.npy" for name in ("image", "audio", "text")}
    case = sequence_case(tmp_path / "ring.txt", settings, vectors=files)
    assert case.describe()["modalities"] == {"text": 19, "image": 19, "audio": 19}
    found = evaluate_seeds(case, [1], folder=tmp_path / "runs")
    assert set(found["fusion_weights"]) == {"text", "image", "audio"}
    assert sum(found["fusion_weights"].values()) == pytest.approx(1, abs=1e-5)


def test_rows_of_parquet_go_to_items_by_name(tmp_path: Path) -> None:
    table = pl.DataFrame({"item_id": ["b", "a"], "vector": [[1.0, 2.0], [3.0, 4.0]]})
    table.write_parquet(tmp_path / "image.parquet")
    found, unknown = read_vectors(tmp_path / "image.parquet", ["a", "c"])
    assert found.tolist() == [[3, 4], [0, 0]] and unknown == 1
    numbered = table.with_columns(item_id=pl.Series([7, 8]), vector=table["vector"].list.to_array(2))
    numbered.write_parquet(tmp_path / "array.parquet")
    assert open_vectors(tmp_path / "array.parquet").of(["8", "x"]).tolist() == [[3, 4], [0, 0]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"item": ["a"], "vector": [[1.0]]}, "no column item_id"),
        ({"item_id": ["a"], "image": [[1.0]]}, "no column vector"),
        ({"item_id": ["a"], "vector": [1.0]}, "no list"),
        ({"item_id": ["a", "b"], "vector": [[1.0], None]}, "no list"),
        ({"item_id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "several lengths"),
        ({"item_id": ["a"], "vector": [["x"]]}, "no table"),
        ({"item_id": ["a", "a"], "vector": [[1.0], [2.0]]}, "two vectors"),
    ],
)
def test_parquet_that_does_not_fit_is_named(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    pl.DataFrame(columns).write_parquet(tmp_path / "image.parquet")
    with pytest.raises(InvalidInputError, match=message):
        read_vectors(tmp_path / "image.parquet", ["a", "b"])


def test_parquet_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "image.parquet").write_text("no table")
    for name in ("image.parquet", "none.parquet"):
        with pytest.raises(InvalidInputError) as raised:
            read_vectors(tmp_path / name, ["a"])
        assert raised.value.field == name
