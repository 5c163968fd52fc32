from __future__ import annotations

import json

import pytest
from gunicorn.http import errors

from api.worker import response_to


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.LimitRequestLine(9000, 8190), 414),
        (errors.LimitRequestHeaders("too many"), 431),
        (errors.InvalidRequestLine("x"), 400),
        (errors.InvalidHeader("x"), 400),
        (errors.UnsupportedTransferCoding("x"), 501),
        (RuntimeError("secret"), 500),
    ],
)
def test_unreadable_request_is_a_problem_too(error: Exception, status: int) -> None:
    head, _, body = response_to(error).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in lines
    assert f"Content-Length: {len(body)}" in lines
    problem = json.loads(body)
    assert problem["status"] == status
    assert f"X-Request-ID: {problem['request_id']}" in lines
    assert "secret" not in body.decode()
