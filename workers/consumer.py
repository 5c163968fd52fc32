"""The process that writes the events of the stream to the graph: `python -m workers.consumer`.

It holds neither Celery nor torch. Several may run, on one machine or many.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

_QUIET: Final = {"neo4j": "ERROR"}
# The Neo4j driver loads these where they are installed, 70 MB for a conversion that is not used here.
_UNUSED: Final = ("pandas", "pyarrow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; give the exit status."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    parser = argparse.ArgumentParser(prog="python -m workers.consumer", description="Writes events of the stream.")
    parser.add_argument("--name", default=socket.gethostname(), help="Name in the consumer group; the host's.")
    name: str = parser.parse_args(arguments).name

    import structlog

    with _without(*_UNUSED):
        from engine.graph.store import GraphStore
        from engine.logs import configure_logs
        from engine.settings import get_settings
        from engine.stream.connection import connect
        from engine.stream.consumer import StreamConsumer

    settings = get_settings()
    configure_logs(settings, quiet=_QUIET)
    log = structlog.get_logger("workers.consumer")
    stop = threading.Event()

    def end(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    opened: list[GraphStore] = []
    lock = threading.Lock()

    def store() -> GraphStore:
        with lock:
            if not opened:
                opened.append(GraphStore.open(settings))
            return opened[0]

    with contextlib.closing(connect(settings)) as client:
        names = [name, *(f"{name}.{number}" for number in range(2, settings.stream.writers + 1))]
        threads = [
            threading.Thread(target=StreamConsumer(store, client, settings, name=each).run, args=[stop], name=each)
            for each in names
        ]
        log.info("consumer_ready", names=names, pid=os.getpid(), stream=settings.stream.key)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for each in opened:
        each.close()
    log.info("consumer_ended", name=name)
    return 0


@contextlib.contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let modules look as if they were not installed while others are imported."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


if __name__ == "__main__":
    sys.exit(main())
