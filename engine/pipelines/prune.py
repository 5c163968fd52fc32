"""Pruning by the limits of the settings, as a job and by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.domain import EpochMs, now_ms
from engine.graph.store import GraphStore
from engine.jobs.run import JobRun
from engine.retention.limits import limits_at
from engine.retention.prune import prune
from engine.settings import Settings

_MS_PER_HOUR: Final = 3_600_000


def run_prune(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Prune; a run that was cut goes on after the last user it had done."""

    def progress(stage: str, done: int, total: int) -> None:
        run.report(done, total, f"prunes {stage}")
        run.check()

    pruned = prune(run.store, settings, dry_run=bool(run.job.params.get("dry_run")), progress=progress)
    found = pruned.to_dict()
    return found | {"differing": len(pruned.differing)}


def pruning_due(store: GraphStore, settings: Settings, now: EpochMs | None = None) -> bool:
    """Tell whether there is anything to prune by the settings and the last pruning was long enough ago, or was cut.

    Raises:
        SettingsError: Events would go while they still count.
    """
    moment = now_ms() if now is None else now
    if not limits_at(settings, moment).anything:
        return False
    [log] = store.read("retention/log")
    if log["cursor"] is not None or log["finished_at"] is None:
        return True
    return bool(moment - log["finished_at"] >= settings.retention.every_hours * _MS_PER_HOUR)
