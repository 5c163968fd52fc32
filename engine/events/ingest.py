"""The one path in: raw events from any way in, each accepted, known already, or refused by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from engine.collector import collector_held
from engine.domain import EpochMs, Event, now_ms
from engine.errors import InterestGraphError
from engine.events.apply import apply_events
from engine.events.parse import parse_event
from engine.events.token import FreshnessToken, encode_token
from engine.graph.store import GraphStore
from engine.settings import Settings

_MANY: Final = 100
"""Events from which on it pays to hold the collector back."""


class EventOutcome(NamedTuple):
    """What became of one event.

    Attributes:
        place: Its place in the batch.
        id: Its id; none where it could not be read.
        outcome: `accepted`, `duplicate` of one that is stored or stands before it, or `refused`.
        error: Why it was refused.
    """

    place: int
    id: str | None
    outcome: Literal["accepted", "duplicate", "refused"]
    error: InterestGraphError | None = None


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch.

    Attributes:
        outcomes: One for each event, in the order given.
        latest_at: Time of the newest event that is in the graph, epoch ms; 0 where none is.
        bookmarks: Bookmarks of the transaction.
    """

    outcomes: tuple[EventOutcome, ...]
    accepted: int
    duplicates: int
    refused: int
    latest_at: EpochMs
    bookmarks: tuple[str, ...]

    @property
    def token(self) -> str:
        """Give the freshness token of the batch."""
        return encode_token(FreshnessToken(self.bookmarks, self.latest_at))


def ingest(
    store: GraphStore,
    raws: Sequence[object],
    *,
    settings: Settings,
    create_missing: bool = False,
    now: EpochMs | None = None,
    arrived: Sequence[EpochMs] | None = None,
    field: str = "events",
) -> IngestResult:
    """Take a batch in: what cannot be accepted is refused by name, the rest is written in one transaction.

    Args:
        store: The graph.
        raws: What `parse_event` takes, any number.
        settings: Registry of types, half-lives and limits.
        create_missing: Make items that are not there, instead of refusing their events.
        now: Present time, epoch ms; the time of events that give none.
        arrived: When each of them came in, where they have waited; takes the place of `now`.
        field: How errors name the batch.

    Raises:
        DatabaseUnavailableError: Nothing was written; the whole batch may be sent again.
    """
    with collector_held() if len(raws) >= _MANY else nullcontext():
        return _ingest(store, raws, settings, create_missing, now_ms() if now is None else now, arrived, field)


def _ingest(
    store: GraphStore,
    raws: Sequence[object],
    settings: Settings,
    create_missing: bool,
    moment: EpochMs,
    arrived: Sequence[EpochMs] | None,
    field: str,
) -> IngestResult:
    outcomes: list[EventOutcome | None] = [None] * len(raws)
    events: list[Event] = []
    places: list[int] = []
    contents: Counter[str] = Counter()
    for place, raw in enumerate(raws):
        name = f"{field}[{place}]"
        came = moment if arrived is None else arrived[place]
        try:
            event = parse_event(raw, settings=settings.events, now=came, field=name)
            if isinstance(raw, Mapping) and raw.get("id") is None:
                occurrence = contents[event.id]
                contents[event.id] += 1
                if occurrence:
                    event = parse_event(raw, settings=settings.events, now=came, field=name, occurrence=occurrence)
        except InterestGraphError as error:
            outcomes[place] = EventOutcome(place, None, "refused", error)
            continue
        events.append(event)
        places.append(place)
    result = apply_events(store, events, settings=settings, create_missing=create_missing, partial=True)
    for index, (place, event) in enumerate(zip(places, events, strict=True)):
        refusal = result.refused.get(index)
        if refusal is not None and refusal.field is not None:
            refusal = _renamed(refusal, f"{field}[{place}].{refusal.field.rpartition('.')[2]}")
        outcomes[place] = EventOutcome(place, event.id, result.outcomes[index], refusal)
    done = tuple(outcome for outcome in outcomes if outcome is not None)
    written = [event.at for index, event in enumerate(events) if result.outcomes[index] != "refused"]
    return IngestResult(
        outcomes=done,
        accepted=result.accepted,
        duplicates=result.duplicates,
        refused=len(done) - result.accepted - result.duplicates,
        latest_at=max(written, default=0),
        bookmarks=result.bookmarks,
    )


def _renamed(error: InterestGraphError, field: str) -> InterestGraphError:
    return type(error)(error.message, field=field, value=error.value, remedy=error.remedy)
