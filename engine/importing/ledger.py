"""The record of imports in the graph: a finished one is not done again, a killed one goes on where it stood.

That nothing is written twice does not rest on it: events have ids, and everything else is set, not added.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.domain import EpochMs, now_ms
from engine.graph.store import GraphStore

_LAYOUT: Final = 1
"""Raised when rows or batches are ordered in another way, so that a cursor of before is not used."""

_ADVANCE_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an import stands.

    Attributes:
        finished: There is nothing to do.
        cursor: Rows written for certain, in the order in which they are written.
        accepted: Of these, those that changed the graph.
        duplicates: Of these, those that the graph held before.
        started_at: When it first began, epoch ms: the present for its checks, so that a resumed one checks the same.
        rows: Rows of the source, when it is finished.
        rejected: Rejected rows, when it is finished.
    """

    finished: bool = False
    cursor: int = 0
    accepted: int = 0
    duplicates: int = 0
    started_at: EpochMs = 0
    rows: int = 0
    rejected: int = 0


class Ledger:
    """One import's entry.

    Args:
        store: The graph; none for a try that writes nothing.
        kind: What is imported.
        source: Name of the file or data set.
        sha256: Of its content.
        mapping: Columns and options, anything JSON can say.
    """

    def __init__(
        self, store: GraphStore | None, *, kind: str, source: str, sha256: str, mapping: Mapping[str, Any]
    ) -> None:
        text = json.dumps([_LAYOUT, mapping], sort_keys=True, default=str)
        self._store = store
        self._kind = kind
        self._source = source
        self._sha256 = sha256
        self._mapping = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        self._advanced = time.monotonic()
        self.id = f"{kind}:{hashlib.sha256((sha256 + self._mapping).encode()).hexdigest()[:32]}"

    def begin(self, *, again: bool = False) -> Standing:
        """Begin, or take up an earlier import of the same.

        Args:
            again: Begin from the start in any case.
        """
        if self._store is None:
            return Standing(started_at=now_ms())
        [row] = self._store.write(
            "imports/begin",
            id=self.id,
            kind=self._kind,
            source=self._source,
            sha256=self._sha256,
            mapping=self._mapping,
            now=now_ms(),
            again=again,
        )
        return Standing(
            finished=row["state"] == "finished",
            cursor=row["cursor"],
            accepted=row["accepted"],
            duplicates=row["duplicates"],
            started_at=row["started_at"],
            rows=row["rows"],
            rejected=row["rejected"],
        )

    def advance(self, cursor: int, accepted: int, duplicates: int) -> None:
        """Note how many rows are written for certain; at most once a second, for it costs a transaction."""
        if self._store is None or time.monotonic() - self._advanced < _ADVANCE_EVERY_S:
            return
        self._store.write(
            "imports/advance", id=self.id, cursor=cursor, accepted=accepted, duplicates=duplicates, now=now_ms()
        )
        self._advanced = time.monotonic()

    def finish(
        self, *, rows: int, accepted: int, duplicates: int, rejected: int, unsettled: int, stopped: bool = False
    ) -> None:
        """Note the end.

        Args:
            rows: Rows of the source.
            accepted: Those that changed the graph.
            duplicates: Those that the graph held before.
            rejected: Those that were not accepted.
            unsettled: Of these, those that another try may accept.
            stopped: It was hopeless; the next try begins anew.
        """
        if self._store is None:
            return
        self._store.write(
            "imports/finish",
            id=self.id,
            state="stopped" if stopped else "finished",
            rows=rows,
            accepted=accepted,
            duplicates=duplicates,
            rejected=rejected,
            unsettled=unsettled,
            now=now_ms(),
        )
