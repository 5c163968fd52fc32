from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from neo4j.exceptions import TransientError

from engine.embedded import endpoints
from engine.errors import (
    AuthenticationFailedError,
    DatabaseUnavailableError,
    InterestGraphError,
    InvalidInputError,
    QueryTimeoutError,
    SettingsError,
)
from engine.graph.entities import User, upsert_users
from engine.graph.records import Upserted
from engine.graph.store import GraphStore, Tx
from engine.settings import Settings, load_settings

OWN = ["id", "created_at", "updated_at"]
SLOW = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a + b AS c WHERE c < 0 RETURN count(*)"


def other(store: GraphStore, **changes: object) -> Settings:
    """Settings of the same server with something else."""
    found = endpoints(store.settings)
    same = {"neo4j_uri": found.neo4j_uri, "neo4j_user": found.neo4j_user, "neo4j_password": found.neo4j_password}
    return load_settings(**{"home": store.settings.home, **same, **changes})


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]  # bound, not listening: a connection is refused


def users(store: GraphStore, ids: Sequence[str]) -> None:
    upsert_users(store, [User(name) for name in ids])


def test_a_write_is_read_back_after_its_bookmark(store: GraphStore) -> None:
    users(store, ["ann"])
    bookmarks = store.last_bookmarks()
    assert bookmarks
    assert store.read("users/list", bookmarks=bookmarks, after="", limit=5) == [{"id": "ann"}]


def test_bookmarks_are_those_of_the_thread(store: GraphStore) -> None:
    users(store, ["ann"])
    found: list[tuple[str, ...]] = []
    thread = threading.Thread(target=lambda: found.append(store.last_bookmarks()))
    thread.start()
    thread.join()
    assert found == [()]
    assert store.last_bookmarks() != ()


def test_a_failure_takes_everything_back(store: GraphStore) -> None:
    def work(tx: Tx) -> None:
        tx.run("social/ensure_users", ids=["ann"], create=True, at=1)
        raise InvalidInputError("no")

    with pytest.raises(InvalidInputError, match="no"):
        store.write_transaction(work)
    assert store.read("users/list", after="", limit=5) == []


