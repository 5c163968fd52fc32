"""A user's relationships against what the events say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.interests.decay import days_ms
from engine.settings import Settings
from engine.verification.recount import ABSOLUTE, RELATIVE, Amount, Expected, Interaction, with_old_part
from engine.verification.report import Check, Difference

ABOUT_CHANGED = "moved by what an item was about before it was changed, or by a search"
LOG_GAP = "some of the user's events were deleted with their item"
_NONE = "none"


@dataclass(frozen=True, slots=True)
class UserChecks:
    """The checks of users' relationships; one that is not wanted is left out."""

    interacted: Check | None
    interests: Check | None
    interest_mass: Check | None
    follows: Check | None

    def all(self) -> tuple[Check | None, ...]:
        """Give them in order."""
        return self.interacted, self.interests, self.interest_mass, self.follows


def compare_user(row: Mapping[str, Any], expected: Expected, settings: Settings, checks: UserChecks) -> bool:
    """Compare one user; tell whether nothing differs.

    Args:
        row: A row of `verification/users`.
        expected: What the user's events say.
        settings: Registry of types and half-lives.
        checks: Where differences are counted.
    """
    chosen = [check for check in checks.all() if check is not None]
    before = sum(check.differing for check in chosen)
    if checks.interacted is not None:
        _interacted(row, expected, settings, checks.interacted)
    if checks.interests is not None:
        _interests(row, expected, settings, checks.interests)
    if checks.interest_mass is not None:
        _interest_mass(row, settings, checks.interest_mass)
    if checks.follows is not None:
        _follows(row, expected, checks.follows)
    return sum(check.differing for check in chosen) == before


def _interacted(row: Mapping[str, Any], expected: Expected, settings: Settings, check: Check) -> None:
    seen: set[tuple[str, str]] = set()
    for found in row["interacted"]:
        key = (found["item_id"], found["event"])
        where = {"user": row["user_id"], "item": key[0], "event": key[1]}
        check.compared += 1
        if key in seen:
            check.differs(Difference("doubled", where, found["count"]))
            continue
        seen.add(key)
        compare_interaction(found, expected.interactions.get(key), settings, check, where)
    for key, interaction in expected.interactions.items():
        if key not in seen:
            check.compared += 1
            where = {"user": row["user_id"], "item": key[0], "event": key[1]}
            check.differs(Difference("missing", where, None, interaction.count))


def compare_interaction(
    found: Mapping[str, Any], expected: Interaction | None, settings: Settings, check: Check, where: Mapping[str, Any]
) -> None:
    """Compare one INTERACTED relationship.

    Args:
        found: What the graph has.
        expected: What the events say; none where no event of it is in the log.
        settings: Registry of types and half-lives.
        check: Where a difference is counted.
        where: The nodes it lies between, with its `event`.
    """
    old_count, old_at = found["old_count"] or 0, found["old_at"] or 0
    count = old_count + (expected.count if expected is not None else 0)
    if broken := _impossible(found):
        check.differs(Difference("impossible", where, broken))
        return
    if count == 0:
        check.differs(Difference("surplus", where, found["count"], 0))
        return
    if found["count"] != count:
        check.differs(Difference("count", where, found["count"], count))
        return
    last_at = max(old_at, expected.last_at if expected is not None else 0)
    if found["last_at"] != last_at:
        check.differs(Difference("last_at", where, found["last_at"], last_at))
    times = expected.times if expected is not None else []
    if not _same_times(found["times"], times, old_count, settings.events.times_kept):
        check.differs(Difference("times", where, found["times"][-3:], times[-3:]))
    entry = settings.events.types.get(where["event"])
    if entry is None:
        check.set_apart("weight of a type that left the registry")
        return
    half_life_ms = days_ms(entry.half_life_days)
    weight = expected.weight if expected is not None else None
    weight = with_old_part(weight, found["old_weight"], found["old_at"], old_count, half_life_ms)
    if weight is not None and not weight.equals(found["weight"], found["updated_at"], half_life_ms):
        value = weight.as_of(found["updated_at"], half_life_ms) if found["updated_at"] >= weight.at else weight.value
        check.differs(Difference("weight", where, found["weight"], value))


def _impossible(found: Mapping[str, Any]) -> str | None:
    for name in ("count", "times", "last_at", "weight", "updated_at"):
        if found[name] is None:
            return f"no {name}"
    if found["count"] <= 0:
        return f"count {found['count']}"
    if not math.isfinite(found["weight"]):
        return f"weight {found['weight']!r}"
    if not found["times"] or sorted(found["times"]) != list(found["times"]):
        return "times are empty or in no order"
    return None


def _same_times(found: Sequence[int], expected: Sequence[int], old_count: int, kept: int) -> bool:
    """Tell whether the latest times are those of the events; of pruned events they cannot be told."""
    if old_count:
        known = Counter(time for time in expected if time >= found[0])
        return not known - Counter(found)
    return list(found) == list(expected[-len(found) :]) and len(found) >= min(len(expected), kept)


def _interests(row: Mapping[str, Any], expected: Expected, settings: Settings, check: Check) -> None:
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for found in row["interested"]:
        by_id.setdefault(found["interest_id"], []).append(found)
    for interest_id in sorted({*by_id, *expected.interests}):
        compare_interest(interest_id, by_id.get(interest_id, []), row, expected, settings, check)


