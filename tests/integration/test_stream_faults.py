"""The stream while servers go away and consumers are killed, doubled or ended by request."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from engine.errors import BrokerUnavailableError, DatabaseUnavailableError
from engine.graph.store import GraphStore
from engine.settings import Settings, load_settings
from engine.stream.consumer import StreamConsumer
from engine.stream.producer import EventProducer
from tests.integration.test_stream import AT, event, state_of, stored
from tests.integration.test_stream import client as client
from tests.integration.test_stream import items as items
from tests.integration.test_stream import producer as producer
from tests.integration.test_stream import settings as settings
from tests.support.celery_worker import wait_until, worker_environment
from tests.support.hold import holding
from tests.support.proxy import Proxy
from tests.support.stream_consumer import running_consumer


def test_servers_that_go_away_are_waited_for(
    store: GraphStore, client: redis.Redis, settings: Settings, producer: EventProducer, items: None
) -> None:
    assert settings.redis_url is not None
    url = urlsplit(settings.redis_url.get_secret_value())
    assert url.port is not None
    with Proxy("127.0.0.1", url.port) as proxy:
        through = redis.Redis(host="127.0.0.1", port=proxy.port, password=url.password, protocol=2)
        away = [True, False]

        def open_store() -> GraphStore:
            if away and away.pop():
                raise DatabaseUnavailableError("It does not answer.")
            return store

        consumer, stop = StreamConsumer(open_store, through, settings, name="c"), threading.Event()
        thread = threading.Thread(target=consumer.run, args=[stop])
        thread.start()
        try:
            producer.send([event(number) for number in range(100)])
            wait_until(lambda: producer.length() == 0)
            proxy.cut()
            producer.send([event(number) for number in range(100, 200)])
            proxy.mend()
            wait_until(lambda: producer.length() == 0)
        finally:
            stop.set()
            thread.join(180)
    assert not thread.is_alive() and len(stored(store)) == 200


def test_sender_is_told_that_the_server_is_away(settings: Settings) -> None:
    nowhere = load_settings(home=settings.home, redis_url="redis://127.0.0.1:1/0")
    with EventProducer(nowhere) as producer, pytest.raises(BrokerUnavailableError):
        producer.send([event(1)])


@pytest.fixture
def environment(neo4j_server: Settings, valkey_server: str, tmp_path: Path) -> dict[str, str]:
    return worker_environment(neo4j_server, valkey_server, tmp_path, INTERESTGRAPH_STREAM__BATCH="20")


def test_killed_in_the_middle_of_batches_nothing_is_lost_and_nothing_counts_twice(
    store: GraphStore,
    client: redis.Redis,
    settings: Settings,
    producer: EventProducer,
    items: None,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    store.write("social/ensure_users", ids=["u0"], create=True, at=AT)
    with running_consumer(environment | {"INTERESTGRAPH_STREAM__WRITERS": "2"}, tmp_path / "c.log") as consumer:
        for round_ in range(3):
            # Each batch is of this user too: the consumer stands in the middle of one, for as long as it takes.
            with holding(store, "u0"):
                producer.send([event(number) for number in range(400 * round_, 400 * (round_ + 1))])
                wait_until(lambda: state_of(client, settings).pending > 0)
                consumer.kill()
            consumer.start()
        wait_until(lambda: producer.length() == 0, why=consumer.log)
        assert consumer.stop() == 0
    assert set(stored(store)) == {f"e{number}" for number in range(1200)}
    assert state_of(client, settings).dead == 0


def test_two_of_one_name_and_an_end_by_request(
    store: GraphStore,
    client: redis.Redis,
    settings: Settings,
    producer: EventProducer,
    items: None,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    producer.send([event(number) for number in range(300)])
    with (
        running_consumer(environment, tmp_path / "a.log", name="same") as first,
        running_consumer(environment, tmp_path / "b.log", name="same", ready=False) as second,
    ):
        producer.send([event(number) for number in range(300, 600)] + [event(601, type="stare")])
        wait_until(lambda: producer.length() == 0, why=first.log)
        second.wait_for("consumer_ready")
        assert first.stop() == second.stop() == 0
        assert "consumer_ended" in first.log()
    assert len(stored(store)) == 600
    state = state_of(client, settings)
    assert (state.pending, state.dead, [each.name for each in state.consumers]) == (0, 1, ["same"])
