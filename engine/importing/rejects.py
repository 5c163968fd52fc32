"""Rows that were not accepted: each named with row, field, value and reason, and a limit for hopeless files."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from engine.errors import ImportLimitError, InvalidInputError, shorten

FIELDS: Final = ("row", "field", "value", "reason")
DEFAULT_MAX_SHARE: Final = 0.1
DEFAULT_MAX_ROWS: Final = 10_000
_LEAST_ROWS_FOR_SHARE: Final = 1_000
"""A share says little about the first rows of a file; at its end it holds whatever its length."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one row was not accepted.

    Attributes:
        row: Line in a text file, the header being line 1; number of the row in a Parquet file or a table, from 1.
        field: The field, as this project names it; empty where the whole row is broken.
        value: What stood there.
        reason: What is wrong, one sentence.
        settled: False where the same row may be accepted another time: it names what is not in the graph yet, or
            lies in the future.
    """

    row: int
    field: str
    value: Any
    reason: str
    settled: bool = True


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """When a file is hopeless.

    Attributes:
        max_share: Largest share of rejected rows, 0 to 1; checked from the first thousand rows on, and at the end.
        max_rows: Most rejected rows; none for no limit.
    """

    max_share: float = DEFAULT_MAX_SHARE
    max_rows: int | None = DEFAULT_MAX_ROWS

    def __post_init__(self) -> None:
        if not 0 <= self.max_share <= 1:
            raise InvalidInputError(
                "A share lies between 0 and 1.", field="max_reject_share", value=self.max_share, remedy="Give 0.1."
            )
        if self.max_rows is not None and self.max_rows < 0:
            raise InvalidInputError("A count is not negative.", field="max_rejects", value=self.max_rows)


class Rejects:
    """Collects rejections and writes them to a file, made with the first one.

    Args:
        path: JSON lines, or CSV where the name ends in `.csv`; none keeps the counts only.
        limit: When to stop.
        shown: Rejections kept for the report.
    """

    def __init__(self, path: Path | None, limit: RejectLimit, *, shown: int = 5) -> None:
        self.path = path
        self.limit = limit
        self.rows = 0
        self.unsettled = 0
        self.first: list[Rejection] = []
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._shown = shown
        self._file: IO[str] | None = None

    @property
    def written_to(self) -> Path | None:
        """The file, where there is one."""
        return self.path if self.rows and self.path is not None else None

    def add(self, rejections: Iterable[Rejection]) -> None:
        """Take rejections; several of one row count once when they stand together."""
        last = None
        for rejection in rejections:
            if rejection.row != last:
                self.rows += 1
                last = rejection.row
                self.unsettled += not rejection.settled
            self.reasons[rejection.field, rejection.reason] += 1
            if len(self.first) < self._shown:
                self.first.append(rejection)
            self._write(rejection)
        if self._file is not None:
            self._file.flush()

    def check(self, rows: int, *, at_end: bool = False) -> None:
        """Stop a hopeless file.

        Args:
            rows: Rows read so far.
            at_end: The whole file was read.

        Raises:
            ImportLimitError: More rows were rejected than the limit allows; it names the commonest reason.
        """
        most = self.limit.max_rows
        over_share = rows > 0 and self.rows / rows > self.limit.max_share
        if not ((most is not None and self.rows > most) or (over_share and (at_end or rows >= _LEAST_ROWS_FOR_SHARE))):
            return
        (field, reason), count = self.reasons.most_common(1)[0]
        where = f" Each is named in {self.path}." if self.path is not None else ""
        raise ImportLimitError(
            f"{self.rows} of {rows} rows were rejected, most often because of {field or 'the row'}: {reason} "
            f"({count} times).{where}",
            field=field or "row",
            value=self.first[0].value,
            remedy="Correct the file or the columns, or raise the limit with --max-reject-share and --max-rejects.",
        )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        if self.path is not None:
            # A file of an earlier run would be taken for this one's.
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, rejection: Rejection) -> None:
        if self.path is None:
            return
        as_csv = self.path.suffix == ".csv"
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="" if as_csv else None)
            if as_csv:
                csv.writer(self._file).writerow(FIELDS)
        values = (rejection.row, rejection.field, shorten(rejection.value), rejection.reason)
        if as_csv:
            csv.writer(self._file).writerow(values)
        else:
            self._file.write(json.dumps(dict(zip(FIELDS, values, strict=True)), ensure_ascii=False) + "\n")
