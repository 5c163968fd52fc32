"""What the tasks of one process work with: opened when first needed, so after the fork."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

import structlog
from celery.worker import state

from engine.errors import DatabaseUnavailableError
from engine.graph.store import GraphStore
from engine.settings import get_settings

_LONGEST_WAIT_S: Final = 10.0
_log = structlog.get_logger("workers")
_lock = threading.Lock()
_opened: tuple[int, GraphStore] | None = None


def store() -> GraphStore:
    """Give this process's store, opened if it is not.

    Raises:
        DatabaseUnavailableError: Neo4j does not answer.
        AuthenticationFailedError: It refuses the login.
    """
    global _opened
    with _lock:
        # A store of the parent process would share its sockets.
        if _opened is None or _opened[0] != os.getpid():
            _opened = (os.getpid(), GraphStore.open(get_settings()))
        return _opened[1]


def wait_for_store() -> GraphStore:
    """Give the store as soon as Neo4j answers.

    Raises:
        DatabaseUnavailableError: The worker ends before it does.
    """
    wait_s = 0.5
    while True:
        try:
            return store()
        except DatabaseUnavailableError as error:
            if stopping():
                raise
            _log.warning("waits_for_database", wait_s=wait_s, error=str(error))
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def stopping() -> bool:
    """Tell whether this worker was asked to end; running jobs then go back to the queue."""
    # Celery keeps the exit status here, and 0 is one.
    return any(asked is not None and asked is not False for asked in (state.should_stop, state.should_terminate))
