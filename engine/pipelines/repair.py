"""Users' relationships set to what the events say, as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.jobs.run import JobRun
from engine.settings import Settings
from engine.verification.repair import repair_users


def run_rebuild_interactions(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Repair users; a run that another has replaced stops at its next page, and what it did is right all the same."""

    def progress(stage: str, done: int, total: int) -> None:
        run.report(done, total, f"compares {stage}")
        run.check()

    repaired = repair_users(run.store, settings, progress=progress)
    return {
        "items": repaired.items,
        "users": repaired.users,
        "changed": repaired.changed,
        "relationships": repaired.relationships,
    }
