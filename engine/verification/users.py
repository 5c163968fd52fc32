"""Every user's INTERACTED and INTERESTED_IN against the events, while events come in.

A user is read without a lock. Events and what they move are written in one transaction that locks the user; a read
may fall between two of them and see a difference that is none. So a user who seems to differ is read again under
that lock, and only what differs then is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from engine.graph.store import GraphStore, Tx
from engine.settings import Settings
from engine.verification.compare import UserChecks, compare_user
from engine.verification.recount import About, items_of, recount
from engine.verification.report import Check

PAGE_USERS: Final = 50
_TIMEOUT_S: Final = 600.0
_SEED: Final = 7

Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def verify_users(
    store: GraphStore, settings: Settings, checks: UserChecks, *, sample: int | None, progress: Progress
) -> int:
    """Compare users.

    Args:
        store: The graph.
        settings: Registry of types and half-lives.
        checks: Where differences are counted.
        sample: Users compared, drawn by chance; all where none is given.
        progress: Told the stage, users done and in all.

    Returns:
        Events counted.
    """
    ids = sampled([row["id"] for row in store.stream("verification/user_ids")], sample)
    about = about_of(store.stream("verification/about"))
    events = done = 0
    for page in pages(ids, PAGE_USERS):
        doubtful = []
        for row in store.read("verification/users", timeout_s=_TIMEOUT_S, ids=page):
            events += len(row["events"]["at"])
            trial = _fresh(checks)
            if compare_user(row, recount(row["events"], about, settings), settings, trial):
                _merge(trial, checks)
            else:
                doubtful.append(row["user_id"])
        for user_id in doubtful:
            _merge(_certain(store, settings, user_id, checks), checks)
        done += len(page)
        progress("users", done, len(ids))
    return events


def read_locked(tx: Tx, ids: Sequence[str]) -> tuple[list[dict[str, Any]], About]:
    """Lock users and read them, with what their items are about by then."""
    tx.run("verification/lock_users", ids=sorted(ids))
    rows = tx.run("verification/users", ids=list(ids))
    items = items_of(row["events"] for row in rows)
    return rows, about_of(tx.run("verification/about_some", ids=items))


def about_of(rows: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> About:
    """Make what items are about of rows of `verification/about`."""
    return {row["id"]: (row["changed_at"], [tuple(pair) for pair in row["about"]]) for row in rows}


def sampled(ids: list[str], sample: int | None) -> list[str]:
    """Draw a sample, the same one every time; all where none is asked for."""
    if sample is None or sample >= len(ids):
        return ids
    drawn = np.random.default_rng(_SEED).choice(len(ids), sample, replace=False)
    return [ids[place] for place in sorted(drawn.tolist())]


def pages(ids: Sequence[T], size: int) -> Iterator[list[T]]:
    """Cut into pages."""
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])


def _certain(store: GraphStore, settings: Settings, user_id: str, checks: UserChecks) -> UserChecks:
    def work(tx: Tx) -> UserChecks:
        trial = _fresh(checks)
        rows, about = read_locked(tx, [user_id])
        for row in rows:
            compare_user(row, recount(row["events"], about, settings), settings, trial)
        return trial

    return store.write_transaction(work, timeout_s=_TIMEOUT_S)


def _fresh(checks: UserChecks) -> UserChecks:
    return UserChecks(*(check and Check(check.name, check.remedy) for check in checks.all()))


def _merge(trial: UserChecks, checks: UserChecks) -> None:
    for part, whole in zip(trial.all(), checks.all(), strict=True):
        if part is not None and whole is not None:
            whole.take(part)
