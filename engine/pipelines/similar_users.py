"""SIMILAR_TO of users whose vector changed, or of all; a killed run goes on where it stood."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from engine.domain import now_ms
from engine.graph.names import USER
from engine.graph.store import GraphStore
from engine.jobs.parameters import FindSimilarUsersParameters
from engine.jobs.run import JobRun
from engine.settings import Settings
from engine.social.similar import (
    Standing,
    begin_similar,
    changed_users,
    finish_similar,
    most_similar,
    options_of,
    read_standing,
    write_similar,
)

_USERS_AT_ONCE: Final = 50


@dataclass(slots=True)
class Cursor:
    """Where a run stands.

    Attributes:
        standing: What it compares.
        options: The options it does it with.
        everyone: Whether all users are compared.
        after: Last user who is done.
        users: Users done.
        relationships: Relationships written that leave them.
    """

    standing: Standing
    options: str
    everyone: bool
    after: str = ""
    users: int = 0
    relationships: int = 0


def run_find_similar_users(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Compare users, as a job."""
    params = FindSimilarUsersParameters.model_validate(run.job.params)
    now = read_standing(run.store)
    cursor = _cursor(run.cursor, now, settings, everyone=params.everyone)
    if cursor is None:
        return {"users": 0, "relationships": 0}
    name = f"{run.job.id}:{run.fence}"
    begin_similar(run.store, name)
    version = str(cursor.standing.version)
    total = 0 if cursor.everyone else len(changed_users(run.store, version, cursor.standing.made_until))
    for page in _pages(run.store, cursor):
        run.report(cursor.users, max(total, cursor.users), "compares users")
        run.check()
        rows = most_similar(run.store, version, page, settings=settings)
        cursor.relationships += write_similar(
            run.store, version, rows, settings=settings, run=name, at=now_ms(), both_ways=not cursor.everyone
        )
        cursor.users += len(page)
        cursor.after = page[-1]
        run.advance(json.dumps(asdict(cursor)))
    finish_similar(run.store, cursor.standing, settings, run=name)
    return {"version": version, "users": cursor.users, "relationships": cursor.relationships}


def _cursor(kept: str | None, now: Standing, settings: Settings, *, everyone: bool) -> Cursor | None:
    """Give where to begin; none where there is no active version."""
    if now.version is None:
        return None
    options = options_of(settings)
    if kept is not None:
        raw = json.loads(kept)
        cursor = Cursor(**{**raw, "standing": Standing(**raw["standing"])})
        if (cursor.standing.version, cursor.options) == (now.version, options):
            return cursor
    return Cursor(now, options, everyone or (now.made_version, now.made_options) != (now.version, options))


def _pages(store: GraphStore, cursor: Cursor) -> Iterator[list[str]]:
    if not cursor.everyone:
        changed = changed_users(store, str(cursor.standing.version), cursor.standing.made_until)
        rest = [user_id for user_id in changed if user_id > cursor.after]
        for start in range(0, len(rest), _USERS_AT_ONCE):
            yield rest[start : start + _USERS_AT_ONCE]
        return
    after = cursor.after
    while rows := store.read("subgraph/page", identifiers={"label": USER}, after=after, limit=_USERS_AT_ONCE):
        page = [row["id"] for row in rows]
        after = page[-1]
        yield page
