"""A live graph against its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from engine.graph.store import GraphStore
from engine.settings import Settings
from engine.verification.compare import UserChecks
from engine.verification.cooccurrence import verify_co_occurrence
from engine.verification.integrity import verify_integrity
from engine.verification.report import Check, Report
from engine.verification.users import verify_users

Progress = Callable[[str, int, int], None]


class Part(StrEnum):
    """What can be compared."""

    INTERACTED = "interacted"
    INTERESTS = "interests"
    FOLLOWS = "follows"
    CO_OCCURRENCE = "co-occurrence"
    POPULARITY = "popularity"
    INTEGRITY = "integrity"


ALL: Final = tuple(Part)
_USERS: Final = "Set them from the events: interestgraph verify --repair."
_ROWS: Final = "Count them again: interestgraph jobs start rebuild_co_occurrence."
_ENDS: Final = "Delete what dangles and send its events again; then run interestgraph verify --repair."


def verify(
    store: GraphStore,
    settings: Settings,
    *,
    what: Collection[Part] = ALL,
    sample: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Count everything again from the events and compare.

    Events may come in meanwhile; `engine.verification.users` and `.cooccurrence` say how each gets a view of one
    moment. Two numbers are equal when they differ by at most 1e-9 of the sum of the magnitudes behind them (or by
    1e-12, which taking away again leaves).

    Args:
        store: The graph.
        settings: What events are counted with.
        what: What is compared.
        sample: Users, and items, that are compared, drawn by chance; all where none is given.
        progress: Told the stage, what is done and in all; 0 where not known.

    Raises:
        ConflictError: Rows cannot be compared now: a recount is due or another process has paused the fold.
    """
    began = time.monotonic()
    report = Report()
    told = progress or (lambda stage, done, total: None)
    checks = {
        Part.INTEGRITY: Check("integrity", _ENDS),
        Part.INTERACTED: Check("interacted", _USERS),
        Part.INTERESTS: Check("interests", _USERS),
        Part.FOLLOWS: Check("follows", _USERS),
        Part.CO_OCCURRENCE: Check("co_occurrence", _ROWS),
        Part.POPULARITY: Check("popularity", _ROWS),
    }
    chosen = {part: check for part, check in checks.items() if part in what}
    report.checks.extend(chosen.values())
    if Part.INTEGRITY in chosen:
        told("integrity", 0, 1)
        verify_integrity(store, chosen[Part.INTEGRITY])
        told("integrity", 1, 1)
    if {Part.INTERACTED, Part.INTERESTS, Part.FOLLOWS} & chosen.keys():
        mass = Check("interest_mass", _USERS) if Part.INTERESTS in chosen else None
        if mass is not None:
            report.checks.append(mass)
        users = UserChecks(chosen.get(Part.INTERACTED), chosen.get(Part.INTERESTS), mass, chosen.get(Part.FOLLOWS))
        report.events = verify_users(store, settings, users, sample=sample, progress=told)
    if Part.CO_OCCURRENCE in chosen or Part.POPULARITY in chosen:
        steps = verify_co_occurrence(
            store,
            settings,
            chosen.get(Part.CO_OCCURRENCE),
            chosen.get(Part.POPULARITY),
            sample=sample,
            progress=told,
        )
        report.events = report.events or steps
    [log] = store.read("retention/log")
    report.log_begins_at = log["begins_at"]
    report.seconds = time.monotonic() - began
    return report