def test_two_that_lock_each_other_both_get_through(store: GraphStore) -> None:
    users(store, ["ann", "bob"])
    meet = threading.Barrier(2, timeout=180)
    attempts: list[str] = []
    failures: list[BaseException] = []

    def lock(first: str, second: str) -> None:
        def work(tx: Tx) -> None:
            attempts.append(first)
            tx.run("users/lock", id=first)
            if attempts.count(first) == 1:
                meet.wait()
            tx.run("users/lock", id=second)

        try:
            store.write_transaction(work)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in (("ann", "bob"), ("bob", "ann"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(attempts) > 2, "the deadlock did not happen"


def test_a_transient_error_is_given_up_after_the_time_in_the_settings(store: GraphStore) -> None:
    attempts = 0

    def work(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        tx.run("social/ensure_users", ids=["ann"], create=True, at=1)
        raise TransientError("another deadlock")

    with (
        GraphStore.open(other(store, neo4j={"retry_s": 3})) as impatient,
        pytest.raises(DatabaseUnavailableError, match="busy"),
    ):
        impatient.write_transaction(work)
    assert attempts > 1
    assert store.read("users/list", after="", limit=5) == []


def test_the_time_limit_is_kept(store: GraphStore) -> None:
    with pytest.raises(QueryTimeoutError, match="time limit"):
        store.read_transaction(lambda tx: tx.run_text(SLOW).consume(), timeout_s=0.3)
    users(store, ["ann"])  # the connection is well


def test_the_time_limit_of_the_settings_is_kept(store: GraphStore) -> None:
    with GraphStore.open(other(store, neo4j={"timeout_s": 0.3})) as short, pytest.raises(QueryTimeoutError):
        short.read_transaction(lambda tx: tx.run_text(SLOW).consume())


def test_a_wrong_password_says_which_setting(store: GraphStore) -> None:
    with pytest.raises(AuthenticationFailedError) as caught:
        GraphStore.open(other(store, neo4j_password="wrong"), wait_s=30)
    assert caught.value.field == "NEO4J_PASSWORD"
    with GraphStore.open(other(store)) as right:
        right.ping()


def test_a_server_that_is_not_there_is_unavailable(free_port: int) -> None:
    settings = load_settings(neo4j_uri=f"bolt://127.0.0.1:{free_port}", neo4j_password="x")
    with pytest.raises(DatabaseUnavailableError, match="does not answer"):
        GraphStore.open(settings)


def test_it_waits_for_a_server_as_long_as_asked(free_port: int) -> None:
    settings = load_settings(neo4j_uri=f"bolt://127.0.0.1:{free_port}", neo4j_password="x")
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        GraphStore.open(settings, wait_s=0.6)
    assert time.monotonic() - began >= 0.6


def test_a_database_that_is_not_there_is_a_wrong_setting(store: GraphStore) -> None:
    with (
        GraphStore.open(other(store, neo4j={"database": "films"})) as astray,
        pytest.raises(SettingsError) as caught,
    ):
        astray.read("users/list", after="", limit=1)
    assert caught.value.field == "INTERESTGRAPH_NEO4J__DATABASE"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"neo4j_uri": "http://127.0.0.1:7474", "neo4j_password": "x"}, "NEO4J_URI"),
        ({"neo4j_uri": "bolt://127.0.0.1:7687", "neo4j_password": None}, "NEO4J_PASSWORD"),
    ],
)
def test_a_wrong_address_is_a_wrong_setting(changes: dict[str, str | None], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        GraphStore.open(load_settings(**changes))
    assert caught.value.field == field


def test_a_reader_cannot_write(store: GraphStore) -> None:
    with pytest.raises(InterestGraphError):
        store.read("social/ensure_users", ids=["ann"], create=True, at=1)
    assert store.read("users/list", after="", limit=5) == []


def test_a_fault_of_ours_is_not_blamed_on_input(store: GraphStore) -> None:
    with pytest.raises(InterestGraphError, match="users/list is wrong") as caught:
        store.read("users/list", after="", limit=-1)
    assert not isinstance(caught.value, InvalidInputError)
    with pytest.raises(InvalidInputError, match="refuses"):
        store.read_transaction(lambda tx: tx.run_text("RETURN nothing").consume())


def test_identifiers_come_from_the_allow_list(store: GraphStore) -> None:
    with pytest.raises(InvalidInputError):
        store.read("subgraph/known", identifiers={"label": "Item) DETACH DELETE (n"}, ids=[])


def test_batches_are_sorted_and_reported(store: GraphStore) -> None:
    rows = [{"id": f"u{number}", "created_at": None, "properties": {}} for number in (4, 1, 3, 0, 2)]
    told: list[int] = []
    written = store.write_batches(
        "users/upsert", rows, key=lambda row: row["id"], batch_size=2, progress=told.append, own=OWN, at=1
    )
    assert written == 5
    assert told == [2, 4, 5]
    assert [row["id"] for row in store.read("users/list", after="", limit=9)] == ["u0", "u1", "u2", "u3", "u4"]


def test_a_stream_gives_every_row_and_lets_go_when_closed(store: GraphStore) -> None:
    users(store, [f"u{number:04d}" for number in range(1_200)])
    with GraphStore.open(other(store, neo4j={"pool_size": 1, "acquire_timeout_s": 5})) as narrow:
        rows = narrow.stream("subgraph/all_ids", identifiers={"label": "User"}, fetch_size=100)
        first = next(rows)
        with pytest.raises(DatabaseUnavailableError, match="free in time"):
            narrow.read("users/list", after="", limit=1)
        assert len({first["id"], *(row["id"] for row in rows)}) == 1_200
        rows = narrow.stream("subgraph/all_ids", identifiers={"label": "User"}, fetch_size=100)
        next(rows)
        rows.close()  # type: ignore[attr-defined]
        assert len(narrow.read("users/list", after="", limit=1)) == 1


def test_many_threads_share_the_pool(store: GraphStore) -> None:
    found: list[Upserted] = []
    with GraphStore.open(other(store, neo4j={"pool_size": 2, "acquire_timeout_s": 30})) as shared:
        threads = [
            threading.Thread(target=lambda n=n: found.append(upsert_users(shared, [User(f"u{n}"), User("same")])))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(counts.created for counts in found) == 9


def test_the_version_and_edition_are_known(store: GraphStore) -> None:
    assert store.capabilities.version == store.settings.neo4j.version
    assert store.capabilities.edition == "community"
    assert store.capabilities.has("vector_index")
