"""Puts events into the stream, as long as there is room."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import redis

from engine.errors import StreamFullError
from engine.settings import Settings
from engine.stream.connection import connect, mapped
from engine.stream.entries import CREATE_MISSING, EVENT, encode

_PIECE: Final = 1000
_RETRY_AFTER_S: Final = 2
_PAUSE_S: Final = 0.05
# All of a piece or nothing: two senders cannot both take the last places.
_PUT: Final = f"""
local n = #ARGV - 2
if redis.call('XLEN', KEYS[1]) + n > tonumber(ARGV[1]) then return false end
local ids = {{}}
for i = 1, n do
    if ARGV[2] == '1' then
        ids[i] = redis.call('XADD', KEYS[1], '*', '{EVENT}', ARGV[i + 2], '{CREATE_MISSING}', '1')
    else
        ids[i] = redis.call('XADD', KEYS[1], '*', '{EVENT}', ARGV[i + 2])
    end
end
return ids
"""


class EventProducer:
    """Sends events through the stream. Safe to share between threads.

    What `send` has given an id for stands in the stream; the consumer writes it to the graph, or puts it among the
    dead letters with the reason.

    Args:
        settings: Where Redis is, and how much may wait.
        client: A connection pool to use; made from the settings, and closed in the end, where none is given.
    """

    def __init__(self, settings: Settings, client: redis.Redis | None = None) -> None:
        self._stream = settings.stream
        self._is_ours = client is None
        self._client = client or connect(settings)
        self._put = self._client.register_script(_PUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that this producer has opened."""
        if self._is_ours:
            self._client.close()

    def length(self) -> int:
        """Give how many events are in the stream, those that a consumer is writing included."""
        with mapped():
            return int(self._client.xlen(self._stream.key))

    def send(
        self, events: Sequence[Mapping[str, Any] | bytes | str], *, create_missing: bool = False, wait_s: float = 0.0
    ) -> list[str]:
        """Put events into the stream, in order.

        Args:
            events: Objects as `POST /v1/events` takes them, or their JSON. An event without `id` gets one from its
                entry: give ids where you may send again.
            create_missing: Make items that are not there, instead of refusing the events.
            wait_s: Seconds to wait for room.

        Returns:
            Ids of the entries.

        Raises:
            InvalidInputError: An event is nothing that JSON can say; nothing was sent.
            PayloadTooLargeError: An event is too long; nothing was sent.
            StreamFullError: There is no room; `sent` says how many went in before that.
            BrokerUnavailableError: Redis does not answer; some may have gone in.
        """
        limit = self._stream.max_event_bytes
        data = [encode(event, limit_bytes=limit, field=f"events[{place}]") for place, event in enumerate(events)]
        deadline = time.monotonic() + wait_s
        ids: list[str] = []
        size = min(_PIECE, self._stream.max_length)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            while (put := self._send(piece, create_missing)) is None:
                if time.monotonic() >= deadline:
                    raise _full(self._stream.max_length, len(ids))
                time.sleep(min(_PAUSE_S, max(0.0, deadline - time.monotonic())))
            ids += put
        return ids

    def _send(self, piece: Sequence[bytes], create_missing: bool) -> list[str] | None:
        arguments: list[Any] = [self._stream.max_length, "1" if create_missing else "0", *piece]
        with mapped():
            put: Any = self._put(keys=[self._stream.key], args=arguments)
        return None if put is None else [entry_id.decode() for entry_id in put]


def _full(max_length: int, sent: int) -> StreamFullError:
    error = StreamFullError(
        f"{max_length} events wait in the stream already.",
        retry_after_s=_RETRY_AFTER_S,
        remedy="Send it again after a while; see that the consumer runs: interestgraph events status.",
    )
    error.sent = sent
    return error
