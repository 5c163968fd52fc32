"""The rate limit while its Redis is away."""

from __future__ import annotations

import pytest
from flask import Flask

from api.limits import RateLimit


def app_with(limit: RateLimit) -> Flask:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: "answered")
    limit.register(app)
    return app


def test_a_thread_that_comes_second_to_a_dead_redis_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimit("5 per minute", "redis://127.0.0.1:1/0", 0.3)
    app = app_with(limit)

    def hit(*arguments: object, **options: object) -> bool:
        # Meanwhile the other thread has noticed it.
        limit._limiter._storage_dead = True
        raise ConnectionError("away")

    monkeypatch.setattr(limit._limiter._limiter, "hit", hit)
    assert app.test_client().get("/").status_code == 200


def test_without_redis_each_process_counts_by_itself() -> None:
    client = app_with(RateLimit("5 per minute", "redis://127.0.0.1:1/0", 0.3)).test_client()
    statuses = [client.get("/").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
