"""Takes events out of the stream and writes them to the graph, a batch at a time, each event once.

An entry is taken away only when its event is in the graph or among the dead letters; what a killed consumer had in hand
is delivered again, to the next of the same name at once, to others after `settings.stream.claim_idle_s`. Writing an
event again changes nothing, so it does not matter who was faster.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import redis
import structlog

from engine.domain import now_ms
from engine.errors import (
    AuthenticationFailedError,
    BrokerUnavailableError,
    DatabaseUnavailableError,
    InterestGraphError,
    QueryTimeoutError,
)
from engine.events.ingest import ingest
from engine.graph.store import GraphStore
from engine.ranking.click_through import FollowUps
from engine.settings import Settings
from engine.stream.connection import mapped
from engine.stream.entries import Entry, dead_fields
from engine.stream.pace import Pace
from engine.stream.state import follow_up_name, totals_key

_BLOCK_MS: Final = 1000
_BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_SUSPECT_AFTER: Final = 3
"""Deliveries after which an entry is tried alone: its consumers died, perhaps of it."""

_ALONE_TRIES: Final = 3
_STRANGE_IN_A_ROW: Final = 10
"""Faults of ours, one event after the other, after which it cannot be the events."""

_FORGET_IDLE_MS: Final = 3_600_000
_PLACE: Final = re.compile(r"^\w+\[\d+\]")
_AWAY: Final = (BrokerUnavailableError, DatabaseUnavailableError, AuthenticationFailedError)
# Only who takes an entry out of the group may make a dead letter of it: two consumers of one name make one.
_BURY: Final = """
local buried = 0
local at = 3
while at <= #ARGV do
    local id, n = ARGV[at], tonumber(ARGV[at + 1])
    if redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, at + 2, at + 1 + n))
        redis.call('HINCRBY', KEYS[3], 'refused', 1)
        buried = buried + 1
    end
    redis.call('XDEL', KEYS[1], id)
    at = at + 2 + n
end
return buried
"""
# In one step: what a consumer takes in between would be lost with it.
_FORGET: Final = """
for _, found in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = {}
    for i = 1, #found, 2 do consumer[found[i]] = found[i + 1] end
    if consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    end
