"""How many requests one key or address may make.

Counted in Redis, so by all processes together. While Redis is away each process counts in its own memory and looks for
Redis again after 1, 2, 4, … 32 seconds: requests are answered all the same.
"""

from __future__ import annotations

import time
from typing import Any, Final

import limits
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded

from api.errors import RateLimitedError
from api.problems import answer_error

_REFUSALS: Final = limits.parse("120 per minute")
_EXEMPT: Final = frozenset({"health", "metrics", "openapi", "swagger"})


def caller() -> str:
    """Name whom the present request is counted for: the key's id once it is known to be good, else the address."""
    key_id = g.get("key_id")
    return f"key:{key_id}" if key_id else f"address:{request.remote_addr}"


class RateLimit:
    """The limit of one application.

    Args:
        limit: As Flask-Limiter writes it, for example `6000 per minute`.
        redis_url: Where it is counted; none counts in memory.
        timeout_s: Seconds to wait for Redis; one that hangs is treated like one that is away.
    """

    def __init__(self, limit: str, redis_url: str | None, timeout_s: float) -> None:
        timeouts: dict[str, Any] = {"socket_connect_timeout": timeout_s, "socket_timeout": timeout_s}
        storage_options = timeouts if redis_url else {}
        self._limiter = Limiter(
            key_func=caller,
            application_limits=[limit],
            storage_uri=redis_url or "memory://",
            storage_options=storage_options,
            strategy="fixed-window",
            in_memory_fallback_enabled=True,
            in_memory_fallback=[limit],
            key_prefix="interestgraph",
            # Of two threads that find Redis away at once, the library falls back for one and raises in the other.
            swallow_errors=True,
        )
        self._limiter.request_filter(lambda: request.blueprint in _EXEMPT)

    def register(self, app: Flask) -> None:
        """Count each request of an application; after its keys are checked."""
        self._limiter.init_app(app)
        app.register_error_handler(RateLimitExceeded, self._refuse)

    def _refuse(self, error: RateLimitExceeded) -> Response:
        current = self._limiter.current_limit
        wait_s = 1 if current is None else max(1, round(current.reset_at - time.time()))
        return answer_error(
            RateLimitedError(
                f"More than {error.description} from one key or address.",
                retry_after_s=wait_s,
                remedy=f"Wait {wait_s} s; send events in batches.",
            )
        )

    def count_refusal(self) -> None:
        """Count a request that is refused for its key, by its address.

        Raises:
            RateLimitedError: There were too many of them.
        """
        try:
            let_through = self._limiter.limiter.hit(_REFUSALS, "refused", str(request.remote_addr))
        except Exception:
            # Redis is away. The refusal itself stands; the count can wait.
            return
        if not let_through:
            raise RateLimitedError(
                f"More than {_REFUSALS} without a valid API key.",
                retry_after_s=60,
                remedy="Check the key before you try again.",
            )
