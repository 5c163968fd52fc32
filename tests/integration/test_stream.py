"""The stream with a real Valkey and a real Neo4j: each event once, whatever dies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.errors import InvalidInputError, StreamFullError
from engine.events.ingest import ingest
from engine.graph.store import GraphStore
from engine.ranking.answers import new_recommendation_id
from engine.settings import Settings, load_settings
from engine.stream.connection import connect
from engine.stream.consumer import StreamConsumer
from engine.stream.dead import DeadLetters
from engine.stream.producer import EventProducer
from engine.stream.state import StreamState, stream_state
from tests.support.celery_worker import wait_until

AT = 1_700_000_000_000


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "type": "view",
        "user_id": f"u{number % 17}",
        "item_id": f"i{number % 5}",
        "at": AT + number,
        **more,
    }


@pytest.fixture
def settings(valkey_server: str, tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, redis_url=valkey_server, neo4j_uri=None, stream={"batch": 50})


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect(settings, timeout_s=60) as found:
        found.flushall()
        yield found


@pytest.fixture
def producer(settings: Settings, client: redis.Redis) -> EventProducer:
    return EventProducer(settings, client)


@pytest.fixture
def items(store: GraphStore) -> None:
    store.write("events/create_items", items=[f"i{number}" for number in range(5)], now=AT)


def consumer_of(store: GraphStore, client: redis.Redis, settings: Settings, name: str = "c") -> StreamConsumer:
    return StreamConsumer(lambda: store, client, settings, name=name)


def drain(consumer: StreamConsumer) -> None:
    for _ in range(4):
        while consumer.step(block_ms=1) or consumer._parts:
            pass


def stored(store: GraphStore) -> dict[str, int]:
    """Give how often each event counts in INTERACTED: the id of the event, and the number of times in the graph."""

    def read(tx: Any) -> dict[str, int]:
        found = tx.run_text("MATCH (e:Event) RETURN e.id AS id, e.at AS at")
        events = {row["id"]: row["at"] for row in found}
        counted = tx.run_text("MATCH (:User)-[r:INTERACTED]->(:Item) RETURN coalesce(sum(r.count), 0) AS n").single()
        assert counted["n"] == len(events)
        return events

    return store.read_transaction(read)


def state_of(client: redis.Redis, settings: Settings) -> StreamState:
    return stream_state(client, settings.stream)


def test_what_follows_from_answers_is_counted_by_version(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    said = new_recommendation_id("v20260101000000")
    events = [event(n, type="impression", recommendation_id=said) for n in range(3)]
    events += [event(3, type="click", recommendation_id=said), event(4, type="click"), events[0]]
    producer.send(events)
    drain(consumer_of(store, client, settings))
    state = stream_state(client, settings.stream)
    assert (state.accepted, state.duplicates) == (5, 1)
    assert state.follow_ups == {("v20260101000000", "impression"): 3, ("v20260101000000", "click"): 1}


def test_what_is_sent_is_in_the_graph_when_the_stream_is_empty(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    assert state_of(client, settings).length == 0
    ids = producer.send([event(number) for number in range(120)])
    assert len(set(ids)) == 120 and producer.length() == 120
    before = state_of(client, settings)
    assert (before.length, before.pending, before.waiting) == (120, 0, 120)
    assert before.oldest_at is not None and before.lag_s >= 0
    drain(consumer_of(store, client, settings))
    after = state_of(client, settings)
    assert (after.length, after.pending, after.accepted, after.dead, after.oldest_at) == (0, 0, 120, 0, None)
    assert [each.name for each in after.consumers] == ["c"]
    assert stored(store) == {f"e{number}": AT + number for number in range(120)}
    producer.send([event(number) for number in range(100, 130)])
    drain(consumer_of(store, client, settings))
    assert len(stored(store)) == 130
    assert state_of(client, settings).duplicates == 20


def test_event_without_id_and_time_has_those_of_its_entry(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    plain = {"type": "view", "user_id": "u", "item_id": "i1"}
    ids = producer.send([plain, json.dumps(plain), json.dumps(plain).encode()])
    consumer = consumer_of(store, client, settings)
    assert consumer._take(1)
    # Killed here; the next of its name gets them again.
    drain(consumer_of(store, client, settings))
    found = stored(store)
    assert sorted(found.values()) == [int(entry_id.split("-")[0]) for entry_id in ids]
    assert len(found) == 3 and all(event_id.startswith("s:") for event_id in found)


def test_items_are_made_where_it_is_asked_for(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer
) -> None:
    producer.send([event(1)], create_missing=True)
    producer.send([event(2)])
    drain(consumer_of(store, client, settings))
    assert set(stored(store)) == {"e1"}
    (letter,) = DeadLetters(client, settings.stream)
    assert (letter.code, letter.field, letter.value) == ("unknown_reference", "event.item_id", "i2")


POISON = [
    (b"\xff\xfe", "event"),
    (b"[1]", "event"),
    (json.dumps(event(1, type="stare")).encode(), "event.type"),
    (json.dumps(event(2, type="rating", value=99)).encode(), "event.value"),
    (json.dumps(event(3, item_id="nowhere")).encode(), "event.item_id"),
    (json.dumps(event(4, user_id="")).encode(), "event.user_id"),
    (json.dumps(event(5, at=-1)).encode(), "event.at"),
    (json.dumps({**event(10), "at": AT}).encode(), "event.id"),
]


def test_poison_is_put_aside_with_its_reason_and_the_rest_goes_on(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    good = [json.dumps(event(number)).encode() for number in range(10, 30)]
    mixed = good[:5] + [data for data, _ in POISON] + good[5:]
    producer.send(mixed)
    client.xadd(settings.stream.key, {"other": "field"})
    drain(consumer_of(store, client, settings))
    assert set(stored(store)) == {f"e{number}" for number in range(10, 30)}
    letters = list(DeadLetters(client, settings.stream))
    assert sorted(letter.field for letter in letters) == sorted([field for _, field in POISON] + ["event"])
    assert all(letter.message and letter.code and letter.at > AT for letter in letters)
    by_field = {letter.field: letter for letter in letters}
    assert by_field["event.id"].code == "conflict"
    assert json.loads(by_field["event.value"].event)["value"] == 99
    state = state_of(client, settings)
    assert (state.length, state.pending, state.refused, state.dead) == (0, 0, 9, 9)


def test_dead_letters_come_back_dropped_or_sent_again(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer
) -> None:
    letters = DeadLetters(client, settings.stream)
    plain = {"type": "view", "user_id": "u", "item_id": "later"}
    (entry_id,) = producer.send([plain])
    producer.send([event(1), event(2)])
    consumer = consumer_of(store, client, settings)
    drain(consumer)
    first, second, third = letters
    assert (first.entry, len(letters), letters.get(first.id)) == (entry_id, 3, first)
    assert letters.drop([third.id]) == 1
    store.write("events/create_items", items=["later"], now=AT)
    assert letters.replay([first.id, second.id, third.id]) == 2
    assert len(letters) == 0
    drain(consumer)
    assert list(stored(store).values()) == [int(entry_id.split("-")[0])]
    (again,) = letters
    assert (again.event, again.entry) == (second.event, second.entry)
    assert letters.replay([again.id], create_missing=True) == 1
    drain(consumer)
    assert len(stored(store)) == 2 and len(letters) == 0
    with pytest.raises(InvalidInputError):
        letters.drop(["nonsense"])


def test_letters_kept_have_a_bound(store: GraphStore, client: redis.Redis, valkey_server: str, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, redis_url=valkey_server, stream={"max_dead": 100})
    EventProducer(settings, client).send([event(number) for number in range(1000)])
    drain(consumer_of(store, client, settings))
    # Redis trims whole nodes of a hundred.
    assert 100 <= state_of(client, settings).dead <= 300


def test_full_stream_takes_all_of_a_batch_or_nothing(
    store: GraphStore, client: redis.Redis, valkey_server: str, tmp_path: Path, items: None
) -> None:
    settings = load_settings(home=tmp_path, redis_url=valkey_server, stream={"max_length": 30})
    producer = EventProducer(settings, client)
    producer.send([event(number) for number in range(25)])
    with pytest.raises(StreamFullError) as caught:
        producer.send([event(number) for number in range(25, 31)])
    assert caught.value.retry_after_s >= 1 and caught.value.sent == 0
    assert producer.length() == 25
    with pytest.raises(StreamFullError) as caught:
        producer.send([event(number) for number in range(25, 80)])
    assert producer.length() == 25 + caught.value.sent
    consumer, stop = consumer_of(store, client, settings), threading.Event()
    thread = threading.Thread(target=consumer.run, args=[stop])
    thread.start()
    try:
        assert len(producer.send([event(number) for number in range(200)], wait_s=180)) == 200
        wait_until(lambda: producer.length() == 0)
    finally:
        stop.set()
        thread.join(180)
    assert len(stored(store)) == 200


def test_one_strange_event_does_not_stop_the_others(
    store: GraphStore,
    client: redis.Redis,
    settings: Settings,
    producer: EventProducer,
    items: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.stream import consumer as module

    def broken(store: GraphStore, raws: Any, **options: Any) -> Any:
        if any(raw["id"] == "e33" for raw in raws):
            raise RuntimeError("a fault of ours")
        return ingest(store, raws, **options)

    monkeypatch.setattr(module, "ingest", broken)
    producer.send([event(number) for number in range(100)])
    drain(consumer_of(store, client, settings))
    assert set(stored(store)) == {f"e{number}" for number in range(100)} - {"e33"}
    (letter,) = DeadLetters(client, settings.stream)
    assert json.loads(letter.event)["id"] == "e33" and "a fault of ours" in letter.message


def test_when_everything_fails_it_is_not_the_events(
    store: GraphStore,
    client: redis.Redis,
    settings: Settings,
    producer: EventProducer,
    items: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.errors import InterestGraphError
    from engine.stream import consumer as module

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of ours")

    producer.send([event(number) for number in range(40)])
    consumer = consumer_of(store, client, settings)
    with monkeypatch.context() as patch:
        patch.setattr(module, "ingest", broken)
        with pytest.raises(InterestGraphError, match="fault of ours"):
            for _ in range(1000):
                consumer.step(block_ms=1)
    state = state_of(client, settings)
    assert state.dead < 10 and state.length == 40 - state.dead
    drain(consumer)
    assert state_of(client, settings).length == 0
    letters = DeadLetters(client, settings.stream)
    letters.replay([letter.id for letter in letters])
    drain(consumer)
    assert len(stored(store)) == 40


def test_emptied_server_is_set_up_again(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    consumer = consumer_of(store, client, settings)
    producer.send([event(number) for number in range(10)])
    drain(consumer)
    client.flushall()
    producer.send([event(number) for number in range(10, 20)])
    drain(consumer)
    assert len(stored(store)) == 20
    # Emptied while a batch is in hand: it is written, and there is nothing left to take away.
    producer.send([event(number) for number in range(20, 30)] + [event(31, type="stare")])
    consumer._parts = consumer._take(1)
    client.flushall()
    drain(consumer)
    producer.send([event(30)])
    drain(consumer)
    assert set(stored(store)) == {f"e{number}" for number in range(31)}
    assert state_of(client, settings).length == 0


def test_others_take_over_what_a_dead_consumer_had_in_hand(
    store: GraphStore, client: redis.Redis, valkey_server: str, tmp_path: Path, items: None
) -> None:
    settings = load_settings(home=tmp_path, redis_url=valkey_server, stream={"batch": 10, "claim_idle_s": 0.001})
    EventProducer(settings, client).send([event(number) for number in range(35)])
    dead = consumer_of(store, client, settings, name="dead")
    drain_one = dead.step(block_ms=1) or dead.step(block_ms=1)
    assert drain_one == 10
    assert len(dead._take(1)[0]) == 10
    other = consumer_of(store, client, settings, name="other")
    wait_until(lambda: other.step(block_ms=1) == 0 and state_of(client, settings).length == 0)
    assert len(stored(store)) == 35


def test_consumers_that_are_long_gone_are_forgotten_and_those_with_events_are_not(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.stream import consumer as module

    monkeypatch.setattr(module, "_FORGET_IDLE_MS", 20)
    consumer = consumer_of(store, client, settings, name="here")
    consumer.step(block_ms=1)
    producer.send([event(1)])
    assert consumer_of(store, client, settings, name="holds")._take(1)
    assert not consumer_of(store, client, settings, name="gone")._take(1)
    time.sleep(0.05)
    consumer.step(block_ms=1)
    consumer._forget_consumers()
    names = {each.name for each in state_of(client, settings).consumers}
    assert "holds" in names and "gone" not in names


def test_event_whose_consumers_died_is_tried_alone_and_then_put_aside(
    store: GraphStore, client: redis.Redis, valkey_server: str, tmp_path: Path, items: None
) -> None:
    settings = load_settings(home=tmp_path, redis_url=valkey_server, stream={"max_deliveries": 5})
    producer = EventProducer(settings, client)
    producer.send([event(1), event(2)])
    consumer_of(store, client, settings)._take(1)
    for _ in range(4):
        assert consumer_of(store, client, settings)._take(1)
    # Delivered five times by now; the sixth begins with each alone, the seventh gives up.
    parts = consumer_of(store, client, settings)._take(1) or consumer_of(store, client, settings)._take(1)
    assert parts == [] or all(len(part) == 1 for part in parts)
    drain(consumer_of(store, client, settings))
    state = state_of(client, settings)
    assert state.length == 0 and state.dead == 2 and stored(store) == {}
    assert all("Its consumer ended" in letter.message for letter in DeadLetters(client, settings.stream))


def test_waits_for_a_fold_that_is_far_behind(
    store: GraphStore, client: redis.Redis, valkey_server: str, tmp_path: Path, items: None
) -> None:
    settings = load_settings(home=tmp_path, redis_url=valkey_server, stream={"batch": 10, "max_unfolded": 10})
    producer = EventProducer(settings, client)
    producer.send([event(number) for number in range(60)])
    consumer, stop = consumer_of(store, client, settings), threading.Event()
    thread = threading.Thread(target=consumer.run, args=[stop])
    thread.start()
    try:
        wait_until(lambda: consumer._pace.is_over)
        held = producer.length()
        assert 0 < held < 60
        store.write_auto("MATCH (e:Unfolded) REMOVE e:Unfolded")
        wait_until(lambda: producer.length() < held)
    finally:
        stop.set()
        thread.join(180)
    assert not thread.is_alive()
    assert state_of(client, settings).paused_s > 0
