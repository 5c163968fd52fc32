"""One import from its beginning to its end: counts, progress, rejected rows, ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.domain import EpochMs
from engine.errors import ImportLimitError
from engine.graph.store import GraphStore
from engine.importing.ledger import Ledger
from engine.importing.reading import CHUNK_ROWS, Chunk, Source
from engine.importing.rejects import Rejection, RejectLimit, Rejects

Progress = Callable[[str, int, int | None], None]
"""Told a stage, what is done of it and of how many; none where that is not known."""

State = Literal["finished", "known", "checked"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How an import runs, whatever its kind.

    Attributes:
        rejects: File for rejected rows.
        limit: When a file is hopeless.
        again: Do it also where the ledger knows it as finished.
        chunk_rows: Rows in memory at once.
        progress: Told how it goes on.
    """

    rejects: Path | None = None
    limit: RejectLimit = field(default_factory=RejectLimit)
    again: bool = False
    chunk_rows: int = CHUNK_ROWS
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        kind: items, users, events or social.
        source: Name of the file or table.
        state: `finished`, `known` (an earlier import of the same had finished: nothing was done), or `checked`
            (only checked, nothing written).
        rows: Rows read; accepted + duplicates + rejected.
        accepted: Rows that changed the graph.
        duplicates: Rows that the graph, or the file before them, held already.
        rejected: Rows that were not accepted.
        seconds: How long it took.
        rejects: File that names the rejected rows, where there are any.
        first: The first few of them.
        notes: What was guessed or decided: columns, units of time.
    """

    kind: str
    source: str
    state: State
    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    seconds: float = 0.0
    rejects: Path | None = None
    first: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return {
            "kind": self.kind,
            "source": self.source,
            "state": self.state,
            "rows": self.rows,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "seconds": round(self.seconds, 3),
            "rejects": None if self.rejects is None else str(self.rejects),
            "notes": list(self.notes),
        }


class ImportRun:
    """The state of one import.

    Args:
        store: The graph; none checks only.
        source: Where rows come from.
        kind: What is imported.
        mapping: Columns and options that decide what is written.
        options: How it runs.
    """

    def __init__(
        self, store: GraphStore | None, source: Source, *, kind: str, mapping: Mapping[str, Any], options: ImportOptions
    ) -> None:
        self.rows = 0
        self.done = 0
        self.accepted = 0
        self.duplicates = 0
        self.notes: list[str] = []
        self._began = time.monotonic()
        self._store = store
        self._source = source
        self._kind = kind
        self._options = options
        self._share_read = 0.0
        self._refused_late = 0
        self._ledger = Ledger(
            store,
            kind=kind,
            source=source.name,
            sha256=source.digest(),
            mapping={**mapping, "chunk_rows": options.chunk_rows},
        )
        self._standing = self._ledger.begin(again=options.again)
        self.rejects = Rejects(options.rejects, options.limit)

    @property
    def known(self) -> ImportReport | None:
        """The report of an import that an earlier one has finished already."""
        standing = self._standing
        if not standing.finished:
            return None
        return ImportReport(
            self._kind,
            self._source.name,
            "known",
            rows=standing.rows,
            duplicates=standing.rows - standing.rejected,
            rejected=standing.rejected,
            seconds=time.monotonic() - self._began,
            notes=("an earlier import of the same file and columns has finished",),
        )

    @property
    def now(self) -> EpochMs:
        """The present for checks, epoch ms: when the import first began."""
        return self._standing.started_at

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the rejects file open, check the limit at the end, and write the end to the ledger."""
        self.accepted, self.duplicates = self._standing.accepted, self._standing.duplicates
        with self.rejects:
            try:
                yield
                self.rejects.check(self.rows, at_end=True)
            except ImportLimitError:
                self._finish(stopped=True)
                raise
        self._finish(stopped=False)

    def chunks(self) -> Iterator[Chunk]:
        """Give the chunks of the source, counting rows and taking note of broken ones."""
        for chunk in self._source.chunks(self._options.chunk_rows):
            self.rows += chunk.rows
            self._share_read = chunk.share_read
            self.reject(chunk.broken)
            yield chunk

    def reject(self, rejections: Iterable[Rejection]) -> None:
        """Take note of rows that are not accepted, and stop a hopeless file."""
        self.rejects.add(rejections)
        self.rejects.check(self.rows)

    def is_written(self, rows: int) -> bool:
        """Tell whether an earlier try has written the next rows; if so they count as done."""
        if self.done + rows > self._standing.cursor:
            return False
        self.done += rows
        return True

    def wrote(self, rows: int, *, accepted: int, refused: int = 0) -> None:
        """Count rows that are done with for certain, in the order of writing.

        Args:
            rows: How many.
            accepted: Of these, those that changed the graph.
            refused: Of these, those that were rejected only when they were to be written.
        """
        self.done += rows
        self.accepted += accepted
        self.duplicates += rows - accepted - refused
        self._refused_late += refused
        # Rows that another try may accept must be read again by it.
        if self.done > self._standing.cursor and not self.rejects.unsettled:
            self._ledger.advance(self.done, self.accepted, self.duplicates)

    def report_progress(self, stage: str) -> None:
        """Tell how many rows are done, and of about how many."""
        if self._options.progress is not None:
            done = self.done + self.rejects.rows - self._refused_late
            total = round(self.rows / self._share_read) if self._share_read > 0 else None
            self._options.progress(stage, done, None if total is None else max(total, done))

    def tell(self, stage: str, done: int, total: int | None) -> None:
        """Pass on the progress of a stage that counts something else than rows."""
        if self._options.progress is not None:
            self._options.progress(stage, done, total)

    def report(self) -> ImportReport:
        """Give the report of an import that has ended."""
        return ImportReport(
            self._kind,
            self._source.name,
            "checked" if self._store is None else "finished",
            rows=self.rows,
            accepted=self.accepted,
            duplicates=self.duplicates,
            rejected=self.rejects.rows,
            seconds=time.monotonic() - self._began,
            rejects=self.rejects.written_to,
            first=tuple(self.rejects.first),
            notes=tuple(self.notes),
        )

    def _finish(self, *, stopped: bool) -> None:
        self._ledger.finish(
            rows=self.rows,
            accepted=self.accepted,
            duplicates=self.duplicates,
            rejected=self.rejects.rows,
            unsettled=self.rejects.unsettled,
            stopped=stopped,
        )
