"""One batch of events into the graph, in one transaction, each event once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.domain import EpochMs, Event, now_ms
from engine.errors import ConflictError, InterestGraphError, UnknownReferenceError
from engine.events.identity import digest
from engine.events.rows import AboutItems, BatchRows, follow_rows
from engine.events.token import FreshnessToken, encode_token
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.search import search_words
from engine.interests.signals import sequence_types
from engine.interests.update import UserUpdate, summarise
from engine.settings import Settings

Outcome = Literal["accepted", "duplicate", "refused"]


@dataclass(frozen=True, slots=True)
class EventsResult:
    """What became of a batch.

    Attributes:
        accepted: Events that were new.
        duplicates: Events that were stored before, or stood twice in the batch.
        outcomes: One for each event, in the order given.
        latest_at: Time of the newest event, epoch ms; 0 for an empty batch.
        bookmarks: Bookmarks of the transaction.
        refused: Why an event was left out, by its place.
    """

    accepted: int
    duplicates: int
    outcomes: tuple[Outcome, ...]
    latest_at: EpochMs
    bookmarks: tuple[str, ...]
    refused: Mapping[int, InterestGraphError] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """Give the freshness token of the batch."""
        return encode_token(FreshnessToken(self.bookmarks, self.latest_at))


def apply_events(
    store: GraphStore,
    events: Sequence[Event],
    *,
    settings: Settings,
    create_missing: bool = False,
    mark_unfolded: bool = True,
    about: AboutItems | None = None,
    partial: bool = False,
) -> EventsResult:
    """Store a batch and move what it touches; all of it or nothing.

    Users that are not there are made. The transaction first locks the users, sorted, so that two batches with the
    same events count them once, and two batches of one user add up.

    Args:
        store: The graph.
        events: Validated events, any number.
        settings: Registry of types, half-lives and limits.
        create_missing: Make items that are not there, instead of refusing the batch.
        mark_unfolded: Leave the events to the fold; without it co-occurrence is marked as to be counted again,
            which is right for a bulk import with a recount at its end.
        about: What items are about, where the caller has read it: interest ids with weights by item. A bulk import
            then writes the first behaviour of a user without reading what other transactions write.
        partial: Leave out the events that cannot be accepted, and name them in the result, instead of raising.

    Raises:
        UnknownReferenceError: An item is not there; names the first event that needs it.
        ConflictError: An id is stored, or stands in the batch, with other content.
    """
    digests = [digest(event) for event in events]
    first_place: dict[str, int] = {}
    doubled: dict[int, InterestGraphError] = {}
    for place, event in enumerate(events):
        known = first_place.setdefault(event.id, place)
        if digests[known] != digests[place]:
            doubled[place] = _conflict(place, event.id, "in the batch")
            if not partial:
                raise doubled[place]
    refused: dict[int, InterestGraphError] = {}

    def work(tx: Tx) -> list[Outcome]:
        now = now_ms()
        refused.clear()
        refused.update(doubled)
        new, first_users, about_found = _admit(
            tx, events, digests, first_place, create_missing, now, refused if partial else None, about is None
        )
        if new:
            fresh = [events[place] for place in new]
            known = about_found if about is None else about
            first = first_users if about is not None and not mark_unfolded else frozenset()
            _write(tx, fresh, [digests[place] for place in new], settings, mark_unfolded, now, first, known)
        outcomes: list[Outcome] = ["duplicate"] * len(events)
        for place in new:
            outcomes[place] = "accepted"
        for place in refused:
            outcomes[place] = "refused"
        return outcomes

    if not events:
        return EventsResult(0, 0, (), 0, ())
    outcomes = store.write_transaction(work)
    accepted = outcomes.count("accepted")
    return EventsResult(
        accepted=accepted,
        duplicates=outcomes.count("duplicate"),
        outcomes=tuple(outcomes),
        latest_at=max(event.at for event in events),
        bookmarks=store.last_bookmarks(),
        refused=refused,
    )


def _admit(
    tx: Tx,
    events: Sequence[Event],
    digests: Sequence[int],
    first_place: dict[str, int],
    create_missing: bool,
    now: EpochMs,
    refused: dict[int, InterestGraphError] | None,
    with_about: bool,
) -> tuple[list[int], frozenset[str], AboutItems]:
    """Lock the users, check references; give the places of events that are new, users without behaviour, ABOUT.

    What cannot be accepted goes into `refused`; without one it is raised.
    """
    items = sorted({event.item_id for event in events if event.item_id is not None})
    users = sorted({event.user_id for event in events} | {event.followed_id for event in events if event.followed_id})
    [found] = tx.run("events/admit", users=users, items=items, events=list(first_place), with_about=with_about, now=now)
    missing = set(found["missing"])
    if missing and not create_missing:
        for place, event in enumerate(events):
            if event.item_id in missing:
                _refuse(refused, place, _unknown_item(place, event))
    elif missing:
        tx.run("events/create_items", items=sorted(missing), now=now)
    for event_id, stored in found["stored"]:
        place = first_place[event_id]
        if stored != digests[place]:
            _refuse(refused, place, _conflict(place, event_id, "in the graph"))
    stored_ids = {event_id for event_id, _ in found["stored"]}
    left_out = refused or {}
    new = [place for event_id, place in first_place.items() if event_id not in stored_ids and place not in left_out]
    if left_out:
        kept = {name for place in new for name in (events[place].user_id, events[place].followed_id)}
        if idle := [name for name in users if name not in kept]:
            tx.run("events/drop_idle_users", users=idle, now=now)
    return new, frozenset(found["fresh"]), dict(found["about"])


def _write(
    tx: Tx,
    events: Sequence[Event],
    digests: Sequence[int],
    settings: Settings,
    mark_unfolded: bool,
    now: EpochMs,
    first_users: frozenset[str],
    about: AboutItems,
) -> None:
    in_sequence = frozenset(sequence_types(settings.events))
    updates = summarise(events, settings)
    batch = BatchRows(
        digest_of=dict(zip((event.id for event in events), digests, strict=True)),
        folded_later=in_sequence if mark_unfolded else frozenset(),
        about=about,
        named=_named_interests(tx, updates, settings),
        now=now,
        interest_half_life_ms=days_ms(settings.interests.half_life_days),
    )
    rows = [batch.user(update) for update in updates]
    if first_users:
        _write_first(tx, [row for row in rows if row["id"] in first_users], settings, batch)
        rows = [row for row in rows if row["id"] not in first_users]
    if rows:
        tx.run(
            "events/write",
            users=rows,
            interest_half_life_ms=batch.interest_half_life_ms,
            times_kept=settings.events.times_kept,
            now=now,
        )
    follows = follow_rows(updates)
    if follows:
        tx.run("events/follow", rows=follows, now=now)
    if not mark_unfolded and any(event.type in in_sequence for event in events):
        tx.run("cooccurrence/mark_stale")


def _named_interests(
    tx: Tx, updates: Sequence[UserUpdate], settings: Settings
) -> Mapping[str, Sequence[tuple[str, float]]]:
    """Give the interests that the words of each search name, with parts that sum to 1."""
    words = {query: search_words(query) for update in updates for query in update.searches}
    rows = [{"query": query, "words": found} for query, found in sorted(words.items()) if found]
    if not rows:
        return {}
    found = tx.run("interests/searched", rows=rows, matches=settings.interests.search_matches)
    return {row["query"]: [(name, part) for name, part in row["interests"]] for row in found}


def _write_first(tx: Tx, rows: Sequence[dict[str, Any]], settings: Settings, batch: BatchRows) -> None:
    """Write users without behaviour: everything is made, nothing has to be looked for."""
    if not rows:
        return
    tx.run("events/create", events=[event for row in rows for event in row["folded"]], now=batch.now)
    tx.run(
        "events/interact_first",
        users=[{"id": row["id"], "interactions": row["interactions"]} for row in rows],
        times_kept=settings.events.times_kept,
        now=batch.now,
    )
    tx.run("interests/first", users=[batch.first_interests(row) for row in rows])


def _refuse(refused: dict[int, InterestGraphError] | None, place: int, error: InterestGraphError) -> None:
    if refused is None:
        raise error
    refused.setdefault(place, error)


def _unknown_item(place: int, event: Event) -> UnknownReferenceError:
    return UnknownReferenceError(
        "The event names an item that is not in the graph.",
        field=f"events[{place}].item_id",
        value=event.item_id,
        remedy="Put the item first, or send create_missing.",
    )


def _conflict(place: int, event_id: str, where: str) -> ConflictError:
    return ConflictError(
        f"This id stands {where} with different content.",
        field=f"events[{place}].id",
        value=event_id,
        remedy="Send a correction as a new event with an id of its own.",
    )
