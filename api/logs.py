"""Log lines with fields: JSON for machines, colours for people."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request

from api.metrics import route_of_request
from engine.settings import Settings, get_settings

_QUIET_BLUEPRINTS: Final = frozenset({"health", "metrics"})
_log = structlog.get_logger("api.access")


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's lines through one form to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # The driver and the limiter say in many lines what the health page says in one.
    for name in ("neo4j", "flask-limiter"):
        logging.getLogger(name).setLevel("ERROR")


def register(app: Flask) -> None:
    """Write one line for each answered request."""

    @app.after_request
    def write(response: Response) -> Response:
        level = logging.DEBUG if request.blueprint in _QUIET_BLUEPRINTS else logging.INFO
        started = g.get("started")
        _log.log(
            level,
            "request",
            method=request.method,
            route=route_of_request(),
            status=response.status_code,
            duration_ms=None if started is None else round(1000 * (time.perf_counter() - started), 2),
            bytes=response.calculate_content_length(),
            address=request.remote_addr,
        )
        return response


class GunicornLogger:
    """gunicorn's own lines through the same form.

    Args:
        config: gunicorn's settings; the form of the lines comes from ours.
    """

    def __init__(self, config: Any) -> None:
        configure(get_settings())
        self._log = logging.getLogger("api.server")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write nothing: the application has written its line."""

    def reopen_files(self) -> None:
        """Do nothing: the lines go to standard error."""

    def close_on_exec(self) -> None:
        """Do nothing: the lines go to standard error."""
