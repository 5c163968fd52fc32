"""Addresses that hold ids, also ids with a slash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from flask import Flask, request
from werkzeug.routing import BaseConverter

from api.errors import Fault, InvalidRequestError

_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
# Never part of an id, so it can stand for a slash until the address is matched.
_STAND_IN: Final = "\x1f"

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class IdConverter(BaseConverter):
    """One segment of an address, in which `%2F` is a slash of the id."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Give the id."""
        return value.replace(_STAND_IN, "/")


def keep_encoded_slashes(app: WsgiApp) -> WsgiApp:
    """Let `%2F` in an address pass for something else than `/`, which WSGI takes for the same."""

    def middleware(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
        if "%2f" in raw.lower() and "%1f" not in raw.lower() and raw.startswith("/"):
            path = raw.removeprefix(environ.get("SCRIPT_NAME", ""))
            environ["PATH_INFO"] = unquote_to_bytes(_ENCODED_SLASH.sub("%1F", path)).decode("latin-1")
        return app(environ, start_response)

    return middleware


def register(app: Flask) -> None:
    """Teach an application these addresses."""
    app.url_map.converters["id"] = IdConverter
    app.wsgi_app = keep_encoded_slashes(app.wsgi_app)  # type: ignore[method-assign, assignment]

    @app.before_request
    def refuse_broken_text() -> None:
        # werkzeug would put the same stand-in for every byte that is not UTF-8, so that different ids become one.
        path = request.environ["PATH_INFO"]
        if path.isascii():
            return
        try:
            path.encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise InvalidRequestError(
                [Fault("The address is not UTF-8.", "path", path, "Encode ids as UTF-8, then percent-encode them.")]
            ) from None
