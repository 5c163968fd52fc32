"""Keeps the snapshot of one process in step with the graph.

Every `ranking.refresh_s` it asks for what may have moved and reads just that: rows of CO_OCCURS by the stamp of the
fold (see `engine.ranking.edges`), vectors by the stamp of the write-back (both rise strictly under a lock, so nothing
commits behind them), items by the time of their last change with an overlap for clocks and late commits, and the
pointer to the active version. A new snapshot is made beside the old one and put in its place by one assignment.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from engine.errors import ArtefactError, InterestGraphError, UnavailableError
from engine.graph.store import GraphStore, Tx
from engine.ranking.edges import LateRows, follow_edges
from engine.ranking.encoder import UserEncoder
from engine.ranking.loading import (
    ItemRow,
    load_snapshot,
    merged_interests,
    read_interest_names,
    read_items,
    with_demographics,
    with_inferred,
    with_items,
    with_resembling,
)
from engine.ranking.spaces import follow_space, load_space, open_encoder
from engine.ranking.state import Snapshot
from engine.settings import Settings

OVERLAP_MS: Final = 10_000
_SWEEP_S: Final = 60.0
_SWEEP_SHARE: Final = 0.1
_RETRY_MODEL_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 5.0
_HOLES_SHARE: Final = 0.2
_LEAST_HOLES: Final = 100
_REBASE_HALF_LIVES: Final = 20
_NOTHING_SINCE: Final = 2**62
_log = structlog.get_logger("engine.ranking")


@dataclass(frozen=True, slots=True)
class Behind:
    """How far the edges are behind the events, as of a look at the graph.

    Attributes:
        events: Events that wait for the fold.
        lag_s: Seconds that the oldest of them has waited; 0 where none waits.
        recounting: Whether the edges stand still until they are counted again.
        moves: Parts of folds that are taken and not settled.
    """

    events: int = 0
    lag_s: float = 0.0
    recounting: bool = False
    moves: int = 0


@dataclass(slots=True)
class Counters:
    """What the refresher did, for metrics."""

    refreshes: int = 0
    failures: int = 0
    full_loads: int = 0
    last_refresh_ms: float = 0.0


class Refresher:
    """Owns the snapshot of one process.

    Args:
        store: The graph.
        settings: Interval, half-lives, where models are.
    """

    def __init__(self, store: GraphStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._snapshot: Snapshot | None = None
        self._encoders: dict[str, UserEncoder] = {}
        self._late_rows = LateRows(store)
        self._reset()
        self.counters = Counters()
        self._fresh_at: float | None = None
        self._whole_at: float | None = None
        self._whole = False
        self._failure: InterestGraphError | None = None
        self._behind = Behind()
        self._since = _NOTHING_SINCE
        self._interest_count = -1
        self._item_excess: int | None = 0
        self._swept_at = 0.0
        self._sweep_pause_s = 0.0
        self._sweep_took_s = 0.0  # the last one
        self._model_retry_at = 0.0

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._loaded = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The present snapshot, or none before the first load."""
        return self._snapshot

    @property
    def staleness_s(self) -> float:
        """Seconds since the graph was last seen; infinite before the first time."""
        return _seconds_since(self._fresh_at)

    @property
    def whole_age_s(self) -> float:
        """Seconds since the graph was last seen with no item known to be missing or gone; infinite before."""
        return _seconds_since(self._whole_at)

    @property
    def behind(self) -> Behind:
        """How far the edges are behind the events at this moment, for all that is known."""
        behind, age_s = self._behind, self.staleness_s
        return replace(behind, lag_s=behind.lag_s + age_s) if behind.events and age_s < float("inf") else behind

    @property
    def failure(self) -> InterestGraphError | None:
        """Why the last look failed, or none."""
        return self._failure

    @property
    def running(self) -> bool:
        """Whether the thread runs in this process."""
        return self._pid == os.getpid() and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, if it does not run in this process; a fork leaves threads behind."""
        if self._pid != os.getpid():
            self._reset()
        if not self.running:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="ranking-refresher", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(timeout=10)

    def wait(self, timeout_s: float) -> Snapshot:
        """Give the snapshot; loads it here where no thread does, else waits for it.

        Raises:
            UnavailableError: It is not loaded yet, or the graph does not answer.
        """
        if self._snapshot is None:
            if not self.running:
                self.refresh()
            elif self._failure is None:
                self._loaded.wait(timeout_s)
        if self._snapshot is None:
            raise self._failure or UnavailableError(
                "The recommendations are still being loaded from the graph.", remedy="Try again in a moment."
            )
        return self._snapshot

    def bring(self, snapshot: Snapshot, places: Iterable[int]) -> Snapshot:
        """Give a snapshot in which the rows of some items are as they are now."""
        return self._late_rows.bring(snapshot, places)

    def refresh(self) -> bool:
        """Look at the graph now.

        Returns:
            Whether the snapshot changed.

        Raises:
            InterestGraphError: The graph does not answer; the snapshot stays.
        """
        with self._lock:
            begun = time.monotonic()
            old = self._snapshot
            try:
                new = self._next(old)
            except InterestGraphError as error:
                self.counters.failures += 1
                if self._failure is None:
                    _log.warning("the ranking state cannot be refreshed", error=str(error))
                self._failure = error
                raise
            if self._failure is not None:
                _log.info("the ranking state is refreshed again")
            self._failure = None
            # Before the snapshot: a request that waits for the first one asks at once how old it is.
            self._fresh_at = begun
            if self._whole:
                self._whole_at = begun
            if new is not old:
                self._snapshot = replace(new, serial=0 if old is None else old.serial + 1)
                self._loaded.set()
            self.counters.refreshes += 1
            self.counters.last_refresh_ms = 1000 * (time.monotonic() - begun)
            return new is not old

    def _run(self) -> None:
        pause = 0.0
        failed = 0
        interval = self._settings.ranking.refresh_s
        while not self._stopping.wait(pause):
            try:
                self.refresh()
                failed, pause = 0, pause_after(interval, self.counters.last_refresh_ms / 1000)
            except InterestGraphError:
                failed, pause = failed + 1, min(_LONGEST_PAUSE_S, interval * 2 ** min(failed, 8))
            except Exception:
                self.counters.failures += 1
                _log.exception("the ranking refresher failed")
                pause = _LONGEST_PAUSE_S

    def _next(self, old: Snapshot | None) -> Snapshot:
        pulse = self._store.read_transaction(self._pulse)
        folded_at, as_of = pulse["folded_at"] or 0, pulse["as_of"]
        if old is None or self._worn(old, folded_at, as_of):
            new = load_snapshot(self._store, self._settings, as_of=as_of, folded_at=folded_at)
            self.counters.full_loads += 1
            self._item_excess = self._excess(new, pulse)
            self._interest_count = pulse["interests"]
            complete = True
        else:
            new, complete = self._with_items(old, pulse)
            if complete:
                new = follow_edges(self._store, new, self._late_rows.take(), as_of=as_of, folded_at=folded_at)
        inferred_at = pulse["inferred_at"] or 0
        if complete and inferred_at != new.inferred_at:
            new = with_inferred(self._store, new, inferred_at)
        resembling_at = pulse["resembling_at"] or 0
        if complete and resembling_at != new.resembling_at:
            new = with_resembling(self._store, new, resembling_at)
        if pulse["resembling_basis"] != new.resembling_basis:
            new = replace(new, resembling_basis=pulse["resembling_basis"])
        demographics_at = pulse["demographics_at"] or 0
        if complete and demographics_at != new.demographics_at:
            new = with_demographics(self._store, new, self._settings.ranking.demographics, demographics_at)
        self._since = pulse["now"] - OVERLAP_MS
        self._whole = complete
        return self._with_space(old, new, pulse, complete=complete)

    def _pulse(self, tx: Tx) -> dict[str, Any]:
        [pulse] = tx.run("ranking/pulse", since=self._since)
        [size] = tx.run("ranking/size")
        [interests] = tx.run("ranking/interest_count")
        [waiting] = tx.run("ranking/waiting")
        lag_s = 0.0 if waiting["since"] is None else max(0.0, (pulse["now"] - waiting["since"]) / 1000)
        self._behind = Behind(waiting["events"], lag_s, waiting["state"] != "live", waiting["moves"])
        return {**pulse, **size, **interests}

    def _worn(self, snapshot: Snapshot, folded_at: int, as_of: int | None) -> bool:
        """Tell whether everything is to be loaded anew: another graph, many holes, or weights far from their time."""
        holes = int((~snapshot.catalogue.alive).sum())
        drift = abs((as_of or snapshot.reference_at) - snapshot.reference_at)
        half_life_ms = min(snapshot.edges_half_life_ms, snapshot.mass_half_life_ms)
        return (
            folded_at < snapshot.folded_at
            or holes > max(_LEAST_HOLES, _HOLES_SHARE * len(snapshot.catalogue))
            or drift > _REBASE_HALF_LIVES * half_life_ms
        )

    def _with_items(self, snapshot: Snapshot, pulse: Mapping[str, Any]) -> tuple[Snapshot, bool]:
        """Bring the items up to date; also tell whether none is known to be missing."""
        new = self._changed(snapshot, pulse["changed"], pulse["interests"])
        if not self._differs(new, pulse) and time.monotonic() < self._swept_at + self._next_sweep_s():
            return new, True
        if time.monotonic() < self._swept_at + self._sweep_pause_s:
            return new, False
        begun = time.monotonic()
        listed = {row["id"]: row["updated_at"] or 0 for row in self._store.stream("ranking/census")}
        new = self._changed(new, listed.items(), pulse["interests"], everything=listed)
        self._item_excess = self._excess(new, pulse)
        self._swept_at = time.monotonic()
        took_s = self._swept_at - begun
        self._sweep_pause_s, self._sweep_took_s = sweep_pause(took_s, self._sweep_took_s), took_s
        return new, True

    def _excess(self, snapshot: Snapshot, pulse: Mapping[str, Any]) -> int | None:
        """Give how many items the server counts that are not listed; none where it changed while they were."""
        [size] = self._store.read("ranking/size")
        # A number of another moment may fit one that is wrong later: an item too many then stays for long.
        return pulse["items"] - len(snapshot.catalogue.index) if size["items"] == pulse["items"] else None

    def _differs(self, snapshot: Snapshot, pulse: Mapping[str, Any]) -> bool:
        return bool(pulse["items"] - len(snapshot.catalogue.index) != self._item_excess)

    def _next_sweep_s(self) -> float:
        return max(_SWEEP_S, self._sweep_pause_s)

    def _changed(
        self,
        snapshot: Snapshot,
        stamps: Any,
        interest_count: int,
        everything: Mapping[str, int] | None = None,
    ) -> Snapshot:
        catalogue = snapshot.catalogue
        index, updated_at = catalogue.index, catalogue.updated_at
        wanted = [name for name, at in stamps if name not in index or updated_at[index[name]] != at]
        items: list[ItemRow] = list(read_items(self._store, wanted)) if wanted else []
        gone = [] if everything is None else [name for name in index if name not in everything]
        unknown = any(name not in snapshot.interests.index for item in items for name, _ in item.about)
        if unknown or interest_count != self._interest_count:
            interests = merged_interests(snapshot.interests, read_interest_names(self._store))
            snapshot = replace(snapshot, interests=interests)
            self._interest_count = interest_count
        return with_items(snapshot, items, gone) if items or gone else snapshot

    def _with_space(self, old: Snapshot | None, new: Snapshot, pulse: Mapping[str, Any], *, complete: bool) -> Snapshot:
        version, vectors_at = pulse["version"], pulse["vectors_at"] or 0
        if version is None:
            return new if new.space is None and new.problem is None else replace(new, space=None, problem=None)
        if new.space is not None and new.space.version == version and old is not None:
            # Without all items known, vectors of the unknown ones would be passed over for good.
            stamp = vectors_at if complete else new.space.vectors_at
            space = follow_space(self._store, old, new, stamp)
            return new if space is new.space and new.problem is None else replace(new, space=space, problem=None)
        # What was served before goes on until then, in its own space as a whole.
        kept = None if new.space is None or old is None else follow_space(self._store, old, new, 0)
        if new.problem is not None and time.monotonic() < self._model_retry_at:
            return new if kept is new.space else replace(new, space=kept)
        try:
            encoder = self._encoders.get(version) or open_encoder(self._settings.models_dir, version, pulse["dim"])
            space = load_space(self._store, encoder, new.catalogue, vectors_at)
        except ArtefactError as error:
            self._model_retry_at = time.monotonic() + _RETRY_MODEL_S
            if new.problem != str(error):
                _log.error("the active version cannot be served", version=version, error=str(error))
            return replace(new, space=kept, problem=str(error))
        self._encoders = {version: encoder}
        _log.info("serving a version", version=version, items=len(new.catalogue.index))
        return replace(new, space=space, problem=None)


def _seconds_since(at: float | None) -> float:
    return float("inf") if at is None else time.monotonic() - at


def sweep_pause(took_s: float, before_s: float) -> float:
    """Give the seconds in which all items are not listed again, though some are missing.

    A long listing is not made again and again while an import runs; one that was slow once is not a long one.

    Args:
        took_s: How long the last listing took.
        before_s: How long the one before took; 0 where there was none.
    """
    return min(took_s, before_s) / _SWEEP_SHARE


def pause_after(refresh_s: float, took_s: float) -> float:
    """Give the pause after a look, such that the next one ends before the state is older than it may be.

    A state is as old as the beginning of its look, so the pause and two looks have to fit in. Looks that take long, as
    when every edge moves, leave at least a tenth of the time to the graph.

    Args:
        refresh_s: Greatest age aimed at.
        took_s: How long the look took.
    """
    return max(refresh_s - 2 * took_s, refresh_s / 10)
