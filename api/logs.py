"""Log lines with fields: JSON for machines, colours for people."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request

from api.metrics import route_of_request
from engine.logs import configure_logs
from engine.settings import Settings, get_settings

_QUIET_BLUEPRINTS: Final = frozenset({"health", "metrics"})
# The driver and the limiter say in many lines what the health page says in one.
_QUIET: Final = {"neo4j": "ERROR", "flask-limiter": "ERROR"}
_log = structlog.get_logger("api.access")


def configure(settings: Settings) -> None:
    """Set the log lines of an API process."""
    configure_logs(settings, quiet=_QUIET)


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