end
"""
_log = structlog.get_logger("engine.stream")


class StreamConsumer:
    """One consumer of the group. One thread uses it.

    Args:
        open_store: Gives the graph; asked again after it could not.
        client: A connection pool to Redis whose time-out is above two seconds.
        settings: Names and sizes.
        name: What it is called in the group.
    """

    def __init__(
        self, open_store: Callable[[], GraphStore], client: redis.Redis, settings: Settings, *, name: str
    ) -> None:
        self._open_store = open_store
        self._client = client
        self._settings = settings
        self._stream = settings.stream
        self._name = name
        self._bury = client.register_script(_BURY)
        self._forget = client.register_script(_FORGET)
        self._follow_ups = FollowUps()
        self._pace = Pace(settings.stream.max_unfolded)
        # What is in hand, in parts that are written one by one; the last comes first.
        self._parts: list[list[Entry]] = []
        self._own_after: str | None = "0"
        self._claim_cursor = "0-0"
        self._claimed_at = 0.0
        self._tries = 0
        self._strange = 0

    def run(self, stop: threading.Event) -> None:
        """Work until asked to stop; the batch in hand is finished, unless a server is away."""
        failures = 0
        while not stop.is_set():
            try:
                self.step(stop)
            except Exception as error:
                wait_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
                failures += 1
                # What is no error of the tree is a fault of ours; it ends no process that others rely on.
                unknown = not isinstance(error, InterestGraphError)
                _log.warning("consumer_waits", wait_s=wait_s, error=str(error), exc_info=unknown)
                stop.wait(wait_s)
            else:
                if failures:
                    _log.info("consumer_goes_on")
                failures = 0
        while self._parts:
            try:
                self._write(self._parts[-1])
            except Exception as error:
                _log.warning("consumer_leaves", events=sum(map(len, self._parts)), error=str(error))
                return

    def step(self, stop: threading.Event | None = None, *, block_ms: int = _BLOCK_MS) -> int:
        """Take a batch, or go on with the one in hand, and finish one part of it.

        Args:
            stop: Ends a wait for the fold.
            block_ms: Milliseconds to wait for the first event.

        Returns:
            Events finished.

        Raises:
            InterestGraphError: A server is away, or it is not the events; what is in hand stays there.
        """
        if not self._parts:
            self._slow_down(stop or threading.Event())
            self._parts = self._take(block_ms)
            if not self._parts:
                return 0
        return self._write(self._parts[-1])

    # Taking

    def _take(self, block_ms: int) -> list[list[Entry]]:
        with mapped():
            try:
                return self._take_own() or self._claim() or self._take_new(block_ms)
            except redis.ResponseError as error:
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                # The server was emptied, or nobody was here before.
                self._make_group()
                return self._take_new(block_ms)
            except (redis.ConnectionError, redis.TimeoutError):
                # Events may have been given to this consumer in an answer that never came.
                self._own_after = "0"
                raise

    def _make_group(self) -> None:
        try:
            self._client.xgroup_create(self._stream.key, self._stream.group, id="0", mkstream=True)
            _log.info("group_made", stream=self._stream.key, group=self._stream.group)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _take_own(self) -> list[list[Entry]]:
        """Take again what a consumer of this name had in hand when it ended."""
        if self._own_after is None:
            return []
        entries, self._own_after = self._read(self._own_after)
        return self._sift(entries)

    def _claim(self) -> list[list[Entry]]:
        """Take over what others have in hand for too long."""
        now = time.monotonic()
        if self._claim_cursor == "0-0" and now < self._claimed_at + self._stream.claim_idle_s / 2:
            return []
        self._claimed_at = now
        answer: Any = self._client.xautoclaim(
            self._stream.key,
            self._stream.group,
            self._name,
            min_idle_time=int(self._stream.claim_idle_s * 1000),
            start_id=self._claim_cursor,
            count=self._stream.batch,
        )
        self._claim_cursor = answer[0].decode()
        entries = [Entry.of(found) for found in answer[1] if found[1] is not None]
        if entries:
            _log.info("events_claimed", events=len(entries))
        else:
            self._forget_consumers()
        return self._sift(entries)

    def _forget_consumers(self) -> None:
        self._forget(keys=[self._stream.key], args=[self._stream.group, _FORGET_IDLE_MS])

    def _take_new(self, block_ms: int) -> list[list[Entry]]:
        entries, _ = self._read(">", block_ms=block_ms)
        return [entries] if entries else []

    def _read(self, after: str, *, block_ms: int | None = None) -> tuple[list[Entry], str | None]:
        """Give entries, and the id of the last one."""
        answer: Any = self._client.xreadgroup(
            self._stream.group, self._name, {self._stream.key: after}, count=self._stream.batch, block=block_ms
        )
        found = answer[0][1] if answer else []
        # An entry that was deleted while somebody had it in hand comes without fields.
        gone = [entry_id for entry_id, fields in found if not fields]
        if gone:
            self._client.xack(self._stream.key, self._stream.group, *gone)
        return [Entry.of(entry) for entry in found if entry[1]], found[-1][0].decode() if found else None

    def _sift(self, entries: list[Entry]) -> list[list[Entry]]:
        """Give the parts in which entries are written: suspects alone, those delivered too often not at all."""
        if not entries:
            return []
        answer: Any = self._client.xpending_range(
            self._stream.key,
            self._stream.group,
            min=entries[0].id,
            max=entries[-1].id,
            count=2 * self._stream.batch,
            consumername=self._name,
        )
        deliveries = {found["message_id"].decode(): int(found["times_delivered"]) for found in answer}
        doomed = [entry for entry in entries if deliveries.get(entry.id, 1) > self._stream.max_deliveries]
        if doomed:
            error = InterestGraphError(
                f"Its consumer ended {self._stream.max_deliveries} times before the event was written.",
                remedy="See the consumer's log, then send it again: interestgraph events dead replay.",
            )
            self._finish([], [(entry, error) for entry in doomed], {})
        left = [entry for entry in entries if deliveries.get(entry.id, 1) <= self._stream.max_deliveries]
        alone = [entry for entry in left if deliveries.get(entry.id, 1) > _SUSPECT_AFTER]
        rest = [entry for entry in left if deliveries.get(entry.id, 1) <= _SUSPECT_AFTER]
        # The last part is written first: those that nobody suspects.
        return [*([entry] for entry in reversed(alone)), *([rest] if rest else [])]

    # Writing

    def _write(self, part: list[Entry]) -> int:
        """Write one part; where it cannot be written as a whole, it is halved until the culprit stands alone."""
        try:
            good, dead, counts = self._ingest(part)
        except _AWAY as error:
            # Too much for the server's memory comes as busy, too: less at once may do.
            if len(part) > 1 and getattr(error.__cause__, "code", None):
                self._halve(part)
            raise
        except QueryTimeoutError as error:
            if len(part) > 1:
                self._halve(part)
                raise
            self._tries += 1
            if self._tries < _ALONE_TRIES:
                raise
            good, dead, counts = [], [(part[0], error)], {}
        except Exception as error:
            if len(part) > 1:
                _log.warning("batch_fails", events=len(part), error=repr(error))
                self._halve(part)
                return 0
            fault = (
                error if isinstance(error, InterestGraphError) else InterestGraphError(f"A fault of ours: {error!r}.")
            )
            self._strange += 1
            if self._strange >= _STRANGE_IN_A_ROW:
                # Burying everything would help nobody.
                _log.error("consumer_fails", error=repr(error), exc_info=error)
                raise fault from error
            good, dead, counts = [], [(part[0], fault)], {}
        else:
            self._strange = 0
        self._tries = 0
        self._finish(good, dead, counts)
        self._pace.wrote(counts.get("accepted", 0))
        self._parts.pop()
        return len(part)

    def _halve(self, part: list[Entry]) -> None:
        middle = len(part) // 2
        self._parts.pop()
        self._parts += [part[middle:], part[:middle]]

    def _ingest(
        self, part: Sequence[Entry]
    ) -> tuple[list[Entry], list[tuple[Entry, InterestGraphError]], dict[str, int]]:
        """Write a part to the graph; give what is there now, what is refused and why, and counts."""
        good: list[Entry] = []
        dead: list[tuple[Entry, InterestGraphError]] = []
        readable: dict[bool, list[tuple[Entry, dict[str, Any]]]] = {False: [], True: []}
        counts = {"accepted": 0, "duplicates": 0}
        for entry in part:
            try:
                raw = entry.raw(limit_bytes=self._stream.max_event_bytes)
            except InterestGraphError as error:
                dead.append((entry, error))
            else:
                readable[entry.create_missing].append((entry, raw))
        now = now_ms()
        for create_missing, found in readable.items():
            if not found:
                continue
            result = ingest(
                self._open_store(),
                [raw for _, raw in found],
                settings=self._settings,
                create_missing=create_missing,
                now=now,
                arrived=[entry.at for entry, _ in found],
                field="event",
            )
            counts["accepted"] += result.accepted
            counts["duplicates"] += result.duplicates
            follow_ups = self._follow_ups.count([raw for _, raw in found], result.outcomes)
            for (version, event_type), count in follow_ups.items():
                name = follow_up_name(version, event_type)
                counts[name] = counts.get(name, 0) + count
            for (entry, _), outcome in zip(found, result.outcomes, strict=True):
                if outcome.error is None:
                    good.append(entry)
                else:
                    if outcome.error.field is not None:
                        outcome.error.field = _PLACE.sub("event", outcome.error.field)
                    dead.append((entry, outcome.error))
        return good, dead, counts

    def _finish(
        self, good: Sequence[Entry], dead: Sequence[tuple[Entry, InterestGraphError]], counts: dict[str, int]
    ) -> None:
        """Take entries out of the stream: their events are in the graph, or become dead letters now."""
        key, group = self._stream.key, self._stream.group
        with mapped():
            try:
                if dead:
                    arguments: list[Any] = [group, self._stream.max_dead]
                    now = now_ms()
                    for entry, error in dead:
                        fields = dead_fields(entry, error, at=now)
                        arguments += [entry.id, len(fields), *fields]
                    self._bury(keys=[key, self._stream.dead_key, totals_key(self._stream)], args=arguments)
                    _log.warning("events_refused", events=len(dead), first=str(dead[0][1]))
                if good:
                    ids = [entry.id for entry in good]
                    pipe = self._client.pipeline(transaction=True)
                    pipe.xack(key, group, *ids)
                    pipe.xdel(key, *ids)
                    for name, count in counts.items():
                        if count:
                            pipe.hincrby(totals_key(self._stream), name, count)
                    pipe.execute()
            except redis.ResponseError as error:
                # Emptied in between: there is nothing left to take out, and what was refused cannot be kept.
                if not str(error).startswith("NOGROUP"):
                    raise
                _log.warning("stream_gone", events=len(good) + len(dead))

    def _slow_down(self, stop: threading.Event) -> None:
        """Wait while the fold is far behind."""
        store = self._open_store()
        waited_s = 0.0
        while (pause_s := self._pace.pause_s(lambda: int(store.read("stream/unfolded")[0]["events"]))) > 0:
            if stop.wait(pause_s):
                break
            waited_s += pause_s
            if not self._pace.is_over:
                break
        if waited_s:
            with mapped():
                self._client.hincrby(totals_key(self._stream), "paused_ms", int(waited_s * 1000))
