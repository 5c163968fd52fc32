"""Items that resemble each other, in the graph: written where they differ, told once, in nobody's way."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from structlog.testing import capture_logs

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event
from engine.errors import FencedError, InterestGraphError
from engine.events.apply import apply_events
from engine.forgetting.items import forget_item
from engine.graph.entities import About, Item, upsert_items
from engine.graph.resemblance import replace_resembling
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.jobs import create_job
from engine.jobs.run import JobRun, take_job
from engine.model.inferred_edges import InferenceRule, ItemViews
from engine.model.resemblance import ResemblanceRule, resembling
from engine.pipelines import resemblance
from engine.pipelines.inferred import infer_for_graph
from engine.pipelines.item_views import GraphItems
from engine.pipelines.reembed import run_reembed
from engine.pipelines.resemblance import resemble_in_graph
from engine.pipelines.selection import anything_dirty
from engine.ranking.refresher import Refresher
from engine.ranking.service import parameters_for
from engine.settings import Settings
from engine.verification.verify import verify
from tests.support.model_folder import TERMS, write_model
from tests.support.profile import db_hits, profile
from tests.support.tiny_model import make_tiny_version

NOW = 20_000 * MS_PER_DAY
VERSION, LATER = "v20260101000000", "v20260102000000"
SERVED = "v20260131235959"
"""Of two numbers, with vector indexes, which outlive a test: no other test has it."""
RULE = ResemblanceRule("words", 0.7)
PAIRS = {("cup", "pot"), ("pot", "cup"), ("new", "red"), ("red", "new")}
Pair = tuple[str, str]


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    """Pot and cup share one word of two, the lamps both, and the chair has none of others."""
    upsert_items(
        store,
        [
            Item("pot", title="Tea pot"),
            Item("cup", title="Tea cup"),
            Item("red", title="Red lamp"),
            Item("new", title="Lamp red"),
            Item("chair", title="Chair", about=[About("category", "Seats")]),
        ],
    )
    for version in (VERSION, LATER):
        create_version(store, dim=8, model="tiny", version=version)
    return store


def resemble(store: GraphStore, settings: Settings, rule: ResemblanceRule = RULE, *, version: str = VERSION) -> int:
    return resemble_in_graph(store, settings, rule, fence=Fence(version))


def edges(store: GraphStore) -> dict[Pair, dict[str, Any]]:
    text = "MATCH (i)-[r:RESEMBLES]->(j) RETURN i.id AS i, j.id AS j, properties(r) AS properties"
    rows = store.read_transaction(lambda tx: tx.run_text(text).data())
    return {(row["i"], row["j"]): row["properties"] for row in rows}


def stamp(store: GraphStore) -> int:
    text = "OPTIONAL MATCH (s:State {id: 'resemblance'}) RETURN coalesce(s.stamp, 0)"
    [[found]] = store.read_transaction(lambda tx: tx.run_text(text).values())
    return int(found)


def state(store: GraphStore) -> dict[str, Any]:
    text = "MATCH (s:State {id: 'resemblance'}) RETURN properties(s)"
    [[found]] = store.read_transaction(lambda tx: tx.run_text(text).values())
    return dict(found)


def test_every_item_leads_to_those_it_resembles(graph: GraphStore, settings: Settings) -> None:
    assert resemble(graph, settings) == 4
    found = edges(graph)
    assert set(found) == PAIRS
    shared, own = log(6 / 3) + 1, log(6 / 2) + 1
    for pair, similarity in {("pot", "cup"): shared**2 / (shared**2 + own**2), ("red", "new"): 1.0}.items():
        assert found[pair]["similarity"] == pytest.approx(similarity, abs=1e-6)
        assert found[pair]["similarity"] <= 1.0
        assert set(found[pair]) == {"similarity", "version", "updated_at"}
        assert found[pair]["version"] == VERSION
    assert stamp(graph) >= found["pot", "cup"]["updated_at"]


def test_what_is_there_is_not_written_again(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    before, told = edges(graph), stamp(graph)
    assert resemble(graph, settings) == 0
    # That another version says the same is no reason.
    assert resemble(graph, settings, version=LATER) == 0
    assert edges(graph) == before
    assert stamp(graph) == told


def test_a_changed_item_changes_its_own_row_and_those_of_its_like(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    told = stamp(graph)
    upsert_items(graph, [Item("chair", title="Red chair")])
    assert resemble(graph, settings, version=LATER) == 6
    lamps = {("red", "new"), ("new", "red"), ("red", "chair"), ("new", "chair"), ("chair", "red"), ("chair", "new")}
    versions = {pair: edge["version"] for pair, edge in edges(graph).items()}
    assert versions == {**dict.fromkeys(lamps, LATER), ("pot", "cup"): VERSION, ("cup", "pot"): VERSION}
    assert stamp(graph) > told
    told = stamp(graph)
    upsert_items(graph, [Item("chair", title="Stool")])
    assert resemble(graph, settings) == 2
    assert set(edges(graph)) == PAIRS
    assert stamp(graph) > told


@pytest.fixture
def shop(store: GraphStore) -> list[Item]:
    """Forty items with three of ten words each."""
    chance = random.Random(2)
    words = [f"word{number}" for number in range(10)]
    items = [Item(f"i{number:02}", title=" ".join(chance.sample(words, 3))) for number in range(40)]
    upsert_items(store, items)
    create_version(store, dim=8, model="tiny", version=VERSION)
    return items


def few(store: GraphStore, settings: Settings, rule: ResemblanceRule, *changed: str, version: str = VERSION) -> int:
    return resemble_in_graph(store, settings, rule, fence=Fence(version), changed=changed)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """How many items each run looked at; none stands for all."""
    found: list[int | None] = []

    def counted(*arguments: Any, of: Any = None) -> Any:
        found.append(None if of is None else len(of))
        return resembling(*arguments, of=of)

    monkeypatch.setattr(resemblance, "resembling", counted)
    return found


@pytest.mark.parametrize("neighbours", [3, 39])
def test_where_few_changed_only_what_they_touch_is_compared(
    store: GraphStore, settings: Settings, shop: list[Item], compared: list[int | None], neighbours: int
) -> None:
    rule = replace(RULE, neighbours=neighbours)
    # Nothing was joined yet, so everything is compared.
    few(store, settings, rule, "i00")
    upsert_items(store, [Item("i07", title="word1 word2 word3"), Item("new", title="word4 word5 word6")])
    forget_item(store, settings, "i09")
    assert few(store, settings, rule, "i07", "new", "forgotten") > 0
    assert state(store)["changed"] == 3
    some = {pair: edge["similarity"] for pair, edge in edges(store).items()}
    few(store, settings, rule, "i01", "i02")
    assert state(store)["changed"] == 0
    whole = {pair: edge["similarity"] for pair, edge in edges(store).items()}
    if neighbours == 39:
        assert some.keys() == whole.keys()
    for item in [*(item.id for item in shop if item.id != "i09"), "new"]:
        one = sorted((value for (source, _), value in some.items() if source == item), reverse=True)
        other = sorted((value for (source, _), value in whole.items() if source == item), reverse=True)
        assert one == pytest.approx(other, abs=0.03), item
    first, second, third = compared
    assert first is None
    assert second is not None and 2 < second <= (40 if neighbours == 39 else 30)
    # With the one that was forgotten a tenth has changed: all are compared again.
    assert third is None


def test_rows_of_another_basis_are_not_trusted(
    store: GraphStore, settings: Settings, shop: list[Item], compared: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"workers": settings.workers.model_copy(update={"batch_size": 10})})
    create_version(store, dim=8, model="tiny", version=LATER)
    few(store, settings, RULE, "i00")
    few(store, settings, RULE, "i00", version=LATER)
    assert compared[0] is None and compared[1] is not None
    assert state(store)["basis"] == RULE.basis == "words 20"
    other = replace(RULE, neighbours=2)
    write = GraphStore.write

    def killed(graph: GraphStore, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        if name == "resemblance/write" and state(store)["writes"] % 4 == 2:
            raise InterestGraphError("killed")
        return write(graph, name, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(GraphStore, "write", killed)
        with pytest.raises(InterestGraphError, match="killed"):
            resemble(store, settings, other, version=LATER)
    # Half of the rows are of the other one: the older goes through all.
    assert "basis" not in state(store)
    few(store, settings, RULE, "i00")
    assert compared[-1] is None
    assert state(store)["basis"] == RULE.basis
    assert {len([1 for source, _ in edges(store) if source == item.id]) for item in shop} != {2}


def test_who_writes_between_anothers_writes_is_found_out(
    store: GraphStore, settings: Settings, shop: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_version(store, dim=8, model="tiny", version=LATER)
    resemble(store, settings)
    told = stamp(store)
    upsert_items(store, [Item("new", title="word4 word5 word6")])
    similarity = ItemViews.similarity
    done: list[bool] = []

    def meanwhile(views: ItemViews, *arguments: Any) -> Any:
        if not done:
            done.append(True)
            resemble(store, settings, replace(RULE, neighbours=2), version=LATER)
        return similarity(views, *arguments)

    monkeypatch.setattr(ItemViews, "similarity", meanwhile)
    few(store, settings, RULE, "new")
    assert "basis" not in state(store)
    assert stamp(store) > told
    resemble(store, settings)
    assert state(store)["basis"] == RULE.basis


def test_no_more_than_the_rule_says(graph: GraphStore, settings: Settings) -> None:
    upsert_items(graph, [Item("chair", title="Red chair")])
    assert resemble(graph, settings, replace(RULE, neighbours=1)) == 5
    found = edges(graph)
    assert {("red", "new"), ("new", "red")} < set(found)
    assert len({source for source, _ in found}) == 5


def test_other_items_as_similar_are_no_reason_to_write(graph: GraphStore) -> None:
    ids = ["chair", "cup", "new", "pot", "red"]

    def replaced(targets: Sequence[int], similarity: float | None = None, known: float = 0.5) -> int:
        rows = np.zeros(len(targets), dtype=np.int64)
        wanted = sparse.csr_array((np.full(len(targets), known), (rows, np.array(targets))), shape=(5, 5))
        given = None if similarity is None else lambda _, others: np.full(len(others), similarity)
        return replace_resembling(graph, ids, wanted, fence=Fence(VERSION), basis=RULE.basis, similarity=given)

    assert replaced([1, 2]) == 2
    assert replaced([1, 3], 0.5) == 0
    assert replaced([1, 2, 3], 0.5) == 3
    assert replaced([1, 2, 4], 0.6) == 3
    assert replaced([1, 2, 3]) == 3
    # What is known of them, or what is wanted, is another.
    assert replaced([1, 2, 4], 0.5, known=0.6) == 3
    assert replaced([1, 2, 4], known=0.605) == 0
    assert replaced([1, 2, 4], known=0.62) == 3


def test_writing_some_of_many_costs_what_it_writes(graph: GraphStore) -> None:
    graph.write_auto("UNWIND range(0, 999) AS n CREATE (:Item {id: 'item ' + right('0000' + n, 5)})")
    graph.write_auto(
        "MATCH (i:Item) WHERE i.id STARTS WITH 'item' WITH collect(i) AS all UNWIND range(0, 999) AS n "
        "UNWIND range(1, 20) AS step WITH all[n] AS i, all[(n + step) % 1000] AS j CREATE (i)-[:RESEMBLES]->(j)"
    )
    rows = [
        {
            "source": f"item {number:05}",
            "targets": [f"item {number + 2 * step:05}" for step in range(1, 21)],
            "similarities": [0.5] * 20,
        }
        for number in range(20)
    ]
    found = profile(graph, "resemblance/write", rows=rows, now=1, basis="words", **Fence(VERSION).parameters())
    assert found[0].rows == 1
    assert not any(operator.reads_everything for operator in found)
    assert db_hits(found) < 20 * 20 * 20


def test_they_go_with_the_item(graph: GraphStore, settings: Settings) -> None:
    resemble(graph, settings)
    forget_item(graph, settings, "new")
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}
    # Among four items a word that two have is worth less, by more than the bound.
    assert resemble(graph, settings) == 2
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}


@pytest.mark.parametrize("view", ["words+content", "image"])
def test_without_its_view_nothing_resembles(graph: GraphStore, settings: Settings, view: str) -> None:
    rule = replace(RULE, view=view)
    assert resemble(graph, settings, rule) == 0
    assert stamp(graph) == 0
    resemble(graph, settings)
    told = stamp(graph)
    assert resemble(graph, settings, rule) == 0
    assert edges(graph) == {}
    assert stamp(graph) > told


def test_texts_are_encoded_where_items_are_compared_by_them(graph: GraphStore, settings: Settings) -> None:
    seen: list[Sequence[str]] = []

    def encode(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        seen.append(texts)
        return np.array([[text.startswith("Tea"), text == "Chair"] for text in texts], dtype=np.float32)

    items = GraphItems(graph, encode=encode)
    rule = replace(RULE, view="content")
    assert resemble_in_graph(graph, settings, rule, fence=Fence(VERSION), items=items) == 2
    assert set(edges(graph)) == {("cup", "pot"), ("pot", "cup")}
    assert items.views("words+content") is items.views("content")
    assert items.views("image") is None
    assert seen == [["Chair", "Tea cup", "Lamp red", "Tea pot", "Red lamp"]]


def test_above_the_limit_nothing_is_joined(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    resemble(graph, settings)
    monkeypatch.setattr(resemblance, "MOST_ITEMS", 4)
    with capture_logs() as logs:
        assert resemble(graph, settings) == 0
    assert [(log["event"], log["log_level"], log["items"], log["most"]) for log in logs] == [
        ("too_many_items_to_compare", "warning", 5, 4)
    ]
    assert edges(graph) == {}
    # Below it again everything is compared, whatever changed.
    monkeypatch.setattr(resemblance, "MOST_ITEMS", 5)
    assert resemble_in_graph(graph, settings, RULE, fence=Fence(VERSION), changed=[]) == 4


def test_who_is_fenced_off_writes_nothing(graph: GraphStore, settings: Settings) -> None:
    job = create_job(graph, "reembed", {"version": VERSION, "selection": "all"})
    old = take_job(graph, job.id, runner="old", lost_after_s=60).job
    newer = take_job(graph, job.id, runner="new", lost_after_s=-1).job
    for fence in (Fence("v20250101000000"), Fence(VERSION, job.id, old.fence)):
        with pytest.raises(FencedError):
            resemble_in_graph(graph, settings, RULE, fence=fence)
    assert edges(graph) == {}
    assert stamp(graph) == 0
    assert resemble_in_graph(graph, settings, RULE, fence=Fence(VERSION, job.id, newer.fence)) == 4
    told = state(graph)
    # Not even where there is nothing to write.
    with pytest.raises(FencedError):
        resemble_in_graph(graph, settings, RULE, fence=Fence(VERSION, job.id, old.fence))
    assert state(graph) == told


@pytest.mark.parametrize(("statement", "rest"), [("resemblance/write", 3), ("resemblance/finish", 0)])
def test_what_a_killed_run_wrote_is_told_by_the_next(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch, statement: str, rest: int
) -> None:
    settings = settings.model_copy(update={"workers": settings.workers.model_copy(update={"batch_size": 1})})
    write, calls = GraphStore.write, [0]

    def killed(store: GraphStore, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        calls[0] += name == statement
        # The first item is written and no more, or all are and nobody is told.
        if name == statement and (calls[0] == 2 or name.endswith("finish")):
            raise InterestGraphError("killed")
        return write(store, name, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(GraphStore, "write", killed)
        with pytest.raises(InterestGraphError, match="killed"):
            resemble(graph, settings)
    assert len(edges(graph)) == 4 - rest
    assert stamp(graph) == 0
    assert resemble(graph, settings) == rest
    assert set(edges(graph)) == PAIRS
    told = stamp(graph)
    assert told > 0
    assert resemble(graph, settings) == 0
    assert stamp(graph) == told


def test_counting_inference_and_verification_never_meet_them(graph: GraphStore, settings: Settings) -> None:
    steps = [("pot", 3), ("red", 2), ("chair", 1)]
    events = [
        Event(f"{user} {item}", "purchase", user, item, NOW - days * MS_PER_DAY)
        for user in ("ann", "ben")
        for item, days in steps
    ]
    apply_events(graph, events, settings=settings)
    fold(graph, settings)
    rule = InferenceRule("words", 1, power=1.0, own=1.0, exponent=1.0, factor=0.5)
    inferred = infer_for_graph(graph, settings, rule, fence=Fence(VERSION))
    resemble(graph, settings)
    before = edges(graph)
    assert infer_for_graph(graph, settings, rule, fence=Fence(VERSION)) == inferred
    assert verify(graph, settings).ok
    rebuild(graph, settings)
    assert verify(graph, settings).ok
    apply_events(graph, [Event("late", "purchase", "cid", "new", NOW)], settings=settings)
    fold(graph, settings)
    assert verify(graph, settings).ok
    assert edges(graph) == before


def test_the_job_joins_them_and_joins_them_again_where_items_changed(store: GraphStore, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path, cache=tmp_path / "cache")
    upsert_items(store, [Item("pot", title="Tea pot"), Item("cup", title="Tea cup"), Item("red", title="Red lamp")])
    version = make_tiny_version(store, settings, settings.models_dir)

    def run(rule: ResemblanceRule | None) -> dict[str, Any]:
        path = settings.models_dir / version / "card.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["resemblance"] = None if rule is None else rule.to_dict()
        path.write_text(json.dumps(card), encoding="utf-8")
        job = create_job(store, "reembed", {"version": version, "selection": "dirty"})
        taken = JobRun(store, take_job(store, job.id, runner="one", lost_after_s=60).job, heartbeat_s=60)
        result = dict(run_reembed(taken, settings))
        taken.finish("succeeded", "done", result=result)
        return result

    assert run(RULE)["resembling"] == 2
    assert not anything_dirty(store)
    upsert_items(store, [Item("new", title="Lamp red")])
    # Among four items instead of three the words of the others weigh more, too.
    assert run(RULE)["resembling"] == 4
    assert set(edges(store)) == PAIRS
    # The version is served with edges on another basis, as after a return to an older one.
    assert run(replace(RULE, neighbours=1))["resembling"] == 0
    assert state(store)["basis"] == "words 1"
    # A model without a rule leaves them to the others.
    upsert_items(store, [Item("new", title="Lamp")])
    assert "resembling" not in run(None)
    assert set(edges(store)) == PAIRS


def test_a_version_served_with_edges_on_another_basis_waits_for_a_job(store: GraphStore, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path, cache=tmp_path / "cache")
    upsert_items(store, [Item("pot", title="Tea pot"), Item("cup", title="Tea cup")])
    create_version(store, dim=2, model="tiny", version=SERVED)
    store.write_auto(
        "MATCH (v:EmbeddingVersion) SET v.state = 'ready', v.embedded_until = 9e15, v.resemblance = 'words 20' "
        f"WITH v MATCH (i:Item) SET i.embedding_{SERVED} = [0.0, 1.0]"
    )
    activate(store, SERVED)
    assert anything_dirty(store)
    resemble(store, settings, version=SERVED)
    assert not anything_dirty(store)
    resemble(store, settings, replace(RULE, neighbours=1), version=SERVED)
    assert anything_dirty(store)


def served(store: GraphStore, refresher: Refresher) -> dict[Pair, float]:
    refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    ids = snapshot.catalogue.ids
    rows = {place: snapshot.resembling.row(place) for place in range(len(ids)) if snapshot.catalogue.alive[place]}
    return {
        (ids[place], ids[target]): float(similarity)
        for place, (targets, similarities) in rows.items()
        for target, similarity in zip(targets, similarities, strict=True)
        if snapshot.catalogue.alive[target]
    }


def test_serving_follows_what_is_written(graph: GraphStore, settings: Settings) -> None:
    refresher = Refresher(graph, settings)
    assert served(graph, refresher) == {}
    upsert_items(graph, [Item(f"other {number:02}", title=f"thing{number // 2}") for number in range(40)])
    resemble(graph, settings)
    for _ in range(2):
        assert served(graph, refresher) == {
            pair: pytest.approx(edge["similarity"], abs=1e-6) for pair, edge in edges(graph).items()
        }
        # Served from the rows written since, beside those read before.
        upsert_items(graph, [Item("chair", title="Red chair"), Item("cup", title="Cup")])
        few(graph, settings, RULE, "chair", "cup")
        forget_item(graph, settings, "other 07")
    assert set(edges(graph)) - PAIRS >= {("chair", "red"), ("red", "chair")}


def test_they_count_only_for_who_has_learnt_with_them(graph: GraphStore, settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"home": tmp_path})
    terms = {**TERMS, "resemblance_scale": 0.5}
    version = SERVED
    write_model(settings.models_dir, version, 2, terms=terms, resemblance={"basis": RULE.basis})
    create_version(graph, dim=2, model="tiny", version=version)
    write_vectors(graph, "Item", ["pot"], np.ones((1, 2), np.float32), fence=Fence(version))
    mark_ready(graph, version)
    activate(graph, version)
    refresher = Refresher(graph, settings)

    def scale() -> float:
        refresher.refresh()
        assert refresher.snapshot is not None and refresher.snapshot.version == version
        return parameters_for(refresher.snapshot, settings.ranking, newcomer=False).resemblance_scale

    assert scale() == 0
    resemble(graph, settings)
    assert scale() == 0.5
    resemble(graph, settings, replace(RULE, neighbours=1))
    assert scale() == 0
