"""Old raw events and faded relationships out of the graph, so that what is left is still what its events say.

An event that goes leaves to its user what it gave: its part of INTERACTED, INTERESTED_IN and FOLLOWS is kept beside
the relationship as its old part (`old_count`, `old_weight`, …), and the relationship itself stays as it is. From
CO_OCCURS and popularity, which belong to everybody, its part is taken back; by then it is worth less than
`retention.lost_share` of what it was, because a step goes only when every step that it pairs with is as old.
So a recount never differs from the graph, and forgetting a user forgets all of them.

One transaction a user and batch, under the user's lock: a kill leaves whole events, and the next run goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from engine.cooccurrence.settle import settle_all
from engine.cooccurrence.withdraw import withdraw
from engine.domain import EpochMs, now_ms
from engine.errors import FencedError
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.retention.limits import Limits, limits_at
from engine.settings import Settings
from engine.verification.compare import UserChecks, compare_user
from engine.verification.recount import COLUMNS, Amount, Expected, recount, with_old_part
from engine.verification.report import Check
from engine.verification.users import pages, read_locked

Progress = Callable[[str, int, int], None]

_PAGE_USERS: Final = 200
_EVERYTHING: Final = 2**53
_TIMEOUT_S: Final = 600.0


@dataclass(slots=True)
class Pruned:
    """What went, or would go.

    Attributes:
        events: Events by type.
        interacted: INTERACTED relationships by type.
        users: Users who lost events.
        differing: Users left alone because their relationships are not what their events say.
        finished: Whether every user was looked at.
    """

    events: Counter[str] = field(default_factory=Counter)
    interacted: Counter[str] = field(default_factory=Counter)
    users: int = 0
    differing: list[str] = field(default_factory=list)
    finished: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "events": dict(sorted(self.events.items())),
            "interacted": dict(sorted(self.interacted.items())),
            "users": self.users,
            "differing": list(self.differing),
            "finished": self.finished,
        }


def prune(
    store: GraphStore,
    settings: Settings,
    *,
    dry_run: bool = False,
    now: EpochMs | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> Pruned:
    """Delete what is older, or fainter, than the settings say.

    Args:
        store: The graph.
        settings: The limits; what events are counted with.
        dry_run: Count what would go and write nothing.
        now: Present time, epoch ms.
        max_seconds: Seconds after which the rest is left to the next call, which goes on there.
        progress: Told the stage, users done and in all.

    Raises:
        SettingsError: Events would go while they still count.
    """
    moment = now_ms() if now is None else now
    limits = limits_at(settings, moment)
    result = Pruned()
    if not limits.anything:
        return result
    told = progress or (lambda stage, done, total: None)
    [log] = store.read("retention/log")
    [size] = store.read("retention/size")
    after = "" if dry_run else log["cursor"] or ""
    end = None if max_seconds is None else time.monotonic() + max_seconds
    done = 0
    while True:
        [page] = store.read(
            "retention/users_with_old",
            after=after,
            before=max(limits.before, limits.light_before),
            limit=_PAGE_USERS,
            timeout_s=_TIMEOUT_S,
        )
        if page["last"] is None:
            break
        gone = sum(result.events.values())
        # Before events go, so that a dry run sees the same ones.
        if limits.floor is not None:
            _prune_faded(store, settings, limits, after, moment, dry_run, result)
        for user_id in page["ids"]:
            _prune_user(store, settings, limits, user_id, dry_run, result)
        after = page["last"]
        done += _PAGE_USERS
        told("users", min(done, size["users"]), size["users"])
        late = end is not None and time.monotonic() > end
        if not dry_run:
            _advance(store, limits, sum(result.events.values()) - gone, after)
            # What was taken back waits as moves: here they never pile up, whether workers run or not.
            [pending] = store.read("cooccurrence/pending")
            with suppress(FencedError):
                settle_all(store, settings, pending["shards"] or settings.co_occurrence.shards)
        if late:
            result.finished = False
            return result
    if not dry_run:
        _advance(store, limits, 0, None)
    return result


def _advance(store: GraphStore, limits: Limits, pruned: int, cursor: str | None) -> None:
    store.write("retention/advance", cursor=cursor, begins_at=limits.before or None, pruned=pruned, now=now_ms())


def _prune_user(
    store: GraphStore, settings: Settings, limits: Limits, user_id: str, dry_run: bool, result: Pruned
) -> None:
    if dry_run:
        found = store.read_transaction(
            lambda tx: _candidates(tx, settings, limits, user_id, _EVERYTHING), timeout_s=_TIMEOUT_S
        )
        result.events.update(event["type"] for event in found)
        result.users += bool(found)
        return
    touched = False
    while True:
        gone = store.write_transaction(lambda tx: _delete(tx, settings, limits, user_id), timeout_s=_TIMEOUT_S)
        if gone is None:
            result.differing.append(user_id)
            break
        result.events.update(gone)
        touched = touched or bool(gone)
        if len(gone) < settings.retention.batch_events:
            break
    result.users += touched


def _candidates(tx: Tx, settings: Settings, limits: Limits, user_id: str, limit: int) -> list[dict[str, Any]]:
    [found] = tx.run(
        "retention/candidates",
        user_id=user_id,
        before=limits.before,
        light_before=limits.light_before,
        light=list(limits.light),
        steps=list(sequence_types(settings.events)),
        window=settings.co_occurrence.window,
        limit=limit,
    )
    events: list[dict[str, Any]] = found["events"]
    return events


def _delete(tx: Tx, settings: Settings, limits: Limits, user_id: str) -> list[str] | None:
    """Delete a user's next events; gives their types, or nothing where the user has to be repaired first."""
    [row], about = _locked(tx, user_id)
    events = _candidates(tx, settings, limits, user_id, settings.retention.batch_events)
    if not events:
        return []
    checks = UserChecks(*(Check(name, "") for name in ("interacted", "interests", "interest_mass", "follows")))
    if not compare_user(row, recount(row["events"], about, settings), settings, checks):
        # What is wrong now would be kept for good as what older events gave.
        return None
    withdraw(tx, settings, events)
    tx.run("events/delete", ids=[event["id"] for event in events])
    gone = recount(_columns(events), about, settings)
    [after] = tx.run("verification/users", ids=[user_id])
    tx.run(
        "retention/set_old_parts",
        user_id=user_id,
        interacted=_old_interacted(after, gone, settings),
        interested=_old_interested(after, recount(after["events"], about, settings), settings),
        follows=_old_follows(after, gone),
    )
    return [event["type"] for event in events]


