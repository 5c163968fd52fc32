"""How full the stream is, and how far its consumers are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from engine.domain import EpochMs
from engine.settings import StreamSettings
from engine.stream.connection import mapped

_ASLEEP_MS: Final = 10_000
_FOLLOW_UP: Final = "follow_up:"


def totals_key(settings: StreamSettings) -> str:
    """Give the hash that holds what consumers have counted."""
    return f"{settings.key}:totals"


def follow_up_name(version: str, event_type: str) -> str:
    """Name the count of events of a type that follow from answers of a version, among what consumers have counted."""
    return f"{_FOLLOW_UP}{version}:{event_type}"


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """One consumer: its name, the events it has in hand, and the milliseconds since it last asked."""

    name: str
    pending: int
    idle_ms: int


@dataclass(frozen=True, slots=True)
class StreamState:
    """The stream at one moment.

    Attributes:
        length: Events in it, those in the hands of consumers included; 0 when all are in the graph.
        pending: Events in the hands of consumers.
        waiting: Events that no consumer has taken yet.
        oldest_at: When the oldest of them was put in, epoch ms by the clock of Redis; none when it is empty.
        lag_s: Seconds since then, by the same clock.
        dead: Refused events that are kept.
        accepted: Events written by consumers since the stream was made.
        duplicates: Events that were in the graph already.
        refused: Events refused.
        paused_s: Seconds that consumers have waited for the fold.
        consumers: Those that the group knows.
        follow_ups: Accepted events that name an answer, by the version that made it and their type.
    """

    length: int
    pending: int
    waiting: int
    oldest_at: EpochMs | None
    lag_s: float
    dead: int
    accepted: int
    duplicates: int
    refused: int
    paused_s: float
    consumers: tuple[ConsumerState, ...]
    follow_ups: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def awake(self) -> int:
        """Consumers that have asked for events lately, or have some in hand."""
        return sum(each.idle_ms < _ASLEEP_MS or each.pending > 0 for each in self.consumers)


def stream_state(client: redis.Redis, settings: StreamSettings) -> StreamState:
    """Read the state of the stream; a stream that was never used is empty.

    Raises:
        BrokerUnavailableError: Redis does not answer.
    """
    with mapped():
        pipe = client.pipeline(transaction=False)
        pipe.xlen(settings.key)
        pipe.xpending(settings.key, settings.group)
        pipe.xrange(settings.key, count=1)
        pipe.xlen(settings.dead_key)
        pipe.hgetall(totals_key(settings))
        pipe.time()
        pipe.xinfo_consumers(settings.key, settings.group)
        length, pending, oldest, dead, totals, clock, consumers = _answers(pipe.execute(raise_on_error=False))
    now = clock[0] * 1000 + clock[1] // 1000
    oldest_at = int(oldest[0][0].partition(b"-")[0]) if oldest else None
    in_hand = int(pending["pending"]) if pending else 0
    return StreamState(
        length=length or 0,
        pending=in_hand,
        waiting=max(0, (length or 0) - in_hand),
        oldest_at=oldest_at,
        lag_s=max(0, now - oldest_at) / 1000 if oldest_at is not None else 0.0,
        dead=dead or 0,
        accepted=int((totals or {}).get(b"accepted", 0)),
        duplicates=int((totals or {}).get(b"duplicates", 0)),
        refused=int((totals or {}).get(b"refused", 0)),
        paused_s=int((totals or {}).get(b"paused_ms", 0)) / 1000,
        consumers=tuple(
            ConsumerState(found["name"].decode(), int(found["pending"]), int(found["idle"]))
            for found in consumers or ()
        ),
        follow_ups=dict(_follow_ups(totals or {})),
    )


def _follow_ups(totals: Mapping[bytes, bytes]) -> Iterator[tuple[tuple[str, str], int]]:
    for name, count in totals.items():
        prefix, _, rest = name.decode().partition(":")
        if f"{prefix}:" == _FOLLOW_UP:
            version, _, event_type = rest.partition(":")
            yield (version, event_type), int(count)


def _answers(answers: list[Any]) -> list[Any]:
    """Take the error of a stream or group that is not there for nothing; others are errors."""
    for place, answer in enumerate(answers):
        if isinstance(answer, redis.ResponseError) and str(answer).startswith(("NOGROUP", "no such key")):
            answers[place] = None
        elif isinstance(answer, Exception):
            raise answer
    return answers
