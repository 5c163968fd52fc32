"""Users' relationships set to what the events say, where they have something else.

One transaction a user, under the lock that events take: a kill leaves whole users, and another run goes on. What is
equal is not written; what cannot be known from the log (see `engine.verification.compare`) stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from engine.domain import now_ms
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.hierarchy import mark_wider
from engine.settings import Settings
from engine.verification.compare import UserChecks, compare_interaction, compare_interest, compare_user
from engine.verification.recount import Amount, Expected, Interaction, recount, with_old_part
from engine.verification.report import Check
from engine.verification.users import PAGE_USERS, about_of, pages, read_locked

Progress = Callable[[str, int, int], None]
_TIMEOUT_S: Final = 600.0
_PAGE_ITEMS: Final = 1_000


@dataclass(slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        users: Users looked at.
        changed: Users of whom something was set.
        relationships: Relationships set or deleted.
        items: Items whose wider interests were marked anew.
    """

    items: int = 0
    users: int = 0
    changed: int = 0
    relationships: int = 0


def repair_users(store: GraphStore, settings: Settings, *, progress: Progress | None = None) -> Repaired:
    """Mark the wider interests of items; set INTERACTED, INTERESTED_IN, FOLLOWS by events and sums of interests anew.

    Args:
        store: The graph.
        settings: Registry of types and half-lives.
        progress: Told the stage, users done and in all.
    """
    told = progress or (lambda stage, done, total: None)
    marked = _mark_items(store, told)
    ids = [row["id"] for row in store.stream("verification/user_ids")]
    about = about_of(store.stream("verification/about"))
    result = Repaired(items=marked)
    for page in pages(ids, PAGE_USERS):
        for row in store.read("verification/users", timeout_s=_TIMEOUT_S, ids=page):
            if compare_user(row, recount(row["events"], about, settings), settings, _checks()):
                continue
            work = partial(_repair, settings=settings, user_id=row["user_id"])
            set_now = store.write_transaction(work, timeout_s=_TIMEOUT_S)
            result.relationships += set_now
            result.changed += set_now > 0
        result.users += len(page)
        told("users", result.users, len(ids))
    return result


def _mark_items(store: GraphStore, told: Progress) -> int:
    """Mark the wider interests of every item; what events move is counted by these marks."""
    [size] = store.read("ranking/size")
    marked = done = 0
    after = ""
    while ids := [row["id"] for row in store.read("items/list", after=after, limit=_PAGE_ITEMS)]:
        marked += mark_wider(store, ids).items
        after = ids[-1]
        done += len(ids)
        told("items", min(done, size["items"]), size["items"])
    return marked


def _checks() -> UserChecks:
    return UserChecks(*(Check(name, "") for name in ("interacted", "interests", "interest_mass", "follows")))


def _repair(tx: Tx, *, settings: Settings, user_id: str) -> int:
    rows, about = read_locked(tx, [user_id])
    if not rows:
        return 0
    [row] = rows
    expected = recount(row["events"], about, settings)
    interacted = _interacted(row, expected, settings)
    interested = _interested(row, expected, settings)
    follows = _follows(row, expected)
    if interacted or interested or follows:
        tx.run(
            "verification/repair_user",
            user_id=user_id,
            interacted=interacted,
            interested=interested,
            follows=follows,
            now=now_ms(),
        )
    [row] = tx.run("verification/users", ids=[user_id])
    return len(interacted) + len(interested) + len(follows) + _set_interest_mass(tx, row, settings)


def _interacted(row: Mapping[str, Any], expected: Expected, settings: Settings) -> list[dict[str, Any]]:
    changes = []
    seen: set[tuple[str, str]] = set()
    for found in row["interacted"]:
        key = (found["item_id"], found["event"])
        check = Check("", "")
        if key not in seen:
            compare_interaction(found, expected.interactions.get(key), settings, check, {"event": key[1]})
        if key in seen or check.differing:
            changes.append((key, found))
        seen.add(key)
    changes += [(key, {}) for key in expected.interactions if key not in seen]
    return [
        {"item_id": key[0], "event": key[1], "properties": _interaction(key, found, expected, settings)}
        for key, found in dict(changes).items()
    ]


