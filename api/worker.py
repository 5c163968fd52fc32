"""The web server's worker: threads, and problem+json also for requests that never reach the application."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

# Nearest class first.
_STATUS: Final[tuple[tuple[type[Exception], int, str, str], ...]] = (
    (errors.LimitRequestLine, 414, "uri_too_long", "The address is too long."),
    (errors.LimitRequestHeaders, 431, "headers_too_large", "The headers are too large."),
    (errors.ExpectationFailed, 417, "expectation_failed", "The Expect header asks for something unknown."),
    (errors.UnsupportedTransferCoding, 501, "transfer_coding", "This transfer coding is unknown."),
    (errors.ForbiddenProxyRequest, 403, "forbidden", "This proxy is not trusted."),
    (errors.ParseException, 400, "bad_request", "This is not an HTTP request that can be read."),
)
_REASONS: Final = {
    400: "Bad Request",
    403: "Forbidden",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
}


def response_to(error: BaseException) -> bytes:
    """Give the whole HTTP answer to a request that could not be read, or whose handling broke off."""
    status, code, detail = 500, "internal", "Something went wrong inside."
    for kind, its_status, its_code, its_detail in _STATUS:
        if isinstance(error, kind):
            status, code, detail = its_status, its_code, its_detail
            break
    request_id = uuid.uuid4().hex
    body = json.dumps(
        {
            "type": f"urn:interestgraph:problem:{code}",
            "title": _REASONS[status],
            "status": status,
            "detail": detail,
            "code": code,
            "field": None,
            "value": None,
            "remedy": "Send a shorter address; ids have at most 512 characters." if status == 414 else None,
            "request_id": request_id,
        }
    ).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


class ProblemThreadWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker with its own HTML errors replaced."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read."""
        if isinstance(exc, errors.ParseException):
            self.log.info("unreadable request from %s: %s", (addr or ("?",))[0], exc)
        else:
            self.log.error("error handling a request", exc_info=exc)
        try:
            util.write_nonblock(client, response_to(exc))
        except OSError:
            self.log.debug("the client is gone")
