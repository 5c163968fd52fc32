"""Files into a real graph: once each, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.cooccurrence.fold import fold
from engine.domain import MS_PER_DAY
from engine.errors import ImportLimitError, InvalidInputError
from engine.graph.store import GraphStore
from engine.importing import datasets
from engine.importing.datasets.base import Dataset, Part
from engine.importing.datasets.catalogue import DATASETS, Entry
from engine.importing.events import EventMapping, import_events, recount_if_due
from engine.importing.items import InterestColumn, ItemMapping, import_items
from engine.importing.reading import FileSource, TableSource
from engine.importing.rejects import RejectLimit
from engine.importing.run import ImportOptions, ImportReport
from engine.importing.social import SocialMapping, import_social
from engine.importing.users import UserMapping, import_users
from engine.settings import Settings
from tests.conftest import wipe
from tests.support.hold import holding

START = 1_750_000_000_000
ITEMS = [{"id": f"i{n}", "title": f"Item {n}", "kind": f"k{n % 3}", "price": 1.5 * n} for n in range(12)]
ITEM_MAPPING = ItemMapping(interests=(InterestColumn("category", "kind"),))
PURCHASES = EventMapping(type="purchase")
# Moments of writing, which differ from one import to the next.
MOMENTS = {"created_at", "updated_at", "received_at", "events_at", "edges_at", "folded_at", "generation", "run"}
BOOKKEEPING = {"shards", "moves"}


def purchases(rows: int, *, users: int = 7, seed: int = 3) -> pl.DataFrame:
    """Some purchases, a few of them equal to each other."""
    chance = random.Random(seed)
    return pl.DataFrame(
        [
            {
                "user_id": f"u{chance.randrange(users)}",
                "item_id": f"i{chance.randrange(len(ITEMS))}",
                "at": START + chance.randrange(50) * MS_PER_DAY // 4,
                "value": float(chance.randrange(1, 3)),
            }
            for _ in range(rows)
        ]
    )


def write(path: Path, rows: pl.DataFrame | Sequence[dict[str, Any]]) -> Path:
    (rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)).write_csv(path)
    return path


def put_items(store: GraphStore, settings: Settings, tmp_path: Path) -> ImportReport:
    path = write(tmp_path / "items.csv", ITEMS)
    return import_items(store, FileSource(path), ITEM_MAPPING, settings=settings)


def ask(store: GraphStore, text: str, **parameters: Any) -> list[dict[str, Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).data())


def picture(store: GraphStore, *, moments: bool = False) -> dict[Any, Any]:
    """Everything in the graph but the ledger, by what it is and whom it joins."""
    nodes = ask(
        store,
        # What is only locked or numbers the moves of folds says nothing of the events.
        "MATCH (n) WHERE NOT (n:Import OR n:Migration OR n:Lease OR (n:State AND n.state IS NULL)) "
        "RETURN labels(n) AS l, properties(n) AS p",
    )
    edges = ask(
        store,
        "MATCH (a)-[r]->(b) RETURN a.id AS a, type(r) AS t, b.id AS b, properties(r) AS p",
    )
    drawn: dict[Any, Any] = {}
    for row in nodes:
        key = (tuple(sorted(row["l"])), row["p"].get("id"))
        assert key not in drawn
        drawn[key] = row["p"]
    for row in edges:
        key = (row["a"], row["t"], row["p"].get("event"), row["p"].get("source"), row["b"])
        assert key not in drawn
        drawn[key] = row["p"]
    if moments:
        return drawn
    return {
        key: {
            name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            for name, value in properties.items()
            if name not in MOMENTS | BOOKKEEPING or (name == "updated_at" and len(key) == 5)
        }
        for key, properties in drawn.items()
    }


def test_importing_again_changes_nothing(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    settings = neo4j_server
    users = write(tmp_path / "users.csv", [{"user_id": f"u{n}", "age": n} for n in range(7)])
    links = write(tmp_path / "links.csv", [{"user_id": "u1", "friend_id": "u2", "weight": 2.0}])
    events = write(tmp_path / "events.csv", purchases(300))
    options = ImportOptions(chunk_rows=100)

    def everything(again: bool) -> list[ImportReport]:
        each = replace(options, again=again)
        items = FileSource(write(tmp_path / "items.csv", ITEMS))
        return [
            import_items(store, items, ITEM_MAPPING, settings=settings, options=each),
            import_users(store, FileSource(users), UserMapping(), settings=settings, options=each),
            import_events(store, FileSource(events), PURCHASES, settings=settings, options=each),
            import_social(store, FileSource(links), SocialMapping(), options=each),
        ]

    first = everything(again=False)
    assert [(report.state, report.rows, report.accepted, report.rejected) for report in first] == [
        ("finished", 12, 12, 0),
        ("finished", 7, 7, 0),
        ("finished", 300, 300, 0),
        ("finished", 1, 1, 0),
    ]
    before = picture(store, moments=True)
    assert len([key for key in before if key[0] == ("Event",)]) == 300

    assert [(report.state, report.accepted) for report in everything(again=False)] == [("known", 0)] * 4
    assert picture(store, moments=True) == before
    again = everything(again=True)
    assert [(report.state, report.accepted, report.duplicates) for report in again[:3]] == [
        ("finished", 0, 12),
        ("finished", 0, 7),
        ("finished", 0, 300),
    ]
    assert picture(store, moments=True) == before


def test_a_large_import_ends_where_live_events_end(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "events.csv", purchases(300)))
    put_items(store, neo4j_server, tmp_path)
    import_events(store, source, PURCHASES, settings=neo4j_server)
    assert ask(store, "MATCH (e:Unfolded) RETURN count(e) AS n") == [{"n": 300}], "a short file waits for the fold"
    assert fold(store, neo4j_server).events == 300
    live = picture(store)

    wipe(store)
    put_items(store, neo4j_server, tmp_path)
    import_events(store, source, PURCHASES, settings=neo4j_server, options=ImportOptions(chunk_rows=70))
    assert picture(store) == live
    assert [state["s"]["state"] for state in ask(store, "MATCH (s:State {id: 'co_occurrence'}) RETURN s")] == ["live"]


def test_rows_equal_to_each_other_are_events_each(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    row = {"user_id": "u", "item_id": "i1", "at": START}
    path = write(tmp_path / "events.csv", [row] * 5)
    put_items(store, neo4j_server, tmp_path)
    for chunk_rows in (2, 100):
        options = ImportOptions(chunk_rows=chunk_rows)
        import_events(store, FileSource(path), PURCHASES, settings=neo4j_server, options=options)
        [found] = ask(store, "MATCH (:User)-[r:INTERACTED]->(:Item) RETURN r.count AS count")
        assert found["count"] == 5
        assert ask(store, "MATCH (e:Event) RETURN count(e) AS n") == [{"n": 5}]


def test_a_killed_import_goes_on_where_it_stood(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    table = purchases(16_000, users=160)
    path = write(tmp_path / "events.csv", table)
    put_items(store, neo4j_server, tmp_path)
    command = [sys.executable, "-c", "from interestgraph.cli import main; main()", "import", "events", str(path)]
    command += ["--type", "purchase", "--json"]
    environment = {**os.environ, "INTERESTGRAPH_HOME": str(neo4j_server.home)}
    for name in ("NEO4J_URI", "REDIS_URL"):
        environment.pop(name, None)

    # Users come in the order of their ids: before this one, the last, it stands for as long as it takes.
    store.write("social/ensure_users", ids=["u99"], create=True, at=START)
    with (
        holding(store, "u99"),
        subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as process,
    ):
        deadline = time.monotonic() + 180
        while ask(store, "MATCH (e:Event) RETURN count(e) AS n")[0]["n"] == 0:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    [left] = ask(store, "MATCH (e:Event) RETURN count(e) AS n")
    assert left["n"] < 16_000
    assert ask(store, "MATCH (s:State) RETURN s.state AS state") == [{"state": "rebuilding"}]

    done = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
    [report] = json.loads(done.stdout)
    assert (report["state"], report["rows"], report["rejected"]) == ("finished", 16_000, 0)
    assert report["accepted"] + report["duplicates"] == 16_000
    resumed = picture(store)

    wipe(store)
    put_items(store, neo4j_server, tmp_path)
    import_events(store, FileSource(path), PURCHASES, settings=neo4j_server)
    assert resumed == picture(store)


def test_one_killed_before_the_recount_is_made_good(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "events.csv", purchases(300)))
    put_items(store, neo4j_server, tmp_path)
    options = ImportOptions(chunk_rows=100)
    import_events(store, source, PURCHASES, settings=neo4j_server, options=options, recount=False)
    assert ask(store, "MATCH ()-[r:CO_OCCURS]->() RETURN count(r) AS n") == [{"n": 0}]
    report = import_events(store, source, PURCHASES, settings=neo4j_server, options=options)
    assert report.state == "known"
    assert ask(store, "MATCH ()-[r:CO_OCCURS]->() RETURN count(r) AS n")[0]["n"] > 0
    assert recount_if_due(store, neo4j_server) is None


def test_every_bad_row_is_named(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    put_items(store, neo4j_server, tmp_path)
    path = tmp_path / "events.csv"
    path.write_bytes(
        b"user_id,item_id,at,value\n"
        b"u1,i1,1750000000,1\n"
        b"u1,unknown,1750000000,1\n"
        b"u1,i1,soon,1\n"
        b"u1,i1\n"
        b"\xff,i1,1750000000,1\n"
        b"u1,i1,9750000000,1\n"
        b"u1,i1,1750000000,nan\n"
        b"u2,i2,1750000000,\n"
    )
    rejects = tmp_path / "out" / "rejects.csv"
    options = ImportOptions(rejects=rejects, limit=RejectLimit(1.0, None))
    report = import_events(store, FileSource(path), PURCHASES, settings=neo4j_server, options=options)
    assert (report.rows, report.accepted, report.rejected, report.rejects) == (8, 2, 6, rejects)
    with rejects.open(newline="") as file:
        named = {int(row["row"]): (row["field"], row["value"]) for row in csv.DictReader(file)}
    assert named == {
        3: ("item_id", "unknown"),
        4: ("at", "soon"),
        5: ("", "u1,i1"),
        6: ("", "\\xff,i1,1750000000,1"),
        7: ("at", "9750000000"),
        8: ("value", "nan"),
    }


def test_rows_that_came_too_early_are_taken_another_time(
    store: GraphStore, neo4j_server: Settings, tmp_path: Path
) -> None:
    source = FileSource(write(tmp_path / "events.csv", purchases(50)))
    options = ImportOptions(limit=RejectLimit(1.0, None))
    early = import_events(store, source, PURCHASES, settings=neo4j_server, options=options)
    assert (early.accepted, early.rejected) == (0, 50)
    assert ask(store, "MATCH (e:Event) RETURN count(e) AS n") == [{"n": 0}]
    put_items(store, neo4j_server, tmp_path)
    late = import_events(store, source, PURCHASES, settings=neo4j_server, options=options)
    assert (late.state, late.accepted, late.rejected) == ("finished", 50, 0)


def test_missing_items_can_be_made(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "events.csv", purchases(50)))
    mapping = EventMapping(type="purchase", create_missing=True)
    assert import_events(store, source, mapping, settings=neo4j_server).accepted == 50


def test_a_hopeless_file_is_stopped(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    put_items(store, neo4j_server, tmp_path)
    rows = purchases(3_000).with_columns(
        pl.when(pl.int_range(pl.len()) < 1_000)
        .then(pl.col("value").cast(pl.String))
        .otherwise(pl.lit("?"))
        .alias("value")
    )
    source = FileSource(write(tmp_path / "events.csv", rows))
    rejects = tmp_path / "rejects.jsonl"
    options = ImportOptions(rejects=rejects, limit=RejectLimit(0.3, None), chunk_rows=500)
    with pytest.raises(ImportLimitError, match="value: The value is not a finite number"):
        import_events(store, source, PURCHASES, settings=neo4j_server, options=options)
    assert len(rejects.read_text().splitlines()) == 500, "it did not read on"
    assert ask(store, "MATCH (i:Import {kind: 'events'}) RETURN i.state AS state") == [{"state": "stopped"}]
    assert ask(store, "MATCH (e:Event) RETURN count(e) AS n") == [{"n": 1_000}], "what was accepted stays"
    with pytest.raises(ImportLimitError):
        import_events(store, source, PURCHASES, settings=neo4j_server, options=options)


def test_an_id_stored_with_other_content_is_rejected(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    put_items(store, neo4j_server, tmp_path)
    rows = [{"id": f"e{n}", "user_id": "u", "item_id": "i1", "at": START + n} for n in range(20)]
    import_events(store, FileSource(write(tmp_path / "a.csv", rows)), PURCHASES, settings=neo4j_server)
    rows[3]["item_id"] = rows[8]["item_id"] = "i2"
    rows.append({"id": "e20", "user_id": "u", "item_id": "i1", "at": START})
    options = ImportOptions(limit=RejectLimit(1.0, None))
    source = FileSource(write(tmp_path / "b.csv", rows))
    report = import_events(store, source, PURCHASES, settings=neo4j_server, options=options)
    assert (report.accepted, report.duplicates, report.rejected) == (1, 18, 2)
    assert [(rejection.row, rejection.field, rejection.value) for rejection in report.first] == [
        (5, "id", "e3"),
        (10, "id", "e8"),
    ]


def test_items_come_with_what_they_are_about(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    rows: list[dict[str, Any]] = [
        {"id": 1, "name": "Tea", "tags": ["Hot", "green"], "brand": "Acme", "summary": "Leaves.", "note": "x", "n": 3},
        {"id": 2, "name": " ", "tags": [], "available": "no", "created_at": "2025-01-01"},
        {"id": 1, "name": "Coffee"},
        {"id": "", "name": "?"},
        {"id": 3, "name": "a\x00b"},
        {"id": 4, "n": "many", "available": "perhaps"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    mapping = ItemMapping(
        interests=(InterestColumn("tag", "tags"), InterestColumn("brand", "brand", weight=3)),
        text=("summary", "note"),
        attributes={"number": "n:number"},
    )
    options = ImportOptions(limit=RejectLimit(1.0, None))
    report = import_items(store, FileSource(path), mapping, settings=neo4j_server, options=options)
    assert (report.rows, report.accepted, report.rejected) == (6, 2, 4)
    named = {(rejection.row, rejection.field) for rejection in report.first}
    assert named == {(3, "id"), (4, "id"), (5, "title"), (6, "available"), (6, "number")}
    [tea, other] = ask(store, "MATCH (i:Item) RETURN properties(i) AS p ORDER BY i.id")
    shown = {name: value for name, value in tea["p"].items() if name not in MOMENTS}
    assert shown == {"id": "1", "title": "Tea", "description": "Leaves.. x", "number": 3.0, "available": True}
    assert (other["p"]["available"], other["p"]["created_at"]) == (False, 1_735_689_600_000)
    assert "title" not in other["p"]
    about = ask(store, "MATCH (:Item {id: '1'})-[r:ABOUT]->(x) RETURN x.id AS x, r.weight AS w ORDER BY x")
    assert [(row["x"], row["w"]) for row in about] == [("brand:acme", 0.75), ("tag:green", 0.125), ("tag:hot", 0.125)]


def test_links_need_their_users(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    rows = [
        {"user_id": "a", "friend_id": "b", "weight": "2"},
        {"user_id": "a", "friend_id": "nobody", "weight": ""},
        {"user_id": "a", "friend_id": "a", "weight": "1"},
        {"user_id": "b", "friend_id": "a", "weight": "-1"},
    ]
    users = FileSource(write(tmp_path / "users.csv", [{"id": "a"}, {"id": "b"}]))
    import_users(store, users, UserMapping(), settings=neo4j_server)
    source = FileSource(write(tmp_path / "links.csv", rows))
    options = ImportOptions(limit=RejectLimit(1.0, None))
    report = import_social(store, source, SocialMapping(), options=options)
    assert (report.accepted, report.rejected) == (1, 3)
    assert {(rejection.row, rejection.field) for rejection in report.first} == {
        (3, "target"),
        (4, "target"),
        (5, "weight"),
    }
    report = import_social(store, source, SocialMapping(both_ways=True, create_missing=True), options=options)
    assert (report.accepted, report.rejected) == (2, 2)
    found = ask(store, "MATCH (a)-[r:FOLLOWS]->(b) RETURN a.id AS a, b.id AS b, r.weight AS w ORDER BY a, b")
    assert [tuple(row.values()) for row in found] == [
        ("a", "b", 2.0),
        ("a", "nobody", 1.0),
        ("b", "a", 2.0),
        ("nobody", "a", 1.0),
    ]


def test_a_trial_writes_nothing(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "events.csv", purchases(50)))
    report = import_events(None, source, PURCHASES, settings=neo4j_server)
    assert (report.state, report.accepted) == ("checked", 50)
    assert picture(store) == {}
    with pytest.raises(InvalidInputError, match="type"):
        import_events(None, source, EventMapping(), settings=neo4j_server)


def test_a_data_set_keeps_its_times(store: GraphStore, neo4j_server: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = START - 40 * 7 * MS_PER_DAY

    def load(request: datasets.base.Request) -> Dataset:
        shift = request.shift(newest)
        rows = pl.DataFrame({"user_id": ["u"], "item_id": ["i"], "at": [newest + shift]})
        mapping = EventMapping(type="view", create_missing=True, time_unit="ms")
        return Dataset((Part(TableSource("toy", rows, f"{shift}"), mapping),), ("a note",))

    monkeypatch.setattr(datasets.catalogue, "DATASETS", {**DATASETS, "toy": Entry("a toy", load)})
    [first] = datasets.import_dataset(store, "toy", settings=neo4j_server)
    assert (first.accepted, first.notes[0]) == (1, "a note")
    # A week later another shift would be wanted.
    monkeypatch.setattr(datasets.catalogue, "now_ms", lambda: START + 999 * MS_PER_DAY)
    [later] = datasets.import_dataset(store, "toy", settings=neo4j_server)
    assert later.state == "known"
    [unmoved] = datasets.import_dataset(store, "toy", settings=neo4j_server, shift=False)
    assert unmoved.accepted == 1
    [event, moved] = ask(store, "MATCH (e:Event) RETURN e.at AS at ORDER BY at")
    assert event["at"] == newest
    assert (moved["at"] - newest) % (7 * MS_PER_DAY) == 0
