"""Runs that join items that resemble each other: fenced, killed, interleaved, on another basis, with few changes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import CancelledError, FencedError, InterestGraphError
from engine.forgetting.items import forget_item
from engine.graph.entities import Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version
from engine.graph.writeback import Fence
from engine.jobs import create_job
from engine.jobs.run import JobRun, take_job
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import ResemblanceRule, resembling
from engine.pipelines import resemblance
from engine.pipelines.reembed import run_reembed
from engine.pipelines.resemblance import resemble_in_graph
from engine.pipelines.selection import anything_dirty
from engine.settings import Settings
from tests.support.resembling import LATER, PAIRS, RULE, SERVED, VERSION, edges, few, resemble, stamp, state
from tests.support.resembling import graph as graph
from tests.support.resembling import settings as settings
from tests.support.tiny_model import make_tiny_version


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """How many items each run looked at; none stands for all."""
    found: list[int | None] = []

    def counted(*arguments: Any, of: Any = None, **named: Any) -> Any:
        found.append(None if of is None else len(of))
        return resembling(*arguments, of=of, **named)

    monkeypatch.setattr(resemblance, "resembling", counted)
    return found


@pytest.fixture
def shop(store: GraphStore) -> list[Item]:
    """Forty items with three of ten words each."""
    chance = random.Random(2)
    words = [f"word{number}" for number in range(10)]
    items = [Item(f"i{number:02}", title=" ".join(chance.sample(words, 3))) for number in range(40)]
    upsert_items(store, items)
    create_version(store, dim=8, model="tiny", version=VERSION)
    return items


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


def test_who_is_stopped_while_items_are_compared_writes_nothing(graph: GraphStore, settings: Settings) -> None:
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        raise CancelledError("Somebody asked this job to stop.")

    with pytest.raises(CancelledError):
        resemble_in_graph(graph, settings, RULE, fence=Fence(VERSION), progress=stop)
    assert told == [(5, 5)]
    assert edges(graph) == {}
    assert stamp(graph) == 0


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
