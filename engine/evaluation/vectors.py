"""Vectors of items given as files, one file a modality.

`.npy` holds one row an item; row r belongs to the item whose id is r, so ids are whole numbers. `.npz` holds `item_ids`
and `vectors` of equal length, for ids of any kind. A row of zeros, or no row, says that the item has none. Rows of
items that are not in the catalogue are left out and counted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidInputError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_REMEDY: Final = "Give NAME=FILE.npy, one row an item by its number, or NAME=FILE.npz with item_ids and vectors."


def named_file(text: str) -> tuple[str, Path]:
    """Split `NAME=FILE`.

    Raises:
        InvalidInputError: It is not of that form.
    """
    name, equals, path = text.partition("=")
    if not equals or not path or not _NAME.fullmatch(name):
        raise InvalidInputError("This names no modality and file.", field="--modality", value=text, remedy=_REMEDY)
    return name, Path(path)


def read_vectors(path: Path, item_ids: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
    """Read the vectors of the items of a catalogue.

    Args:
        path: `.npy` or `.npz`.
        item_ids: The catalogue [I].

    Returns:
        Vectors float32 [I, C], and the number of rows that belong to no item.

    Raises:
        InvalidInputError: The file does not fit.
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
    if names is not None and len(names) != len(rows):
        raise _bad(path, "There are not as many ids as vectors.", f"{len(names)} and {len(rows)}")
    if names is not None and len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise _bad(path, "An item has two vectors.", twice)
    place_of = {name: place for place, name in enumerate(names)} if names is not None else _numbers(len(rows))
    vectors = np.zeros((len(item_ids), rows.shape[1]), dtype=np.float32)
    known = [(place, place_of[item_id]) for place, item_id in enumerate(item_ids) if item_id in place_of]
    if not known:
        raise _bad(path, "No row belongs to an item of the data.", next(iter(place_of), None))
    own, theirs = (list(column) for column in zip(*known, strict=True))
    vectors[own] = rows[theirs]
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise _bad(path, "A vector has a number that is not finite.", item_ids[bad])
    if not vectors.any():
        raise _bad(path, "All vectors are zero.", None)
    return vectors, len(rows) - len(known)


def _numbers(rows: int) -> dict[str, int]:
    return {str(row): row for row in range(rows)}


def _load(path: Path) -> npt.NDArray[np.generic] | dict[str, npt.NDArray[np.generic]]:
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


def _bad(path: Path, message: str, value: str | None) -> InvalidInputError:
    return InvalidInputError(message, field=path.name, value=value, remedy=_REMEDY)
