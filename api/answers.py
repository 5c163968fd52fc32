"""Answers that are not problems."""

from __future__ import annotations

import json
from typing import Any

from flask import Response


def answer(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer plain data as JSON; NaN and infinite numbers are a fault of ours."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    response = Response(text, status=status, content_type="application/json")
    # Recommendations change with each event, and answers depend on the key.
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def no_content() -> Response:
    """Answer that it is done, with nothing to say."""
    return Response(status=204)