def _interaction(
    key: tuple[str, str], found: Mapping[str, Any], expected: Expected, settings: Settings
) -> dict[str, Any] | None:
    interaction = expected.interactions.get(key, Interaction(0, [], 0, None))
    old_count, old_at = found.get("old_count") or 0, found.get("old_at")
    if interaction.count + old_count == 0:
        return None
    entry = settings.events.types.get(key[1])
    half_life_ms = days_ms(entry.half_life_days) if entry is not None else 1.0
    weight = with_old_part(interaction.weight, found.get("old_weight") or 0.0, old_at, old_count, half_life_ms)
    if weight is None:
        # A type that left the registry: what is there stays.
        weight = Amount(found.get("weight") or 0.0, 0.0, found.get("updated_at") or interaction.last_at, 0)
    # Times of pruned events are known from the relationship alone.
    first = interaction.times[0] if interaction.times else math.inf
    older = sorted(time for time in found.get("times") or [] if old_count and time < first)
    times = [*older, *interaction.times][-settings.events.times_kept :]
    properties = {
        "event": key[1],
        "count": interaction.count + old_count,
        "times": times or [old_at],
        "last_at": max(old_at or 0, interaction.last_at),
        "weight": weight.value,
        "updated_at": weight.at,
    }
    return properties | {
        name: found[name] for name in ("old_count", "old_weight", "old_at") if found.get(name) is not None
    }


def _interested(row: Mapping[str, Any], expected: Expected, settings: Settings) -> list[dict[str, Any]]:
    half_life_ms = days_ms(settings.interests.half_life_days)
    found_by_id: dict[str, list[Mapping[str, Any]]] = {}
    for found in row["interested"]:
        found_by_id.setdefault(found["interest_id"], []).append(found)
    changes = []
    for interest_id in sorted({*found_by_id, *expected.interests}):
        found = found_by_id.get(interest_id, [{}])[0]
        amount = expected.interests.get(interest_id)
        amount = with_old_part(amount, found.get("old_mass"), found.get("old_at"), found.get("old_count"), half_life_ms)
        check = Check("", "")
        compare_interest(interest_id, found_by_id.get(interest_id, []), row, expected, settings, check)
        if not check.differing:
            continue
        properties = None
        if amount is not None and amount.gross > 0:
            properties = {
                "source": "behaviour",
                "mass": amount.value if amount.value < 0 else None,
                "weight": max(0.0, amount.value),
                "count": amount.count,
                "updated_at": amount.at,
            } | {name: found[name] for name in ("old_mass", "old_count", "old_at") if found.get(name) is not None}
        changes.append({"interest_id": interest_id, "properties": properties})
    return changes


def _follows(row: Mapping[str, Any], expected: Expected) -> list[dict[str, Any]]:
    found = {entry["user_id"]: entry for entry in row["follows"]}
    changes = []
    for user_id in sorted({*found, *expected.follows}):
        count, moved = expected.follows.get(user_id, (0, 0.0))
        entry = found.get(user_id, {})
        count, moved = count + (entry.get("old_count") or 0), moved + (entry.get("old_moved") or 0.0)
        if (entry.get("count") or 0) != count or not math.isclose(
            entry.get("moved") or 0.0, moved, rel_tol=1e-9, abs_tol=1e-9
        ):
            changes.append({"user_id": user_id, "count": count, "moved": moved})
    return changes


def _set_interest_mass(tx: Tx, row: Mapping[str, Any], settings: Settings) -> int:
    check = Check("", "")
    compare_user(row, Expected(), settings, UserChecks(None, None, check, None))
    if not check.differing:
        return 0
    half_life_ms = days_ms(settings.interests.half_life_days)
    interested = [found for found in row["interested"] if found["mass"] is not None]
    at = max((found["updated_at"] for found in interested), default=0)
    mass = math.fsum(
        max(0.0, found["mass"]) * 2.0 ** ((found["updated_at"] - at) / half_life_ms) for found in interested
    )
    tx.run("verification/set_interest_mass", user_id=row["user_id"], mass=mass, at=at)
    return 1
