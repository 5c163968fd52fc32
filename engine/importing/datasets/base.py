"""What an adapter gives: parts, each rows with a mapping, and what was decided where the data is silent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from engine.domain import MS_PER_DAY, EpochMs
from engine.errors import InvalidInputError
from engine.importing.events import EventMapping
from engine.importing.items import ItemMapping
from engine.importing.reading import FileSource, TableSource
from engine.importing.social import SocialMapping
from engine.importing.users import UserMapping

DATA_VARIABLE: Final = "INTERESTGRAPH_DATA"
_DEFAULT_FOLDER: Final = Path("../shared/data")

MS_PER_WEEK: Final = 7 * MS_PER_DAY
MS_PER_HOUR: Final = 3_600_000

SYNTHETIC_END: Final[EpochMs] = 1_577_836_800_000
"""Where sequences without times end: 2020-01-01, before the shift."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one kind.

    Attributes:
        source: The rows.
        mapping: What they become; its kind says which import it is.
    """

    source: FileSource | TableSource
    mapping: ItemMapping | UserMapping | EventMapping | SocialMapping


@dataclass(frozen=True, slots=True)
class Request:
    """What an adapter is asked for.

    Attributes:
        folder: Folder with the data sets' files.
        whole: All of it, where only a part is imported otherwise.
        shift: Gives milliseconds to add to all times, of which the newest is told; whole weeks.
        households: Users at most, where the adapter can choose; all where none is given.
    """

    folder: Path
    whole: bool
    shift: Callable[[EpochMs], int]
    households: int | None = None

    def file(self, *parts: str) -> Path:
        """Give a file of the data sets.

        Raises:
            InvalidInputError: It is not there.
        """
        path = self.folder.joinpath(*parts)
        if not path.is_file():
            raise InvalidInputError(
                "The file of this data set is not there.",
                field="folder",
                value=str(path),
                remedy=f"Say where the data sets are: --folder, or {DATA_VARIABLE}.",
            )
        return path


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set, ready to be imported.

    Attributes:
        parts: In the order in which they are imported.
        notes: What was decided where the data is silent.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def data_folder(given: Path | None) -> Path:
    """Give the folder with the data sets: the given one, `$INTERESTGRAPH_DATA`, or `../shared/data`."""
    return given or Path(os.environ.get(DATA_VARIABLE) or _DEFAULT_FOLDER)


def one_hour_apart(events: pl.DataFrame, shift: Callable[[EpochMs], int]) -> pl.DataFrame:
    """Give events without times, in the order of each user's rows, the column `at`: an hour apart, all ending together.

    Args:
        events: With the column user_id.
        shift: As in `Request`.
    """
    place = pl.int_range(pl.len()).over("user_id")
    length = pl.len().over("user_id")
    end = SYNTHETIC_END + shift(SYNTHETIC_END)
    return events.with_columns((end - (length - 1 - place).cast(pl.Int64) * MS_PER_HOUR).alias("at"))


def weeks_to(newest: EpochMs, now: EpochMs) -> int:
    """Give the whole weeks, in milliseconds, that bring a time into the seven days before now."""
    return (now - newest) // MS_PER_WEEK * MS_PER_WEEK
