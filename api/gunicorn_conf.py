"""How gunicorn serves the API: `gunicorn -c python:api.gunicorn_conf api.wsgi:app`.

Everything comes from the settings. The code is loaded once and forked; connections, the model and the refresher of the
ranking state are opened by each process for itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# One thread for each product: a process answers several requests at once anyway. Read when numpy is loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Processes share their counters through files; the name must be known before prometheus_client is loaded.
_metrics_are_ours = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _metrics_are_ours:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="interestgraph-metrics-")
_metrics_dir = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
_metrics_dir.mkdir(parents=True, exist_ok=True)
for _old in _metrics_dir.glob("*.db"):
    _old.unlink()

from api.memory import use_one_arena  # noqa: E402 - after the variables above
from engine.settings import get_settings  # noqa: E402

use_one_arena()

_settings = get_settings()

bind = f"{_settings.api.host}:{_settings.api.port}"
workers = _settings.api.processes
threads = _settings.api.threads
worker_class = "api.worker.ProblemThreadWorker"
preload_app = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats, not data
timeout = 60
graceful_timeout = 20
keepalive = 15
backlog = 512
limit_request_line = 8190
limit_request_field_size = 8190
control_socket_disable = True
proc_name = "interestgraph-api"
loglevel = _settings.log_level.lower()
accesslog = None  # the application writes one line for each request
logger_class = "api.logs.GunicornLogger"


def when_ready(server: Any) -> None:
    """Say where the API listens; with port 0 nobody knew before."""
    host, port = server.LISTENERS[0].sock.getsockname()[:2]
    server.log.info("listening on http://%s:%s", f"[{host}]" if ":" in host else host, port)


def post_worker_init(worker: Any) -> None:
    """Open what a process needs and keep its ranking state fresh, now that it is forked."""
    from api.container import container_of

    worker.interestgraph_container = container_of(worker.wsgi)
    worker.interestgraph_container.start()


def worker_exit(server: Any, worker: Any) -> None:
    """Close what a process had open."""
    container = getattr(worker, "interestgraph_container", None)
    if container is not None:
        container.close()


def child_exit(server: Any, worker: Any) -> None:
    """Take a dead process out of the metrics that only count the living."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the counters' files."""
    if _metrics_are_ours:
        shutil.rmtree(_metrics_dir, ignore_errors=True)
