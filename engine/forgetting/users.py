"""A user out of the graph: events and what they added, relationships, vectors, and their id in jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from engine.cooccurrence.withdraw import withdraw_events
from engine.errors import ConflictError
from engine.graph.store import GraphStore
from engine.settings import Settings

_BATCH_RELATIONSHIPS: Final = 5_000
_BATCH_FOLLOWERS: Final = 200
_MOST_ROUNDS: Final = 10
_FORGOTTEN: Final = "(forgotten)"

Progress = Callable[[str, int], None]


def forget_user(
    store: GraphStore,
    settings: Settings,
    user_id: str,
    *,
    batch_events: int = 2_000,
    progress: Progress | None = None,
) -> bool:
    """Delete a user with everything that is known of them.

    In bounded transactions: events, oldest first, with their share of CO_OCCURS and popularity; relationships; the
    events by which others follow the user; the id in the parameters of jobs; last the node with its attributes and
    vectors. A killed run is simply run again.

    Args:
        store: The graph.
        settings: What events were counted with.
        user_id: The user.
        batch_events: Events of one transaction.
        progress: Told the stage (`events`, `relationships`) and how many are gone.

    Returns:
        Whether there was such a user.

    Raises:
        ConflictError: Events of the user kept coming in all the while.
    """
    report = progress or (lambda stage, done: None)
    events = relationships = 0
    for _ in range(_MOST_ROUNDS):
        events += withdraw_events(store, settings, user_id, batch_events=batch_events)
        report("events", events)
        while deleted := _delete_relationships(store, user_id):
            relationships += deleted
            report("relationships", relationships)
        while _delete_followers(store, user_id):
            pass
        _leave_jobs(store, user_id)
        [row] = store.write("forgetting/user", id=user_id)
        if row["deleted"]:
            return bool(row["found"] or events)
    raise ConflictError(
        "Events of the user kept coming in.",
        field="user_id",
        value=user_id,
        remedy="Stop sending them, then delete again.",
    )


def _delete_relationships(store: GraphStore, user_id: str) -> int:
    [row] = store.write("forgetting/relationships_of_user", id=user_id, limit=_BATCH_RELATIONSHIPS)
    return int(row["deleted"])


def _delete_followers(store: GraphStore, user_id: str) -> int:
    [row] = store.write("forgetting/followers", id=user_id, limit=_BATCH_FOLLOWERS)
    return int(row["followers"])


def _leave_jobs(store: GraphStore, user_id: str) -> None:
    for job in store.read("forgetting/jobs_naming", quoted=json.dumps(user_id)):
        params = _replaced(json.loads(job["params"]), user_id)
        store.write("forgetting/set_job_params", id=job["id"], before=job["params"], after=json.dumps(params))


def _replaced(value: Any, user_id: str) -> Any:
    """Put a word that names nobody in the place of the id: lists keep their length, so a job's cursor stays right."""
    if isinstance(value, dict):
        return {name: _replaced(entry, user_id) for name, entry in value.items()}
    if isinstance(value, list):
        return [_replaced(entry, user_id) for entry in value]
    return _FORGOTTEN if value == user_id else value
