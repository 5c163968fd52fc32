"""The way to the Redis server that holds the stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.broker import broker_url
from engine.errors import BrokerUnavailableError
from engine.settings import Settings

_TIMEOUT_S: Final = 5.0


def connect(settings: Settings, *, timeout_s: float = _TIMEOUT_S) -> redis.Redis:
    """Give a connection pool; nothing is sent yet. What is tried again, and how often, its user decides."""
    return redis.Redis.from_url(
        broker_url(settings),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


@contextmanager
def mapped() -> Iterator[None]:
    """Turn the driver's errors into the project's.

    Raises:
        BrokerUnavailableError: The server does not answer, is still loading, or has no memory left.
    """
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise BrokerUnavailableError(
            f"The Redis server does not answer: {error}.", remedy="See that it runs: interestgraph status."
        ) from error
    except redis.ResponseError as error:
        raise BrokerUnavailableError(
            f"The Redis server refuses: {error}.", remedy="See its log: interestgraph logs valkey."
        ) from error
