"""One id a request, in its answer and in each of its log lines."""

from __future__ import annotations

import re
import uuid
from typing import Final

import structlog
from flask import Flask, Response, g, request

HEADER: Final = "X-Request-ID"
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def accept(given: str | None) -> str:
    """Give the caller's id if it is sane, else a new one."""
    if given is not None and _SANE.fullmatch(given):
        return given
    return uuid.uuid4().hex


def register(app: Flask) -> None:
    """Give each request of an application its id."""

    @app.before_request
    def begin() -> None:
        g.request_id = accept(request.headers.get(HEADER))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def name(response: Response) -> Response:
        response.headers[HEADER] = g.get("request_id") or uuid.uuid4().hex
        return response
