"""CO_OCCURS and popularity of a live graph, read at one moment of the fold.

Both change only with the fold, never with an event itself. While the reading goes on the fold is asked to take no
events: a note on its State node, which expires by itself if this process dies. Events that come in meanwhile wait,
and waiting events are not counted here. Rows that change all the same (a deleted user, or a pause that expired)
carry a newer stamp afterwards and are not compared.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain import MS_PER_SECOND, now_ms
from engine.errors import ConflictError, UnavailableError
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings
from engine.verification.recount import Strengths
from engine.verification.report import Check
from engine.verification.rows import (
    Edges,
    Rules,
    Steps,
    compare_popularity,
    compare_rows,
    expected_edges,
    expected_popularity,
)

Progress = Callable[[str, int, int], None]

CHANGED: Final = "changed while they were read; not compared"
_LEASE_MS: Final = 60 * MS_PER_SECOND
_RENEW_S: Final = 15.0
_DRAIN_S: Final = 60.0
_FETCH: Final = 100
_SEED: Final = 7
_SHIFT: Final = 32


@dataclass(slots=True)
class _Found:
    """What the graph has, items by number."""

    names: list[str]
    edges: Edges
    cut: npt.NDArray[np.bool_]
    popularity: npt.NDArray[np.float64]
    popularity_at: npt.NDArray[np.int64]


class Pause:
    """A pause of the fold, renewed while somebody works under it."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._run = uuid.uuid4().hex
        self._renewed = 0.0
        self.state: str = "live"
        self.stamp: int = 0

    def begin(self) -> None:
        """Ask the fold to stand still.

        Raises:
            ConflictError: Another process has paused it.
        """
        row = self._ask()
        if row is None:
            raise ConflictError(
                "Somebody else has paused the fold.", remedy="Wait a minute; a pause that nobody renews expires."
            )
        self.state, self.stamp = row["state"], row["folded_at"] or 0

    def renew(self) -> None:
        """Hold it for another while, where it is time."""
        if time.monotonic() - self._renewed > _RENEW_S:
            self._ask()

    def end(self) -> None:
        """Let the fold go on."""
        self._store.write("verification/resume", run=self._run)

    def _ask(self) -> dict[str, Any] | None:
        now = now_ms()
        rows = self._store.write("verification/pause", until=now + _LEASE_MS, now=now, run=self._run)
        self._renewed = time.monotonic()
        return rows[0] if rows else None


@contextmanager
def paused_fold(store: GraphStore, settings: Settings) -> Iterator[Pause]:
    """Let the fold stand still with nothing between an event taken and its rows.

    Raises:
        ConflictError: A recount is due or under way, or another process has paused the fold.
        UnavailableError: What was taken is not settled in time.
    """
    pause = Pause(store)
    pause.begin()
    try:
        if pause.state != "live":
            raise ConflictError(
                "Co-occurrence is being counted again, or is due for it.",
                remedy="Wait for the job, or start it: interestgraph jobs rebuild-co-occurrence.",
            )
        _drain(store, settings)
        pause.begin()
        yield pause
    finally:
        pause.end()


def verify_co_occurrence(
    store: GraphStore,
    settings: Settings,
    edges: Check | None,
    popularity: Check | None,
    *,
    sample: int | None,
    progress: Progress,
) -> int:
    """Compare rows and popularity.

    Args:
        store: The graph.
        settings: Window, half-lives, edges kept.
        edges: Where differences of CO_OCCURS are counted.
        popularity: The same of popularity.
        sample: Items compared, drawn by chance; all where none is given.
        progress: Told the stage, what is done and in all.

    Returns:
        Events counted.
    """
    numbers: dict[str, int] = {}
    with paused_fold(store, settings) as pause:
        steps = _steps(store, settings, numbers, pause, progress)
        found = _rows(store, numbers, pause, progress)
        # Events deleted meanwhile are out of the log at once and out of the rows when they are settled: then stamped.
        _drain(store, settings)
        changed = {row["id"] for row in store.read("verification/changed_rows", stamp=pause.stamp)}
    items = len(found.names)
    compared = np.ones(items, dtype=bool)
    for name in changed:
        if name in numbers and numbers[name] < items:
            compared[numbers[name]] = False
    for check in (edges, popularity):
        if check is not None and changed:
            check.set_apart(CHANGED, number=len(changed))
    if sample is not None and sample < items:
        drawn = np.zeros(items, dtype=bool)
        drawn[np.random.default_rng(_SEED).choice(items, sample, replace=False)] = True
        compared &= drawn
    if popularity is not None:
        half_life_ms = days_ms(settings.ranking.popularity_half_life_days)
        compare_popularity(
            expected_popularity(steps, items, half_life_ms),
            (found.popularity, found.popularity_at),
            np.flatnonzero(compared),
            half_life_ms,
            found.names,
            popularity,
        )
    if edges is not None:
        _compare_edges(steps, found, compared, rules_of(settings), edges, progress)
    return len(steps.item)