def compare_interest(
    interest_id: str,
    relationships: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    expected: Expected,
    settings: Settings,
    check: Check,
) -> None:
    """Compare one interest of a user.

    Args:
        interest_id: The interest.
        relationships: What the graph has of it; one, or nothing.
        row: The row of the user.
        expected: What the user's events say.
        settings: Half-life of interests.
        check: Where a difference is counted.
    """
    half_life_ms = days_ms(settings.interests.half_life_days)
    where = {"user": row["user_id"], "interest": interest_id}
    amount = expected.interests.get(interest_id)
    if not relationships:
        if amount is not None and amount.gross > 0:
            check.compared += 1
            nothing = {"mass": 0.0, "updated_at": amount.at, "count": 0}
            _judge("missing", nothing, amount, row, expected, half_life_ms, check, where)
        return
    check.compared += len(relationships)
    found = relationships[0]
    mass = found["mass"]
    if len(relationships) > 1:
        check.differs(Difference("doubled", where, len(relationships), 1))
    elif mass is None or found["updated_at"] is None or not math.isfinite(mass):
        check.differs(Difference("impossible", where, f"mass {mass!r} at {found['updated_at']!r}"))
    elif found["weight"] != max(0.0, mass):
        check.differs(Difference("weight", where, found["weight"], max(0.0, mass)))
    else:
        amount = with_old_part(amount, found["old_mass"], found["old_at"], found["old_count"], half_life_ms)
        _interest(found, amount, row, expected, half_life_ms, check, where)


def _interest(
    found: Mapping[str, Any],
    amount: Amount | None,
    row: Mapping[str, Any],
    expected: Expected,
    half_life_ms: float,
    check: Check,
    where: Mapping[str, Any],
) -> None:
    if amount is None:
        nothing = Amount(0.0, 0.0, found["updated_at"], 0)
        _judge("surplus", found, nothing, row, expected, half_life_ms, check, where)
    elif not amount.equals(found["mass"], found["updated_at"], half_life_ms):
        _judge("mass", found, amount, row, expected, half_life_ms, check, where)
    elif found["count"] is not None and found["count"] != amount.count:
        _judge("count", found, amount, row, expected, half_life_ms, check, where)


def _judge(
    kind: str,
    found: Mapping[str, Any],
    amount: Amount,
    row: Mapping[str, Any],
    expected: Expected,
    half_life_ms: float,
    check: Check,
    where: Mapping[str, Any],
) -> None:
    """Count a difference as one, or set it apart where events explain it whose interests cannot be known."""
    if kind == "count":
        difference = Difference(kind, where, found["count"], amount.count)
    else:
        there = None if kind == "missing" else found["mass"]
        latest = max(amount.at, found["updated_at"])
        difference = Difference(kind, where, there, amount.as_of(latest, half_life_ms))
    if row["log_gap_at"] is not None:
        check.set_apart(LOG_GAP, difference)
    elif expected.unsure is not None and _explained(found, amount, expected.unsure, half_life_ms):
        check.set_apart(ABOUT_CHANGED, difference)
    else:
        check.differs(difference)


def _explained(found: Mapping[str, Any], amount: Amount, unsure: Amount, half_life_ms: float) -> bool:
    """Tell whether the events whose interests are not known can have made the difference: weights of ABOUT are at
    most 1, so they move an interest by their strengths at most."""
    # Seen from the latest of the three: an earlier moment would blow the old ones up.
    latest = max(amount.at, found["updated_at"], unsure.at)
    most = unsure.gross * 2.0 ** ((unsure.at - latest) / half_life_ms)
    off = abs(
        found["mass"] * 2.0 ** ((found["updated_at"] - latest) / half_life_ms) - amount.as_of(latest, half_life_ms)
    )
    counted = found["count"] is None or abs(found["count"] - amount.count) <= unsure.count
    return counted and bool(off <= 2 * most * (1 + RELATIVE) + ABSOLUTE)


def _interest_mass(row: Mapping[str, Any], settings: Settings, check: Check) -> None:
    """Compare the sum that is kept with the user's own relationships, which the other check has compared."""
    behaviour = [found for found in row["interested"] if found["mass"] is not None]
    where = {"user": row["user_id"]}
    if row["interest_mass"] is None or row["interest_mass_at"] is None:
        if behaviour:
            check.compared += 1
            check.differs(Difference("missing", where, None, _NONE))
        return
    check.compared += 1
    half_life_ms = days_ms(settings.interests.half_life_days)
    at = max([row["interest_mass_at"], *(found["updated_at"] for found in behaviour)])
    parts = [max(0.0, found["mass"]) * 2.0 ** ((found["updated_at"] - at) / half_life_ms) for found in behaviour]
    gross = math.fsum(abs(found["mass"]) * 2.0 ** ((found["updated_at"] - at) / half_life_ms) for found in behaviour)
    kept = row["interest_mass"] * 2.0 ** ((row["interest_mass_at"] - at) / half_life_ms)
    if not abs(kept - math.fsum(parts)) <= RELATIVE * gross + ABSOLUTE:
        check.differs(Difference("interest_mass", where, kept, math.fsum(parts)))


def _follows(row: Mapping[str, Any], expected: Expected, check: Check) -> None:
    """Compare what events made of FOLLOWS; what was given, by an import or a request, stands beside it."""
    seen = set()
    for found in row["follows"]:
        seen.add(found["user_id"])
        check.compared += 1
        where = {"user": row["user_id"], "follows": found["user_id"]}
        count, moved = expected.follows.get(found["user_id"], (0, 0.0))
        count, moved = count + (found["old_count"] or 0), moved + (found["old_moved"] or 0.0)
        if (found["count"] or 0) != count:
            check.differs(Difference("count", where, found["count"], count))
        elif not abs((found["moved"] or 0.0) - moved) <= RELATIVE * max(abs(moved), 1.0):
            check.differs(Difference("moved", where, found["moved"], moved))
    for user_id, (count, _) in expected.follows.items():
        if user_id not in seen:
            check.compared += 1
            check.differs(Difference("missing", {"user": row["user_id"], "follows": user_id}, None, count))
