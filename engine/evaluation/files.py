"""Public data sets as files: sequences, items, attributes, timestamped events.

The rules, so that nothing is dropped in silence; every count stands in `Source.notes`:

- The catalogue is every item of the sequences or events and of the items file. Ids are names: gaps and letters are
  fine.
- An attribute of an item that is not in the catalogue is left out and counted.
- A sequence file whose last line has no line end may be cut; that is noted.
- Blank lines are skipped. Everything else that does not fit is an error that names file and line.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import numpy as np
from scipy import sparse

from engine.errors import InvalidInputError
from engine.training.data import InteractionTable, ItemTable

_LIST_COLUMNS: Final = ("genres", "categories", "attributes", "tags")
_TIME_COLUMNS: Final = ("at", "timestamp", "time")
_TYPE_COLUMNS: Final = ("type", "event")
_SECONDS_BELOW: Final = 100_000_000_000
"""Whole numbers below it are seconds since 1970, above it milliseconds (it is March 1973 in milliseconds)."""
_TYPE_ALIASES: Final = {"buy": "purchase", "transaction": "purchase", "addtocart": "cart"}
UNKNOWN_TYPE: Final = ""
TAKEN: Final = "taken"
"""The one event type of sequences."""


@dataclass(frozen=True, slots=True)
class Source:
    """What was read.

    Attributes:
        interactions: Behaviour; sequences without times have 0, 1, 2, … ms.
        items: Ids, titles and attributes; `content` is still empty.
        texts: Text of each item for the encoder; all empty where there is no items file.
        event_types: Vocabulary, place 0 is unknown.
        notes: What was skipped or odd, by name, with its number.
    """

    interactions: InteractionTable
    items: ItemTable
    texts: Sequence[str]
    event_types: Sequence[str]
    notes: Mapping[str, int]


def read_sequences(path: Path, *, items: Path | None = None, attributes: Path | None = None) -> Source:
    """Read a sequence file: one line a user, the user's id and then item ids, oldest first.

    Args:
        path: The file, plain or .gz.
        items: CSV with `item_id`, `title`, and lists split by | in `genres`, `categories`, `attributes` or `tags`.
        attributes: JSON of item id to a list of attribute ids.

    Raises:
        InvalidInputError: A file is missing, empty, cut, or has a line that does not fit; it names file and line.
    """
    user_ids: list[str] = []
    lines: dict[str, int] = {}
    index: dict[str, int] = {}
    taken: list[int] = []
    lengths: list[int] = []
    ended = True
    for number, line in _lines(path):
        ended = line.endswith("\n")
        parts = line.split()
        if not parts:
            continue
        user_id, own = parts[0], parts[1:]
        if user_id in lines:
            raise _bad(path, number, f"The user stands on line {lines[user_id]} already.", user_id)
        if not own:
            raise _bad(path, number, "The user has no items.", user_id)
        lines[user_id] = number
        user_ids.append(user_id)
        taken.extend(index.setdefault(item_id, len(index)) for item_id in own)
        lengths.append(len(own))
    if not user_ids:
        raise InvalidInputError(
            "The file has no sequences.",
            field=path.name,
            value=str(path),
            remedy="Give one line a user: user id, then item ids, oldest first.",
        )
    table, texts, notes = _catalogue(index, items, attributes)
    if not ended:
        notes["last_line_has_no_end"] = 1
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    places = np.arange(len(taken)) - np.repeat(offsets[:-1], lengths)
    interactions = InteractionTable(
        user_ids, offsets, np.array(taken, dtype=np.int32), np.ones(len(taken), dtype=np.int32), places
    )
    return Source(interactions, table, texts, (UNKNOWN_TYPE, TAKEN), notes)


def read_events(
    path: Path, *, event_types: Sequence[str], items: Path | None = None, attributes: Path | None = None
) -> Source:
    """Read timestamped events: CSV with `user_id`, `item_id`, `type` or `event`, and `at` or `timestamp`.

    Times are seconds or milliseconds since 1970 (told apart by their size), or ISO 8601 with a zone.

    Args:
        path: The file, plain or .gz.
        event_types: Known types, without the unknown one; `buy` is read as `purchase`.
        items: As in `read_sequences`.
        attributes: As in `read_sequences`.

    Raises:
        InvalidInputError: As in `read_sequences`, or a type is unknown.
    """
    types = {name: place for place, name in enumerate(event_types, start=1)}
    users: dict[str, int] = {}
    index: dict[str, int] = {}
    columns: list[tuple[int, int, int, int]] = []
    time_column = type_column = None
    for number, row in _rows(path, ("user_id", "item_id")):
        if time_column is None:
            time_column = next((name for name in _TIME_COLUMNS if name in row), None)
            type_column = next((name for name in _TYPE_COLUMNS if name in row), None)
            if time_column is None:
                raise _bad(path, 1, "There is no column at or timestamp.", ",".join(row))
        name = row[type_column].strip().lower() if type_column else "view"
        place = types.get(_TYPE_ALIASES.get(name, name))
        if place is None:
            raise _bad(path, number, "The event type is unknown.", name)
        at = _time(path, number, row[time_column])
        user = users.setdefault(row["user_id"], len(users))
        columns.append((user, index.setdefault(row["item_id"], len(index)), place, at))
    if not columns:
        raise InvalidInputError("The file has no events.", field=path.name, value=str(path), remedy="Give some rows.")
    user, item, kind, at = np.array(columns, dtype=np.int64).T
    table, texts, notes = _catalogue(index, items, attributes)
    interactions = InteractionTable.from_columns(user, item, kind, at, list(users))
    return Source(interactions, table, texts, (UNKNOWN_TYPE, *event_types), notes)


def _catalogue(
    index: dict[str, int], items: Path | None, attributes: Path | None
) -> tuple[ItemTable, list[str], dict[str, int]]:
    """Give items, texts and notes; `index` gets the items that only the items file names."""
    notes: dict[str, int] = {}
    titles: dict[int, str] = {}
    of_item: dict[int, list[str]] = {}
    if items is not None:
        before = len(index)
        for number, row in _rows(items, ("item_id",)):
            place = index.setdefault(row["item_id"], len(index))
            if place in titles:
                raise _bad(items, number, "The item stands in the file already.", row["item_id"])
            titles[place] = row.get("title", "")
            of_item[place] = [
                f"{column}:{part}" for column in _LIST_COLUMNS for part in row.get(column, "").split("|") if part
            ]
        notes["items_without_behaviour"] = len(index) - before
        notes["items_without_title"] = len(index) - len(titles)
    if attributes is not None:
        unknown = 0
        for item_id, values in _attributes(attributes).items():
            known = index.get(item_id)
            if known is None:
                unknown += 1
            else:
                of_item.setdefault(known, []).extend(f"attribute:{value}" for value in values)
        notes["attributes_of_unknown_items"] = unknown
    names: dict[str, int] = {}
    rows, columns, weights = [], [], []
    for place, values in of_item.items():
        unique = dict.fromkeys(values)
        for value in unique:
            rows.append(place)
            columns.append(names.setdefault(value, len(names)))
            weights.append(1 / len(unique))
    about = sparse.coo_array(
        (np.array(weights, dtype=np.float32), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(len(index), len(names)),
    ).tocsr()
    texts = [titles.get(place, "") for place in range(len(index))]
    return ItemTable(list(index), texts, None, about, list(names)), texts, notes


def _attributes(path: Path) -> Mapping[str, Iterable[object]]:
    text = "\n".join(line for _, line in _lines(path))
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            "The attributes are not JSON; the file may be cut.", field=path.name, value=str(error)
        ) from error
    if not isinstance(found, dict) or not all(isinstance(values, list) for values in found.values()):
        raise InvalidInputError("The attributes must map item ids to lists.", field=path.name, value=str(path))
    return found


def _rows(path: Path, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Give line number and row of a CSV file with a header."""
    with _open(path) as stream:
        reader = csv.reader(_guarded(path, stream), strict=True)
        try:
            header = next(reader, [])
            missing = [name for name in required if name not in header]
            if missing:
                raise _bad(path, 1, f"There is no column {missing[0]}.", ",".join(header))
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise _bad(path, reader.line_num, f"The row has {len(row)} of {len(header)} columns.", row[0])
                found = dict(zip(header, row, strict=True))
                empty = next((name for name in required if not found[name].strip()), None)
                if empty is not None:
                    raise _bad(path, reader.line_num, f"The column {empty} is empty.", ",".join(row))
                yield reader.line_num, found
        except csv.Error as error:
            raise _bad(path, reader.line_num, f"This is no CSV: {error}.", None) from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with _open(path) as stream:
        yield from enumerate(_guarded(path, stream), start=1)


def _guarded(path: Path, stream: IO[str]) -> Iterator[str]:
    """Pass the lines on; a cut or damaged file is an error that names it."""
    try:
        yield from stream
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"The file is cut or damaged: {error}.", field=path.name, value=str(path), remedy="Fetch it again."
        ) from error


def _open(path: Path) -> IO[str]:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInputError(
            f"The file cannot be read: {error.strerror}.", field=path.name, value=str(path), remedy="Give its path."
        ) from error


def _time(path: Path, number: int, value: str) -> int:
    try:
        amount = float(value)
    except ValueError:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _bad(path, number, "The time is neither a number nor ISO 8601.", value) from None
        if moment.tzinfo is None:
            raise _bad(path, number, "The time has no zone.", value) from None
        return int(moment.astimezone(UTC).timestamp() * 1000)
    if not math.isfinite(amount) or amount < 0:
        raise _bad(path, number, "The time is no number of seconds.", value)
    return int(amount * 1000) if amount < _SECONDS_BELOW else int(amount)


def _bad(path: Path, line: int, message: str, value: str | None) -> InvalidInputError:
    return InvalidInputError(message, field=f"{path.name}:{line}", value=value)
