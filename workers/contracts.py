"""Names of tasks and queues, and what their messages carry: ids and a version only."""

from __future__ import annotations

from typing import Final, TypedDict

CPU_QUEUE: Final = "cpu"
GPU_QUEUE: Final = "gpu"

FOLD_CO_OCCURRENCE: Final = "interestgraph.fold_co_occurrence"
DISPATCH_JOBS: Final = "interestgraph.dispatch_jobs"
RUN_JOB: Final = "interestgraph.run_job"


class JobMessage(TypedDict):
    """Message of a job: everything else is read from the `:Job` node."""

    job_id: str
    version: str | None
