"""A user's interests and the share of each, as of a time.

Three sources stand beside each other. With b_x what behaviour has made of interest x, d_x what the user declared, m_x
the model's guess (a distribution over interests) and κ = `interests.model_mass`:

    share_x = (b_x + d_x + κ · m_x) / (Σ b + Σ d + κ)          without κ where the model has no guess

It is the mean of a Dirichlet distribution whose prior is the guess: with no evidence the guess stands alone, and
evidence outgrows it. Shares sum to 1 and none is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.domain import EpochMs, InterestSource, now_ms
from engine.events.log import Log, read_log
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.evidence import Evidence, evidence_of
from engine.interests.hierarchy import with_wider
from engine.interests.history import interests_at
from engine.interests.inferred import InferredInterest, inferred_interests
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class UserInterest:
    """One interest of a user.

    Attributes:
        id: Id of the interest.
        kind: Category, brand, tag, topic, …
        name: Its name.
        share: Its part of all the user's interests; the shares of a user sum to 1.
        behaviour: What behaviour has made of it, decayed to the time asked for; never negative.
        declared: The weight the user declared; it stays until it is declared anew.
        model: Its part of what the model infers; these sum to 1 over a user's interests.
        updated_at: Time of the newest of these, epoch ms.
        count: Events behind what behaviour has made of it.
        evidence: What these events were on, the most first; empty unless asked for.
    """

    id: str
    kind: str | None
    name: str | None
    share: float
    behaviour: float
    declared: float
    model: float
    updated_at: EpochMs
    count: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class UserInterests:
    """The interests of a user.

    Attributes:
        user_id: The user.
        known: Whether the graph has this user.
        at: The time they are read as of, epoch ms.
        mass: Sum of behaviour and declared weights: how much is known.
        interests: Strongest first.
        past: Whether events came after that time, so that the interests were counted again from those before.
        complete: Whether all events up to that time were looked at, where they had to be; fewer where the user has more
            than `interests.past_events_max`, or old ones were pruned.
    """

    user_id: str
    known: bool
    at: EpochMs
    mass: float
    interests: tuple[UserInterest, ...]
    past: bool = False
    complete: bool = True


def read_interests(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    at: EpochMs | None = None,
    limit: int | None = None,
    evidence: int = 0,
    model: bool = True,
    bookmarks: Sequence[str] | None = None,
) -> UserInterests:
    """Read a user's interests.

    At a time before the user's newest events, the interests are counted from the events up to then (by their own
    time, whenever they came in) with what items are about today; what was declared later is left out, and so is the
    model, which knows the present only.

    Args:
        store: The graph.
        user_id: The user.
        settings: Half-life of interests, registry of types, weight of the model.
        at: The time they are read as of; now where none is given.
        limit: Most interests given; shares are made before it cuts.
        evidence: Items of each interest that are named with what they gave.
        model: Whether what the model infers takes part.
        bookmarks: Read not before these transactions.
    """
    moment = now_ms() if at is None else at

    def work(tx: Tx) -> UserInterests:
        return _read(tx, user_id, settings, moment, limit, evidence, model)

    return store.read_transaction(work, bookmarks=bookmarks)


def _read(
    tx: Tx, user_id: str, settings: Settings, at: EpochMs, limit: int | None, evidence: int, model: bool
) -> UserInterests:
    half_life_ms = days_ms(settings.interests.half_life_days)
    found = list(tx.run("interests/of_user", user_id=user_id, at=at, half_life_ms=half_life_ms))
    rows: list[dict[str, Any]] = [row for row in found if row["id"] is not None]
    past = any(row["source"] == InterestSource.BEHAVIOUR and row["updated_at"] > at for row in rows)
    log: Log | None = None
    complete = True
    if past or evidence:
        log = read_log(tx, user_id, until=at, limit=settings.interests.past_events_max)
        complete = log.complete and not any(row["log_gap_at"] or row["old_mass"] for row in found)
    if past and log is not None:
        rows = _past_rows(tx, rows, log, settings, at)
    guess = inferred_interests(tx, user_id, settings) if model and not past and settings.interests.model_mass else []
    interests = share_out(with_wider(rows), guess, model_mass=settings.interests.model_mass)
    mass = sum(interest.behaviour + interest.declared for interest in interests)
    shown = interests[:limit]
    if evidence and log is not None:
        wider = {row["id"]: [(name, weight) for name, _, _, weight in row["wider"]] for row in rows}
        named = evidence_of(tx, log, [interest.id for interest in shown], settings, at=at, limit=evidence, wider=wider)
        shown = tuple(replace(interest, evidence=named.get(interest.id, ())) for interest in shown)
    return UserInterests(user_id, bool(found), at, mass, shown, past, complete)


def _past_rows(
    tx: Tx, rows: Sequence[Mapping[str, Any]], log: Log, settings: Settings, at: EpochMs
) -> list[dict[str, Any]]:
    """Give the rows as they stood at a past time."""
    half_life_ms = days_ms(settings.interests.half_life_days)
    states = interests_at(log.events, log.about, settings, at)
    masses = {name: state.mass * 2.0 ** ((state.updated_at - at) / half_life_ms) for name, state in states.items()}
    counts = {name: state.count for name, state in states.items()}
    times = {name: state.updated_at for name, state in states.items()}
    for row in rows:
        # What pruned events gave is kept as a sum; it was there at this time if the newest of them came before.
        if row["old_mass"] is not None and row["old_at"] <= at:
            name = row["id"]
            masses[name] = masses.get(name, 0.0) + row["old_mass"] * 2.0 ** ((row["old_at"] - at) / half_life_ms)
            counts[name] = counts.get(name, 0) + (row["old_count"] or 0)
            times[name] = max(times.get(name, 0), row["old_at"])
    names = {row["id"]: (row["kind"], row["name"], row["wider"]) for row in rows}
    missing = sorted(masses.keys() - names.keys())
    if missing:
        found = tx.run("interests/names", ids=missing)
        names |= {row["id"]: (row["kind"], row["name"], row["wider"]) for row in found}
    then = [
        {
            "id": name,
            "kind": names[name][0],
            "name": names[name][1],
            "wider": names[name][2],
            "source": InterestSource.BEHAVIOUR,
            "value": masses[name],
            "count": counts[name],
            "updated_at": times[name],
        }
        for name in masses
        if name in names
    ]
    declared = [
        dict(row) for row in rows if row["source"] == InterestSource.DECLARED and (row["updated_at"] or 0) <= at
    ]
    return then + declared


def share_out(
    rows: Iterable[Mapping[str, Any]], guess: Sequence[InferredInterest] = (), *, model_mass: float = 0.0
) -> tuple[UserInterest, ...]:
    """Make interests with shares of one row for each interest and source; all 0 where nothing is known.

    Args:
        rows: With id, kind, name, source, value, updated_at, and count where there is one.
        guess: What the model infers, a distribution.
        model_mass: κ of the formula above.
    """
    values: dict[str, dict[str, float]] = {}
    about: dict[str, tuple[str | None, str | None, EpochMs, int]] = {}
    for row in rows:
        by_source = values.setdefault(row["id"], dict.fromkeys(InterestSource, 0.0))
        by_source[row["source"]] += max(0.0, row["value"])
        _, _, newest, count = about.get(row["id"], (None, None, 0, 0))
        about[row["id"]] = (
            row["kind"], row["name"], max(newest, row["updated_at"] or 0), count + (row.get("count") or 0)
        )  # fmt: skip
    for inferred in guess:
        values.setdefault(inferred.id, dict.fromkeys(InterestSource, 0.0))[InterestSource.MODEL] += inferred.part
        about.setdefault(inferred.id, (inferred.kind, inferred.name, 0, 0))
    weights = {
        interest_id: parts[InterestSource.BEHAVIOUR]
        + parts[InterestSource.DECLARED]
        + model_mass * parts[InterestSource.MODEL]
        for interest_id, parts in values.items()
    }
    total = sum(weights.values())
    interests = [
        UserInterest(
            id=interest_id,
            kind=about[interest_id][0],
            name=about[interest_id][1],
            share=weights[interest_id] / total if total > 0 else 0.0,
            behaviour=parts[InterestSource.BEHAVIOUR],
            declared=parts[InterestSource.DECLARED],
            model=parts[InterestSource.MODEL],
            updated_at=about[interest_id][2],
            count=about[interest_id][3],
        )
        for interest_id, parts in values.items()
    ]
    return tuple(sorted(interests, key=lambda interest: (-interest.share, interest.id)))
