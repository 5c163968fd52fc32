"""Moves that wait for a shard, into the rows and the popularity of its items, in one transaction.

The transaction that changes the rows deletes the moves, so a crash leaves both or neither. Shards are settled side by
side: each has a lock of its own while rows are read and changes are counted. Rows are written one shard after the
other: relationships lock the items at both their ends, and two writers would wait for each other. Nobody waits for a
shard who holds a lock that shards wait for, so there is no circle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

from engine.cooccurrence.cache import Row, RowCache, cache_of
from engine.cooccurrence.counting import PairCounts
from engine.cooccurrence.delta import Stretches, count_changes, joined
from engine.cooccurrence.moves import UnreadableMoveError, decode, in_shard
from engine.cooccurrence.table import Changed, change
from engine.domain import EpochMs, now_ms
from engine.errors import FencedError
from engine.graph.store import GraphStore, Tx
from engine.interests import decay
from engine.settings import Settings

TIMEOUT_S: Final = 600.0
"""Seconds that a transaction of folds and recounts may take: no one waits for it, and one that is cut begins again."""

_MOST_MOVES: Final = 64
_MOST_EVENTS: Final = 50_000
_BATCH_ROWS: Final = 2_000
_WRITING: Final = "co_occurrence_rows"
"""State that is locked while a shard writes its rows."""

_log = structlog.get_logger("engine.cooccurrence")


@dataclass(frozen=True, slots=True)
class Settled:
    """What one transaction did.

    Attributes:
        moves: Moves that wait no more.
        items: Items whose row or popularity changed.
        edges: Edges made, changed or deleted.
        more: Whether more moves wait for the shard.
    """

    moves: int = 0
    items: int = 0
    edges: int = 0
    more: bool = False


def settle(store: GraphStore, settings: Settings, shard: int, *, most_events: int = _MOST_EVENTS) -> Settled:
    """Work in the moves that wait for a shard, a bounded number.

    Nothing is done while co-occurrence is counted again. A move that cannot be read has everything counted again.

    Args:
        store: The graph.
        settings: Window, half-lives, edges kept.
        shard: The shard.
        most_events: Events after which the next moves are left to another transaction.
    """
    cache = cache_of(store)
    try:
        done, keep = store.write_transaction(
            lambda tx: _settle(tx, settings, shard, cache, most_events), timeout_s=TIMEOUT_S
        )
    except FencedError:
        return Settled()
    except UnreadableMoveError as error:
        _log.warning("a move cannot be read, co-occurrence is counted again", shard=shard, reason=str(error))
        store.write("cooccurrence/mark_stale")
        return Settled()
    keep()
    return done


def settle_all(
    store: GraphStore, settings: Settings, shards: int, *, first: int = 0, most_events: int = _MOST_EVENTS
) -> Settled:
    """Settle every shard until nothing waits for it.

    Args:
        store: The graph.
        settings: Window, half-lives, edges kept.
        shards: Their number.
        first: Where to begin, so that several workers begin at several shards.
        most_events: Events of one transaction, where moves can be cut so.
    """
    moves = items = edges = 0
    for number in range(shards):
        more = True
        while more:
            done = settle(store, settings, (first + number) % shards, most_events=most_events)
            moves, items, edges, more = moves + done.moves, items + done.items, edges + done.edges, done.more
    return Settled(moves, items, edges)


def shard_state(shard: int) -> str:
    """Give the id of the state that is locked for a shard."""
    return f"co_occurrence_shard_{shard}"


def lock_shards(tx: Tx, shards: int) -> None:
    """Lock every shard; for transactions that change rows by other means, before they lock anything else."""
    tx.run("cooccurrence/lock_states", ids=sorted(shard_state(shard) for shard in range(shards)))


def _settle(
    tx: Tx, settings: Settings, shard: int, cache: RowCache, most_events: int
) -> tuple[Settled, Callable[[], None]]:
    found = tx.run("cooccurrence/waiting_moves", id=shard_state(shard), shard=shard, limit=_MOST_MOVES)
    waiting: list[dict[str, Any]] = found[0]["moves"] if found else []
    if not waiting:
        return Settled(), lambda: None
    moves = _bounded(waiting, most_events)
    more = len(moves) < len(waiting) or len(waiting) == _MOST_MOVES
    stretches = joined([decode(move["payload"]) for move in moves])
    mine = in_shard(stretches.names, shard, moves[0]["shards"])
    as_of = max([found[0]["as_of"] or 0, *(move["as_of"] for move in moves)])

    rows = _Rows(tx, cache, stretches, mine, settings, as_of)
    tx.run("cooccurrence/lock_states", ids=[_WRITING])
    edges, whole = rows.write()
    popularity = _popularity(stretches, mine, settings)
    stamped_ids = sorted({*rows.written, *popularity})
    stamped = tx.run(
        "cooccurrence/settled",
        run=found[0]["run"],
        shard=shard,
        seqs=[move["seq"] for move in moves],
        as_of=as_of,
        now=now_ms(),
    )
    if not stamped:
        raise FencedError("A recount of co-occurrence began.", remedy="Let it end.")
    stamp = stamped[0]["stamp"]
    # Last, because it locks the items: events on them wait until the transaction ends.
    [counted] = tx.run(
        "cooccurrence/stamp",
        rows=[
            {"id": item_id, "full": item_id in rows.full, "weight": weight, "at": at}
            for item_id in stamped_ids
            for weight, at in [popularity.get(item_id, (0.0, None))]
        ],
        stamp=stamp,
        half_life_ms=decay.days_ms(settings.ranking.popularity_half_life_days),
    )

    def keep() -> None:
        if whole:
            rows.keep(stamp, frozenset(stamped_ids))
        else:
            cache.drop(rows.stamps)

    return Settled(len(moves), int(counted["items"]), edges, more), keep


def _bounded(waiting: Sequence[dict[str, Any]], most_events: int) -> Sequence[dict[str, Any]]:
    """Give the first moves, at least one, that are cut alike and hold few enough events."""
    events = 0
    for number, move in enumerate(waiting):
        events += move["events"]
        if number and (events > most_events or move["shards"] != waiting[0]["shards"]):
            return waiting[:number]
    return waiting


class _Rows:
    """The rows that moves change.

    Args:
        tx: The transaction, which holds the shard.
        cache: Rows known already.
        stretches: What entered and left.
        mine: Whether each item is one of the shard.
        settings: Window, half-life, edges kept.
        as_of: Time at which edges are compared, epoch ms.

    Attributes:
        stamps: Stamp of each item whose row was looked at.
        written: Items whose row has changed.
        full: Items whose row has as many edges as are kept: from here on it may have been cut.
    """

    def __init__(
        self,
        tx: Tx,
        cache: RowCache,
        stretches: Stretches,
        mine: npt.NDArray[np.bool_],
        settings: Settings,
        as_of: EpochMs,
    ) -> None:
        options = settings.co_occurrence
        half_life_ms = decay.days_ms(options.half_life_days)
        self._tx, self._cache, self._most_edges = tx, cache, options.cached_edges
        changes = count_changes(
            stretches, window=options.window, backward=options.backward, half_life_ms=half_life_ms, sources=mine
        )
        ids = [stretches.names[number] for number in np.unique(changes.source).tolist()]
        self.stamps, rows = self._read(ids)
        table, changes = self._numbered(rows, changes, stretches.names)
        self._result: Changed = change(
            table,
            changes,
            as_of=as_of,
            half_life_ms=half_life_ms,
            keep=options.max_edges_per_item,
            most=options.most_edges_per_item,
        )
        self.written: set[str] = set()
        lengths = np.bincount(self._result.table.source, minlength=len(self._names))
        self.full = {self._names[number] for number in np.flatnonzero(lengths >= options.max_edges_per_item).tolist()}

    def _read(self, ids: list[str]) -> tuple[dict[str, int], dict[str, Row]]:
        if not ids:
            return {}, {}
        [found] = self._tx.run("cooccurrence/stamps", ids=ids)
        stamps = dict(zip(found["ids"], found["stamps"], strict=True))
        rows = self._cache.take(stamps)
        unknown = [item_id for item_id in stamps if item_id not in rows]
        for start in range(0, len(unknown), _BATCH_ROWS):
            for row in self._tx.run("cooccurrence/rows", ids=unknown[start : start + _BATCH_ROWS]):
                rows[row["id"]] = Row(
                    row["targets"],
                    np.array(row["weights"], dtype=np.float64),
                    np.array(row["counts"], dtype=np.int64),
                    np.array(row["times"], dtype=np.int64),
                )
        return stamps, rows

    def _numbered(
        self, rows: Mapping[str, Row], changes: PairCounts, changed_names: Sequence[str]
    ) -> tuple[PairCounts, PairCounts]:
        """Give rows and changes with the same numbers for items, those that are not there left out."""
        self._names = sorted({*changed_names, *(name for row in rows.values() for name in row.targets)})
        index = {name: number for number, name in enumerate(self._names)}
        number = np.array([index[name] for name in changed_names], dtype=np.int32)
        present = np.array([name in rows for name in changed_names], dtype=np.bool_)[changes.source]
        changes = PairCounts(
            number[changes.source[present]],
            number[changes.target[present]],
            changes.weight[present],
            changes.count[present],
            changes.updated_at[present],
        )
        self._row_ids = sorted(rows)
        ordered = [rows[item_id] for item_id in self._row_ids]
        lengths = [len(row.targets) for row in ordered]
        source = np.repeat(np.array([index[item_id] for item_id in self._row_ids], dtype=np.int32), lengths)
        target = np.array([index[name] for row in ordered for name in row.targets], dtype=np.int32)
        order = np.argsort((source.astype(np.int64) << 32) | target)
        table = PairCounts(
            source[order],
            target[order],
            np.concatenate([*(row.weight for row in ordered), np.zeros(0)])[order],
            np.concatenate([*(row.count for row in ordered), np.zeros(0, np.int64)])[order],
            np.concatenate([*(row.updated_at for row in ordered), np.zeros(0, np.int64)])[order],
        )
        self._row_numbers = np.array([index[item_id] for item_id in self._row_ids], dtype=np.int32)
        return table, changes

    def write(self) -> tuple[int, bool]:
        """Change the graph; give the edges written, and whether all were."""
        result, names = self._result, self._names
        table = result.table
        changed: dict[str, dict[str, list[Any]]] = {}
        for source, target in zip(result.gone_source.tolist(), result.gone_target.tolist(), strict=True):
            changed.setdefault(names[source], {})[names[target]] = [0.0, 0, 0]
        for source, target, *values in _edges(table, result.changed):
            changed.setdefault(names[source], {})[names[target]] = values
        made: dict[str, list[list[Any]]] = {}
        for source, target, *values in _edges(table, result.made):
            made.setdefault(names[source], []).append([names[target], *values])
        self.written = {*changed, *made}
        edges = self._send("cooccurrence/change_edges", changed) + self._send("cooccurrence/make_edges", made)
        return edges, edges == len(result.gone_source) + len(result.changed) + len(result.made)

    def _send(self, statement: str, rows: Mapping[str, Any]) -> int:
        ids = sorted(rows)
        edges = 0
        for start in range(0, len(ids), _BATCH_ROWS):
            batch = [{"id": item_id, "targets": rows[item_id]} for item_id in ids[start : start + _BATCH_ROWS]]
            [written] = self._tx.run(statement, rows=batch)
            edges += written["edges"]
        return edges

    def keep(self, stamp: int, stamped: frozenset[str]) -> None:
        """Keep the rows as they are now, when the transaction has ended well."""
        table = self._result.table
        names = [self._names[number] for number in table.target.tolist()]
        begins = np.searchsorted(table.source, self._row_numbers).tolist()
        ends = np.searchsorted(table.source, self._row_numbers, side="right").tolist()
        new: dict[str, Row] = {}
        for item_id, begin, end in zip(self._row_ids, begins, ends, strict=True):
            row = Row(
                names[begin:end],
                table.weight[begin:end].copy(),
                table.count[begin:end].copy(),
                table.updated_at[begin:end].copy(),
            )
            if item_id in stamped:
                new[item_id] = row
            else:
                self._cache.keep(self.stamps[item_id], {item_id: row}, most_edges=self._most_edges)
        self._cache.keep(stamp, new, most_edges=self._most_edges)


def _edges(table: PairCounts, places: npt.NDArray[np.int64]) -> Any:
    """Give source, target, weight, count and time of some edges."""
    return zip(
        table.source[places].tolist(),
        table.target[places].tolist(),
        table.weight[places].tolist(),
        table.count[places].tolist(),
        table.updated_at[places].tolist(),
        strict=True,
    )


def _popularity(
    stretches: Stretches, mine: npt.NDArray[np.bool_], settings: Settings
) -> dict[str, tuple[float, EpochMs]]:
    """Sum what new steps add to the popularity of their items, as of the newest of each item."""
    owner = np.repeat(np.arange(len(stretches.sign)), np.diff(stretches.offsets))
    new = np.flatnonzero(stretches.new & mine[stretches.item])
    if not len(new):
        return {}
    item, at = stretches.item[new], stretches.at[new]
    newest = np.full(len(stretches.names), np.iinfo(np.int64).min)
    np.maximum.at(newest, item, at)
    half_life_ms = decay.days_ms(settings.ranking.popularity_half_life_days)
    faded = stretches.sign[owner[new]] * stretches.strength[new] * np.exp2((at - newest[item]) / half_life_ms)
    weight = np.bincount(item, weights=faded, minlength=len(stretches.names))
    return {
        stretches.names[number]: (float(weight[number]), int(newest[number])) for number in np.unique(item).tolist()
    }
