"""One batch of events into the graph, in one transaction, each event once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from engine.domain import EpochMs, Event, now_ms
from engine.errors import ConflictError, InterestGraphError, UnknownReferenceError
from engine.events.identity import digest, digest_of_stored
from engine.events.rows import AboutItems, BatchRows, Node, Shares, follow_rows
from engine.events.token import FreshnessToken, encode_token
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.search import search_words
from engine.interests.signals import sequence_types
from engine.interests.update import UserUpdate, summarise
from engine.settings import Settings

Outcome = Literal["accepted", "duplicate", "refused"]

_SCANNED: Final = 32
"""To look for one item among what a user has costs about as much as to look through this many relationships."""


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
    first_place: dict[str, int] = {}
    doubled: dict[int, InterestGraphError] = {}
    for place, event in enumerate(events):
        known = first_place.setdefault(event.id, place)
        if known != place and digest(events[known]) != digest(event):
            doubled[place] = _conflict(place, event.id, "in the batch")
            if not partial:
                raise doubled[place]
    refused: dict[int, InterestGraphError] = {}

    def work(tx: Tx) -> list[Outcome]:
        now = now_ms()
        refused.clear()
        refused.update(doubled)
        asked = _ask(tx, events, first_place, with_about=about is None, now=now)
        # The server looks up meanwhile. Nearly always all of them are new.
        updates = summarise([events[place] for place in first_place.values()], settings)
        admitted = _admit(tx, asked, events, first_place, create_missing, now, refused if partial else None)
        new = admitted.new
        if new:
            bulk = about is not None and not mark_unfolded
            if len(new) < len(first_place):
                updates = summarise([events[place] for place in new], settings)
            _write(tx, updates, settings, mark_unfolded, now, admitted, about, bulk=bulk)
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


@dataclass(frozen=True, slots=True)
class _Admitted:
    """What the graph knows of a batch, its users locked.

    Attributes:
        new: Places of the events that are new.
        first_users: Users without behaviour.
        items: Nodes of the items.
        about: What items are about, where it was asked for.
    """

    new: list[int]
    first_users: frozenset[str]
    items: dict[str, Node]
    about: Shares


@dataclass(frozen=True, slots=True)
class _Asked:
    """A batch on its way through `events/admit`.

    Attributes:
        users: Ids, sorted.
        items: Ids, sorted.
        rows: Waits for what the graph says.
    """

    users: list[str]
    items: list[str]
    rows: Callable[[], list[dict[str, Any]]]


def _ask(tx: Tx, events: Sequence[Event], first_place: Mapping[str, int], *, with_about: bool, now: EpochMs) -> _Asked:
    """Lock the users, and look up what the batch needs."""
    items = sorted({event.item_id for event in events if event.item_id is not None})
    users = sorted({event.user_id for event in events} | {event.followed_id for event in events if event.followed_id})
    ids = list(first_place)
    rows = tx.start("events/admit", users=users, items=items, events=ids, with_about=with_about, now=now)
    return _Asked(users, items, rows)


def _admit(
    tx: Tx,
    asked: _Asked,
    events: Sequence[Event],
    first_place: dict[str, int],
    create_missing: bool,
    now: EpochMs,
    refused: dict[int, InterestGraphError] | None,
) -> _Admitted:
    """Check references, and tell which events are new.

    What cannot be accepted goes into `refused`; without one it is raised.
    """
    [row] = asked.rows()
    users, items = asked.users, asked.items
    nodes: dict[str, Node] = {item_id: node for item_id, node, _ in row["found"]}
    missing = [item_id for item_id in items if item_id not in nodes]
    if missing and not create_missing:
        absent = set(missing)
        for place, event in enumerate(events):
            if event.item_id in absent:
                _refuse(refused, place, _unknown_item(place, event))
    elif missing:
        nodes |= {made["id"]: made["node"] for made in tx.run("events/create_items", items=missing, now=now)}
    stored_ids = set()
    for stored in row["stored"]:
        place = first_place[stored["id"]]
        stored_ids.add(stored["id"])
        if digest_of_stored(stored) != digest(events[place]):
            _refuse(refused, place, _conflict(place, stored["id"], "in the graph"))
    left_out = refused or {}
    new = [place for event_id, place in first_place.items() if event_id not in stored_ids and place not in left_out]
    if left_out:
        kept = {name for place in new for name in (events[place].user_id, events[place].followed_id)}
        if idle := [name for name in users if name not in kept]:
            tx.run("events/drop_idle_users", users=idle, now=now)
    about = {item_id: pairs for item_id, _, pairs in row["found"] if pairs}
    return _Admitted(new, frozenset(row["fresh"]), nodes, about)


def _write(
    tx: Tx,
    updates: Sequence[UserUpdate],
    settings: Settings,
    mark_unfolded: bool,
    now: EpochMs,
    admitted: _Admitted,
    about: AboutItems | None,
    *,
    bulk: bool,
) -> None:
    in_sequence = frozenset(sequence_types(settings.events))
    names, named = _named_interests(tx, updates, settings)
    batch = BatchRows(
        folded_later=in_sequence if mark_unfolded else frozenset(),
        items=admitted.items,
        about=admitted.about if about is None else _placed(tx, updates, about),
        named=named,
        names=names,
        interest_half_life_ms=days_ms(settings.interests.half_life_days),
    )
    later: Sequence[UserUpdate] = updates
    if bulk:
        first = [batch.user(update) for update in updates if update.user_id in admitted.first_users]
        _write_first(tx, first, settings, batch, now)
        later = [update for update in updates if update.user_id not in admitted.first_users]
    if later:
        tx.run(
            "events/write",
            users=[batch.user(update) for update in later],
            interest_half_life_ms=batch.interest_half_life_ms,
            times_kept=settings.events.times_kept,
            scanned=_SCANNED,
            now=now,
        )
    follows = follow_rows(updates)
    if follows:
        tx.run("events/follow", rows=follows, now=now)
    if not mark_unfolded and any(event.type in in_sequence for update in updates for event in update.events):
        tx.run("cooccurrence/mark_stale")


def _placed(tx: Tx, updates: Sequence[UserUpdate], about: AboutItems) -> Shares:
    """Give where the interests are that the items of a batch are about."""
    items = {item_id: about[item_id] for update in updates for item_id in update.items if item_id in about}
    ids = sorted({interest_id for pairs in items.values() for interest_id, _ in pairs})
    nodes = {row["id"]: row["node"] for row in tx.run("interests/nodes", ids=ids)} if ids else {}
    return {
        item_id: [(nodes[interest_id], weight) for interest_id, weight in pairs if interest_id in nodes]
        for item_id, pairs in items.items()
    }


def _named_interests(tx: Tx, updates: Sequence[UserUpdate], settings: Settings) -> tuple[AboutItems, Shares]:
    """Give the interests that the words of each search name, with parts that sum to 1: by id, and by node."""
    words = {query: search_words(query) for update in updates for query in update.searches}
    rows = [{"query": query, "words": found} for query, found in sorted(words.items()) if found]
    if not rows:
        return {}, {}
    found = tx.run("interests/searched", rows=rows, matches=settings.interests.search_matches)
    return (
        {row["query"]: [(name, part) for name, part, _ in row["interests"]] for row in found},
        {row["query"]: [(node, part) for _, part, node in row["interests"]] for row in found},
    )


def _write_first(tx: Tx, rows: Sequence[dict[str, Any]], settings: Settings, batch: BatchRows, now: EpochMs) -> None:
    """Write users without behaviour: everything is made, nothing has to be looked for."""
    if not rows:
        return
    tx.run("events/create", users=[{"id": row["id"], "folded": row["folded"]} for row in rows], now=now)
    tx.run(
        "events/interact_first",
        users=[{"id": row["id"], "interactions": row["interactions"]} for row in rows],
        times_kept=settings.events.times_kept,
        now=now,
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