def _locked(tx: Tx, user_id: str) -> tuple[list[dict[str, Any]], Any]:
    rows, about = read_locked(tx, [user_id])
    return (rows or [{"events": {name: [] for name in COLUMNS}, "interacted": []}]), about


def _columns(events: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    empty: dict[str, Any] = {"value": 0.0, "received_at": 0, "interests": [], "parts": []}
    return {
        name: [event[name] if event.get(name) is not None else empty.get(name, "") for event in events]
        for name in COLUMNS
    }


def _old_interacted(row: Mapping[str, Any], gone: Expected, settings: Settings) -> list[dict[str, Any]]:
    parts = []
    for found in row["interacted"]:
        interaction = gone.interactions.get((found["item_id"], found["event"]))
        if interaction is None:
            continue
        entry = settings.events.types.get(found["event"])
        half_life_ms = days_ms(entry.half_life_days) if entry is not None else 1.0
        fresh = interaction.weight or Amount(0.0, 0.0, interaction.last_at, 0)
        old_count = found["old_count"] or 0
        weight = with_old_part(fresh, found["old_weight"], found["old_at"], old_count, half_life_ms)
        weight = weight or fresh
        parts.append(
            {
                "item_id": found["item_id"],
                "event": found["event"],
                "count": old_count + interaction.count,
                "weight": weight.value,
                "at": weight.at,
            }
        )
    return parts


def _old_interested(row: Mapping[str, Any], left: Expected, settings: Settings) -> list[dict[str, Any]]:
    """Give what the interests hold beyond the events that are left; what items were about then has part in it."""
    half_life_ms = days_ms(settings.interests.half_life_days)
    parts: list[dict[str, Any]] = []
    for found in row["interested"]:
        kept = left.interests.get(found["interest_id"], Amount(0.0, 0.0, found["updated_at"], 0))
        at = max(kept.at, found["updated_at"])
        mass = found["mass"] * 2.0 ** ((found["updated_at"] - at) / half_life_ms) - kept.as_of(at, half_life_ms)
        count = (found["count"] or 0) - kept.count
        bare = count == 0 and kept.equals(found["mass"], found["updated_at"], half_life_ms)
        parts.append(
            {
                "interest_id": found["interest_id"],
                "count": None if bare else count,
                "mass": None if bare else mass,
                "at": None if bare else at,
            }
        )
    return parts


def _old_follows(row: Mapping[str, Any], gone: Expected) -> list[dict[str, Any]]:
    parts = []
    for found in row["follows"]:
        count, moved = gone.follows.get(found["user_id"], (0, 0.0))
        if count:
            parts.append(
                {
                    "user_id": found["user_id"],
                    "count": (found["old_count"] or 0) + count,
                    "moved": (found["old_moved"] or 0.0) + moved,
                }
            )
    return parts


def _prune_faded(
    store: GraphStore,
    settings: Settings,
    limits: Limits,
    after: str,
    moment: EpochMs,
    dry_run: bool,
    result: Pruned,
) -> None:
    half_lives = {name: days_ms(entry.half_life_days) for name, entry in settings.events.types.items()}
    parameters: dict[str, Any] = {
        "floor": limits.floor,
        "now": moment,
        "half_lives": half_lives,
        "longest_ms": max(half_lives.values(), default=1.0),
    }
    ids = [row["id"] for row in store.read("retention/user_page", after=after, limit=_PAGE_USERS)]

    def work(tx: Tx, some: list[str]) -> list[str]:
        tx.run("verification/lock_users", ids=some)
        faded = tx.run("retention/faded", ids=some, **parameters)
        tx.run("retention/delete_faded", rows=faded)
        return [row["event"] for row in faded]

    for some in pages(ids, _PAGE_USERS):
        faded = store.read("retention/faded", ids=some, timeout_s=_TIMEOUT_S, **parameters)
        if dry_run or not faded:
            result.interacted.update(row["event"] for row in faded)
            continue
        owners = sorted({row["user_id"] for row in faded})
        result.interacted.update(store.write_transaction(partial(work, some=owners), timeout_s=_TIMEOUT_S))
