"""`interestgraph events` against real servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from engine.errors import BrokerUnavailableError, InvalidInputError
from engine.graph.store import GraphStore
from engine.settings import Settings, get_settings
from engine.stream.connection import connect
from engine.stream.consumer import StreamConsumer
from interestgraph.cli import events
from tests.support.api_server import ApiServer, address_of

AT = 1_700_000_000_000
ROWS = [
    {
        "user_id": f"u{n % 3}",
        "item_id": f"i{n % 5}",
        "event_type": "view" if n != 7 else "stare",
        "timestamp": AT + 1000 * n,
    }
    for n in range(12)
]
# Equal rows are two events.
ROWS.append(ROWS[0])

Run = Callable[..., str]


@pytest.fixture
def run(
    store: GraphStore, neo4j_server: Settings, valkey_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    for name, value in (address_of(neo4j_server, valkey_server) | {"INTERESTGRAPH_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    store.write("events/create_items", items=[f"i{number}" for number in range(5)], now=AT)
    with connect(get_settings()) as client:
        client.flushall()
    app = typer.Typer()
    events.register(app)
    app.command()(lambda: None)

    def call(*arguments: str, pipe: bytes | None = None, fails: type[Exception] | None = None) -> str:
        result = CliRunner().invoke(app, ["events", *arguments], input=pipe)
        if fails is not None:
            assert isinstance(result.exception, fails), result.output
            return str(result.exception)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    yield call
    get_settings.cache_clear()


def files(folder: Path) -> list[Path]:
    table = pl.DataFrame(ROWS)
    table.write_csv(folder / "e.csv")
    table.write_ndjson(folder / "e.jsonl")
    table.write_parquet(folder / "e.parquet")
    return [folder / "e.csv", folder / "e.jsonl", folder / "e.parquet"]


def drain(store: GraphStore) -> None:
    settings = get_settings()
    with connect(settings) as client:
        consumer = StreamConsumer(lambda: store, client, settings, name="test")
        while client.xlen(settings.stream.key):
            consumer.step(block_ms=1)


def stored(store: GraphStore) -> list[int]:
    return store.read_transaction(
        lambda tx: [row["at"] for row in tx.run_text("MATCH (e:Event) RETURN e.at AS at ORDER BY at")]
    )


GOOD = sorted(row["timestamp"] for row in ROWS if row["event_type"] == "view")


def test_files_of_three_formats_are_the_same_events(run: Run, store: GraphStore, tmp_path: Path) -> None:
    for path in files(tmp_path):
        told = json.loads(run("send", str(path), "--json"))
        assert (told["sent"], told["queued"], told["refused"]) == (12, 12, 1)
        assert "row" in told["first_refusals"][0] and "stare" in told["first_refusals"][0]
        drain(store)
        assert stored(store) == GOOD
    assert json.loads(run("status", "--json"))["duplicates"] == 24


def test_through_rest(run: Run, store: GraphStore, tmp_path: Path, api_server: ApiServer) -> None:
    path = files(tmp_path)[0]
    told = json.loads(run("send", str(path), "--via", "rest", "--api-url", api_server.url, "--json"))
    assert (told["sent"], told["accepted"], told["refused"]) == (12, 12, 1)
    told = json.loads(
        run("replay", str(path), "--speed", "max", "--via", "rest", "--api-url", api_server.url, "--json")
    )
    assert (told["sent"], told["duplicates"]) == (12, 12)
    assert stored(store) == GOOD


def test_lines_by_pipe(run: Run, store: GraphStore) -> None:
    lines = [
        json.dumps({"id": f"p{n}", "type": "view", "user_id": "u", "item_id": "i1", "at": AT + n}) for n in range(3)
    ]
    told = json.loads(run("send", "-", "--json", pipe="\n".join([*lines, "{nonsense", "7"]).encode()))
    assert (told["sent"], told["queued"], told["refused"]) == (3, 3, 2)
    drain(store)
    assert stored(store) == [AT, AT + 1, AT + 2]


def test_history_again_with_its_own_times_or_those_of_now(run: Run, store: GraphStore, tmp_path: Path) -> None:
    path = str(files(tmp_path)[2])
    part = ["--from", "2023-11-14T22:13:23Z", "--to", "2023-11-14T22:13:26+00:00"]
    told = json.loads(run("replay", path, "--speed", "1000x", *part, "--json"))
    assert told["sent"] == 3
    drain(store)
    assert stored(store) == [AT + 3000, AT + 4000, AT + 5000]
    told = json.loads(run("replay", path, "--speed", "100", *part, "--times", "now", "--json"))
    drain(store)
    *_, first, second, third = stored(store)
    assert len(stored(store)) == 6 and first > AT + 10**9
    assert (second - first, third - second) == (10, 10)


def test_dead_letters(run: Run, store: GraphStore) -> None:
    bad: list[dict[str, Any]] = [
        {"id": "a", "type": "view", "user_id": "u", "item_id": "later", "at": AT},
        {"id": "b", "type": "stare", "user_id": "u", "item_id": "i1", "at": AT},
    ]
    run("send", "-", pipe="\n".join(map(json.dumps, bad)).encode())
    drain(store)
    letters = [json.loads(line) for line in run("dead", "list", "--json").splitlines()]
    assert [(letter["field"], json.loads(letter["event"])["id"]) for letter in letters] == [
        ("event.item_id", "a"),
        ("event.type", "b"),
    ]
    shown = run("dead", "list")
    assert "2 of 2" in shown and letters[0]["id"] in shown
    assert "1 of 1 sent again" in run("dead", "replay", letters[0]["id"], "--create-missing")
    drain(store)
    assert stored(store) == [AT]
    assert "1 dropped" in run("dead", "drop", "--all")
    status = json.loads(run("status", "--json"))
    assert (status["length"], status["dead"], status["accepted"], status["unfolded"]) == (0, 0, 1, 1)
    assert "dead letters" in run("status")


def test_bad_options_are_named(run: Run, tmp_path: Path) -> None:
    path = str(files(tmp_path)[0])
    assert "--via" in run("send", path, "--via", "post", fails=InvalidInputError)
    assert "speed" in run("replay", path, "--speed", "fast", fails=InvalidInputError)
    assert "--times" in run("replay", path, "--times", "then", fails=InvalidInputError)
    assert "--from" in run("replay", path, "--from", "then", fails=InvalidInputError)
    assert "--all" in run("dead", "drop", fails=InvalidInputError)
    assert "dead list" in run("dead", "drop", "nonsense", fails=InvalidInputError)
    assert "cannot be read" in run("send", str(tmp_path / "none.csv"), fails=InvalidInputError)


def test_redis_away_is_one_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    assert "does not answer" in run("status", fails=BrokerUnavailableError)
