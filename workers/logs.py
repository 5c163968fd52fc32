"""Log lines of workers with fields, task and job ids bound."""

from __future__ import annotations

from typing import Final

from engine.logs import configure_logs
from engine.settings import Settings

# Said by each message of the beat; one line a second helps nobody.
_QUIET: Final = {
    "celery.beat": "WARNING",
    "celery.worker.strategy": "WARNING",
    "celery.worker.request": "WARNING",
    "celery.app.trace": "WARNING",
    "neo4j": "ERROR",
}


def configure(settings: Settings) -> None:
    """Set the log lines of a worker."""
    configure_logs(settings, quiet=_QUIET)