def rules_of(settings: Settings) -> Rules:
    """Give how edges are counted and kept."""
    options = settings.co_occurrence
    return Rules(
        window=options.window,
        backward=options.backward,
        half_life_ms=days_ms(options.half_life_days),
        keep=options.max_edges_per_item,
        longest=options.most_edges_per_item,
    )


def _compare_edges(
    steps: Steps, found: _Found, compared: npt.NDArray[np.bool_], rules: Rules, check: Check, progress: Progress
) -> None:
    items = len(found.names)
    as_of = int(steps.at.max()) if len(steps.at) else 0
    for block, expected in expected_edges(steps, rules, items):
        chosen = compared[expected.key >> _SHIFT]
        expected = Edges(expected.key[chosen], expected.weight[chosen], expected.at[chosen], expected.count[chosen])
        begin, end = np.searchsorted(found.edges.key, (int(block[0]) << _SHIFT, (int(block[-1]) + 1) << _SHIFT))
        part = slice(int(begin), int(end))
        chosen = compared[found.edges.key[part] >> _SHIFT]
        compare_rows(
            block,
            expected,
            Edges(
                found.edges.key[part][chosen],
                found.edges.weight[part][chosen],
                found.edges.at[part][chosen],
                found.edges.count[part][chosen],
            ),
            cut=found.cut,
            as_of=as_of,
            rules=rules,
            names=found.names,
            check=check,
        )
        progress("edges", int(block[-1]) + 1, items)


def _drain(store: GraphStore, settings: Settings) -> None:
    """See that nothing that was taken waits for its rows."""
    end = time.monotonic() + _DRAIN_S
    while store.read("verification/moves")[0]["moves"]:
        if time.monotonic() > end:
            raise UnavailableError(
                "Moves of CO_OCCURS wait longer than a minute.", remedy="See that a worker runs: interestgraph status."
            )
        fold_waiting(store, settings, max_seconds=1.0)


def _steps(store: GraphStore, settings: Settings, numbers: dict[str, int], pause: Pause, progress: Progress) -> Steps:
    strengths = Strengths(settings)
    item, at, user, strength = [], [], [], []
    done = 0
    rows = store.stream("events/sequences", fetch_size=_FETCH, types=list(sequence_types(settings.events)))
    for number, row in enumerate(rows):
        waits = frozenset(row["unfolded"])
        taken = sorted(
            (when, event_id, item_id, kind, value)
            for when, event_id, item_id, kind, value in zip(
                row["at"], row["id"], row["item_id"], row["type"], row["value"], strict=True
            )
            if event_id not in waits
        )
        item.append(np.array([numbers.setdefault(entry[2], len(numbers)) for entry in taken], dtype=np.int64))
        at.append(np.array([entry[0] for entry in taken], dtype=np.int64))
        user.append(np.full(len(taken), number, dtype=np.int64))
        strength.append(np.array([max(0.0, strengths.of(entry[3], entry[4])) for entry in taken], dtype=np.float64))
        done += len(row["at"])
        progress("events", done, 0)
        pause.renew()
    none = np.zeros(0, dtype=np.int64)
    return Steps(
        np.concatenate([none, *item]),
        np.concatenate([none, *at]),
        np.concatenate([none, *user]),
        np.concatenate([np.zeros(0), *strength]),
    )


def _rows(store: GraphStore, numbers: dict[str, int], pause: Pause, progress: Progress) -> _Found:
    cut: dict[int, bool] = {}
    popularity: dict[int, tuple[float, int]] = {}
    key, weight, at, count = [], [], [], []
    for done, row in enumerate(store.stream("verification/rows", fetch_size=_FETCH), start=1):
        number = numbers.setdefault(row["id"], len(numbers))
        cut[number] = row["cut"]
        if row["popularity"] is not None:
            popularity[number] = (row["popularity"], row["popularity_at"] or 0)
        targets = [numbers.setdefault(name, len(numbers)) for name in row["target"]]
        key.append((number << _SHIFT) | np.array(targets, dtype=np.int64))
        weight.append(np.array(row["weight"], dtype=np.float64))
        count.append(np.array(row["count"], dtype=np.int64))
        at.append(np.array(row["updated_at"], dtype=np.int64))
        progress("rows", done, 0)
        pause.renew()
    none = np.zeros(0, dtype=np.int64)
    keys = np.concatenate([none, *key])
    order = np.argsort(keys, kind="stable")
    names = list(numbers)
    nan = float("nan")
    return _Found(
        names,
        Edges(
            keys[order],
            np.concatenate([np.zeros(0), *weight])[order],
            np.concatenate([none, *at])[order],
            np.concatenate([none, *count])[order],
        ),
        np.array([cut.get(number, False) for number in range(len(names))], dtype=bool),
        np.array([popularity.get(number, (nan, 0))[0] for number in range(len(names))], dtype=np.float64),
        np.array([popularity.get(number, (nan, 0))[1] for number in range(len(names))], dtype=np.int64),
    )
