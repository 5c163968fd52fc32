"""Where the Redis server is that carries messages, limits and the stream."""

from __future__ import annotations

from engine.errors import BrokerUnavailableError
from engine.settings import Settings


def broker_url(settings: Settings) -> str:
    """Give the address of the Redis server: `REDIS_URL`, else that of the embedded one.

    Raises:
        BrokerUnavailableError: The embedded one was never started here.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    from engine.embedded import EmbeddedStack

    url = EmbeddedStack(settings).redis_url()
    if url is None:
        raise BrokerUnavailableError(
            "No embedded Valkey was started here yet.",
            field="INTERESTGRAPH_HOME",
            value=str(settings.home),
            remedy="Run: interestgraph up. Or set REDIS_URL.",
        )
    return url
