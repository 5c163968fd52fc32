"""The tasks. Torch is imported only inside those of the `gpu` queue, when they run."""

from __future__ import annotations

from workers.tasks import fold, jobs, relations, retention, schedule

__all__ = ["fold", "jobs", "relations", "retention", "schedule"]
