"""Vectors of items given as files, one file a modality.

`.npy` holds one row an item; row r belongs to the item whose id is r, so ids are whole numbers. `.npz` holds `item_ids`
and `vectors` of equal length, `.parquet` the columns `item_id` and `vector` (lists of numbers), for ids of any kind. A
row of zeros, or no row, says that the item has none. Rows of items that are not in the catalogue are left out and
counted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.errors import InvalidInputError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FORMS: Final = (
    "a .npy, one row an item by its number, a .npz with item_ids and vectors, or a .parquet with item_id and vector"
)


def named_file(text: str) -> tuple[str, Path]:
    """Split `NAME=FILE`.

    Raises:
        InvalidInputError: It is not of that form.
    """
    name, equals, path = text.partition("=")
    if not equals or not path or not _NAME.fullmatch(name):
        raise InvalidInputError(
            "This names no modality and file.", field="--modality", value=text, remedy=f"Give NAME=FILE: {_FORMS}."
        )
    return name, Path(path)


@dataclass(frozen=True, slots=True)
class VectorFile:
    """Vectors of items as a file gives them.

    Attributes:
        path: The file.
        rows: float32 or of another kind of number [R, C].
        place_of: Row of each item that has one.
    """

    path: Path
    rows: npt.NDArray[np.generic]
    place_of: Mapping[str, int]

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self.rows.shape[1])

    def of(self, item_ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Give the vectors of items float32 [N, C], zeros where the file has none.

        Raises:
            InvalidInputError: A number is not finite.
        """
        vectors = np.zeros((len(item_ids), self.width), dtype=np.float32)
        known = [(place, self.place_of[name]) for place, name in enumerate(item_ids) if name in self.place_of]
        if known:
            own, theirs = (list(column) for column in zip(*known, strict=True))
            vectors[own] = self.rows[theirs]
        if not np.isfinite(vectors).all():
            bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise _bad(self.path, "A vector has a number that is not finite.", item_ids[bad])
        return vectors


def open_vectors(path: Path) -> VectorFile:
    """Read a file of vectors.

    Raises:
        InvalidInputError: It cannot be read, or is no table of numbers with one row an item.
    """
    found = _load(path)
    if isinstance(found, np.ndarray):
        rows, names = found, None
    else:
        if missing := [name for name in ("item_ids", "vectors") if name not in found]:
            raise _bad(path, f"There is no array {missing[0]}.", ", ".join(found))
        rows, names = found["vectors"], [str(name) for name in found["item_ids"].ravel().tolist()]
    if rows.ndim != 2 or not rows.shape[1] or not np.issubdtype(rows.dtype, np.number):
        raise _bad(path, "The vectors are no table of numbers, one row an item.", f"{rows.dtype} {list(rows.shape)}")
    if names is None:
        return VectorFile(path, rows, {str(row): row for row in range(len(rows))})
    if len(names) != len(rows):
        raise _bad(path, "There are not as many ids as vectors.", f"{len(names)} and {len(rows)}")
    place_of = {name: place for place, name in enumerate(names)}
    if len(place_of) != len(names):
        twice = next(name for place, name in enumerate(names) if place_of[name] != place)
        raise _bad(path, "An item has two vectors.", twice)
    return VectorFile(path, rows, place_of)


def read_vectors(path: Path, item_ids: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
    """Read the vectors of the items of a catalogue.

    Args:
        path: `.npy`, `.npz` or `.parquet`.
        item_ids: The catalogue [I].

    Returns:
        Vectors float32 [I, C], and the number of rows that belong to no item.

    Raises:
        InvalidInputError: The file does not fit.
    """
    found = open_vectors(path)
    known = sum(item_id in found.place_of for item_id in item_ids)
    if not known:
        raise _bad(path, "No row belongs to an item of the data.", next(iter(found.place_of), None))
    vectors = found.of(item_ids)
    if not vectors.any():
        raise _bad(path, "All vectors are zero.", None)
    return vectors, len(found.rows) - known


def _load(path: Path) -> npt.NDArray[np.generic] | dict[str, npt.NDArray[np.generic]]:
    if path.suffix == ".parquet":
        return _load_table(path)
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                return {name: found[name] for name in found.files}
    except OSError as error:
        raise _bad(path, f"The file cannot be read: {error.strerror or error}.", str(path)) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _bad(path, f"The file is no .npy or .npz, or it is cut: {error}.", str(path)) from error


def _load_table(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        table = pl.read_parquet(path)
    except OSError as error:
        raise _bad(path, f"The file cannot be read: {error.strerror or error}.", str(path)) from error
    except pl.exceptions.PolarsError as error:
        raise _bad(path, f"The file is no Parquet, or it is cut: {error}.", str(path)) from error
    if missing := [name for name in ("item_id", "vector") if name not in table.columns]:
        raise _bad(path, f"There is no column {missing[0]}.", ", ".join(table.columns))
    lists = table["vector"]
    if not isinstance(lists.dtype, pl.List | pl.Array) or table.null_count().sum_horizontal()[0]:
        raise _bad(path, "The column vector holds no list of numbers in each row.", str(lists.dtype))
    lengths = {len(row) for row in lists}
    if len(lengths) > 1:
        raise _bad(path, "The vectors are of several lengths.", str(sorted(lengths)[:5]))
    rows = np.array(lists.to_list()).reshape(len(lists), -1)
    return {"item_ids": np.array(table["item_id"].cast(pl.String).to_list(), dtype=object), "vectors": rows}


def _bad(path: Path, message: str, value: str | None) -> InvalidInputError:
    return InvalidInputError(message, field=path.name, value=value, remedy=f"Give {_FORMS}.")
