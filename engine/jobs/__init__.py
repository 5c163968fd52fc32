"""Jobs: work that takes longer than a request, kept as `:Job` nodes."""

from __future__ import annotations

from engine.jobs.job import Job, create_job, get_job, list_jobs, request_cancel
from engine.jobs.parameters import JobKind, parse_parameters

__all__ = ["Job", "JobKind", "create_job", "get_job", "list_jobs", "parse_parameters", "request_cancel"]
