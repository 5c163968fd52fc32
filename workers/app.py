"""The Celery application: `celery --app workers.app worker --queues cpu` or `--queues gpu --pool solo`.

It holds no torch: tasks import what they need when they run, so a worker of the `cpu` queue stays small.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from celery import Celery, signals

from engine.broker import broker_url
from engine.settings import get_settings
from engine.threads import wait_briefly
from workers import logs
from workers.contracts import CPU_QUEUE
from workers.queues import QUEUES, ROUTES, beat_schedule

_GRACE_S: Final = 120
"""Seconds from the soft limit, which runs of jobs keep by themselves, to the one at which a process is killed."""
_REDELIVERY_S: Final = 600
_MAX_MEMORY_KB: Final = 1_500_000
_SOCKET_TIMEOUT_S: Final = 30


def make_app() -> Celery:
    """Make the application from the settings of the environment."""
    wait_briefly()
    settings = get_settings()
    soft_limit_s = settings.workers.soft_time_limit_s + _GRACE_S
    hard_limit_s = soft_limit_s + _GRACE_S
    made = Celery("interestgraph", broker=broker_url(settings), include=["workers.tasks"])
    made.conf.update(
        accept_content=["json"],
        task_serializer="json",
        # What a task has done stands in the graph: there is no result backend.
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=soft_limit_s,
        task_time_limit=hard_limit_s,
        task_queues=QUEUES,
        task_routes=ROUTES,
        task_default_queue=CPU_QUEUE,
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_max_memory_per_child=_MAX_MEMORY_KB,
        worker_hijack_root_logger=False,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            # A message is delivered again only when its task must have ended.
            "visibility_timeout": hard_limit_s + _REDELIVERY_S,
            "socket_keepalive": True,
            "socket_timeout": _SOCKET_TIMEOUT_S,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
        },
        # In memory: nothing here needs to know when it last ran, and no file or Redis key can be lost or damaged.
        beat_scheduler="workers.beat:SteadyScheduler",
        beat_schedule=beat_schedule(settings),
        beat_max_loop_interval=5,
        timezone="UTC",
        enable_utc=True,
    )
    return made


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure(get_settings())


@signals.task_prerun.connect
def _bind_task(task_id: str = "", task: Any = None, kwargs: dict[str, Any] | None = None, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(task=getattr(task, "name", None), task_id=task_id)
    job_id = (kwargs or {}).get("job_id")
    if job_id is not None:
        structlog.contextvars.bind_contextvars(job_id=job_id)


@signals.task_postrun.connect
def _unbind_task(**_: Any) -> None:
    structlog.contextvars.clear_contextvars()


app = make_app()
