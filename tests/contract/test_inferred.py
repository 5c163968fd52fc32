"""Inferred edges in the graph: written back, served, taken over by counted ones, in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event
from engine.errors import FencedError
from engine.events.apply import apply_events
from engine.forgetting.items import forget_item
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.graph.versions import create_version
from engine.graph.writeback import Fence, write_vectors
from engine.interests.decay import days_ms
from engine.jobs import create_job
from engine.jobs.run import JobRun, take_job
from engine.model.inferred_edges import InferenceRule
from engine.pipelines import inferred as inferred_pipeline
from engine.pipelines import reembed as reembed_pipeline
from engine.pipelines.inferred import ENOUGH_EDGES, NewItems
from engine.pipelines.reembed import run_reembed
from engine.ranking.explain import Explainer
from engine.ranking.filters import Filters
from engine.ranking.profile import profile_in, read_user
from engine.ranking.refresher import Refresher
from engine.ranking.score import score_items
from engine.ranking.service import parameters_for, rank
from engine.ranking.state import Snapshot
from engine.settings import Settings
from engine.verification.verify import verify
from tests.support.tiny_model import make_tiny_version

NOW = 20_000 * MS_PER_DAY
VERSION, TINY = "v20260101000000", "v20260103000000"
RULE = InferenceRule(
    "words", 1, power=1.0, own=1.0, exponent=1.0, factor=0.5, strengths=(0.0, 1.0), certainties=(0.0, 0.5)
)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture
def graph(store: GraphStore, settings: Settings) -> GraphStore:
    """Ann and Ben go from the pot to the red lamp, and on to the chair; nobody knows the other lamp yet."""
    upsert_items(
        store,
        [
            Item("pot", title="Tea pot"),
            Item("red", title="Red lamp"),
            Item("chair", title="Chair", about=[About("category", "Seats")]),
            Item("new", title="Lamp red"),
        ],
    )
    steps = [("pot", 3), ("red", 2), ("chair", 1)]
    events = [
        Event(f"{user} {item}", "purchase", user, item, NOW - days * MS_PER_DAY)
        for user in ("ann", "ben")
        for item, days in steps
    ]
    apply_events(store, [*events, Event("cid", "purchase", "cid", "pot", NOW)], settings=settings)
    fold(store, settings)
    create_version(store, dim=8, model="tiny", version=VERSION)
    return store


def infer(store: GraphStore, settings: Settings, rule: InferenceRule = RULE) -> int:
    return NewItems(store, settings, rule).infer(Fence(VERSION))


def inferred(store: GraphStore) -> dict[tuple[str, str], dict[str, Any]]:
    text = "MATCH (i)-[r:MAY_CO_OCCUR]->(j) RETURN i.id AS i, j.id AS j, properties(r) AS properties"
    rows = store.read_transaction(lambda tx: tx.run_text(text).data())
    return {(row["i"], row["j"]): row["properties"] for row in rows}


def loaded(store: GraphStore, settings: Settings) -> Snapshot:
    refresher = Refresher(store, settings)
    refresher.refresh()
    assert refresher.snapshot is not None
    return refresher.snapshot


def test_edges_lead_to_the_new_item_from_whoever_leads_to_its_like(graph: GraphStore, settings: Settings) -> None:
    assert infer(graph, settings) == 3
    found = inferred(graph)
    assert set(found) == {("pot", "new"), ("red", "new"), ("chair", "new")}
    edge = found["pot", "new"]
    assert edge["source"] == "inferred"
    assert edge["version"] == VERSION
    assert edge["updated_at"] == NOW
    assert edge["certainty"] == pytest.approx(0.5 * edge["weight"])
    # Nothing changes when it is done again.
    assert infer(graph, settings) == 3
    assert inferred(graph) == found


def test_a_new_item_that_resembles_nothing_gets_nothing_and_fails_nothing(
    graph: GraphStore, settings: Settings
) -> None:
    # Items are compared by their attributes, and the new one has none.
    assert infer(graph, settings, replace(RULE, view="attributes")) == 0
    assert inferred(graph) == {}
    assert not read_vectors(graph, VERSION, "Item", ids=["new"]).ids


def test_they_are_served_and_explained(graph: GraphStore, settings: Settings) -> None:
    before = rank_for(graph, settings, "cid")
    assert before["new"] == 0
    infer(graph, settings)
    snapshot = loaded(graph, settings)
    after = rank_for(graph, settings, "cid")
    assert after["new"] > 0
    assert after["chair"] == pytest.approx(before["chair"])
    weight = inferred(graph)["pot", "new"]["weight"]
    index = snapshot.catalogue.index
    targets, weights = snapshot.following(index["pot"])
    assert weights[targets.tolist().index(index["new"])] == pytest.approx(weight, rel=1e-6)
    user = profile_in(snapshot, read_user(graph, "cid", settings=settings, at=NOW, with_seen=True))
    parameters = parameters_for(snapshot, settings.ranking, newcomer=False)
    scores = score_items(snapshot, user, None, parameters)
    explainer = Explainer(snapshot, user, scores, None, parameters, NOW)
    paths = {
        item: [
            dict(step)
            for term in explainer.explain([index[item]])[0].terms
            if term.name == "co_occurrence"
            for step in term.path
        ]
        for item in ("new", "red")
    }
    assert paths["new"][0]["item_id"] == "pot"
    assert paths["new"][0]["source"] == "inferred"
    assert paths["new"][0]["certainty"] == pytest.approx(0.5 * weight, rel=1e-6)
    assert "certainty" not in paths["red"][0]
    # Nobody has taken it: the sentence does not say so.
    new, red = explainer.explain([index["new"], index["red"]])
    assert new.text == "Because you bought Tea pot today: people who bought it often take things like this next."
    assert red.text == "Because you bought Tea pot today: people who bought it often take this next."


def test_a_running_process_hears_of_them(graph: GraphStore, settings: Settings) -> None:
    refresher = Refresher(graph, settings)
    refresher.refresh()
    infer(graph, settings)
    assert refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    assert snapshot.inferred.entries == 3
    assert refresher.counters.full_loads == 1
    refresher.refresh()
    assert refresher.snapshot is not None
    assert refresher.snapshot.inferred is snapshot.inferred


def test_they_fade_as_the_counted_ones_do(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    before = loaded(graph, settings)
    later = NOW + int(days_ms(settings.co_occurrence.half_life_days))
    apply_events(graph, [Event("late", "purchase", "dan", "chair", later)], settings=settings)
    fold(graph, settings)
    after = loaded(graph, settings)
    for item in ("red", "new"):
        assert strength(after, "pot", item) == pytest.approx(strength(before, "pot", item) * np.sqrt(0.5), rel=1e-5)


def test_what_is_counted_takes_over_where_it_is_stronger(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings, replace(RULE, factor=0.05))
    guessed = inferred(graph)["pot", "new"]["weight"]
    apply_events(graph, [Event("1", "purchase", "cid", "new", NOW + 1)], settings=settings)
    fold(graph, settings)
    snapshot = loaded(graph, settings)
    index = snapshot.catalogue.index
    targets, _ = snapshot.following(index["pot"])
    assert targets.tolist().count(index["new"]) == 1
    assert strength(snapshot, "pot", "new") > 2 * guessed
    assert snapshot.certainty_of(index["pot"], index["new"]) is None
    assert snapshot.certainty_of(index["red"], index["new"]) is not None


def test_the_first_who_takes_a_new_item_does_not_make_it_fall(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings, replace(RULE, factor=20.0))
    before = strength(loaded(graph, settings), "pot", "new")
    apply_events(graph, [Event("1", "purchase", "cid", "new", NOW + 1)], settings=settings)
    fold(graph, settings)
    snapshot = loaded(graph, settings)
    index = snapshot.catalogue.index
    assert strength(snapshot, "pot", "new") == pytest.approx(before, rel=1e-5)
    assert snapshot.certainty_of(index["pot"], index["new"]) is not None


def test_an_item_that_the_model_has_learnt_gets_none(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    assert NewItems(graph, settings, RULE, learnt={"new"}).infer(Fence(VERSION)) == 0
    assert inferred(graph) == {}


def test_with_enough_counted_edges_nothing_is_inferred(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    upsert_items(graph, [Item(f"i{number}", title=f"Thing {number}") for number in range(ENOUGH_EDGES)])
    events = [
        Event(f"{number}-{step}", "purchase", f"u{number}", item, NOW + step)
        for number in range(ENOUGH_EDGES)
        for step, item in enumerate((f"i{number}", "new"))
    ]
    apply_events(graph, events, settings=settings)
    fold(graph, settings)
    infer(graph, settings)
    assert not any(target == "new" for _, target in inferred(graph))
    assert loaded(graph, settings).inferred.entries == len(inferred(graph))


def test_counting_and_verification_never_meet_them(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    assert verify(graph, settings).ok
    rebuild(graph, settings)
    assert verify(graph, settings).ok
    assert len(inferred(graph)) == 3


def test_they_go_with_the_item(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    forget_item(graph, settings, "new")
    assert inferred(graph) == {}
    assert loaded(graph, settings).inferred.entries == 0


def test_a_retired_version_writes_none(graph: GraphStore, settings: Settings) -> None:
    with pytest.raises(FencedError):
        NewItems(graph, settings, RULE).infer(Fence("v20250101000000"))
    assert inferred(graph) == {}


def test_a_view_that_no_item_has_infers_nothing(graph: GraphStore, settings: Settings) -> None:
    infer(graph, settings)
    assert infer(graph, settings, replace(RULE, view="words+content")) == 0
    assert inferred(graph) == {}


def strength(snapshot: Snapshot, source: str, target: str) -> float:
    index = snapshot.catalogue.index
    targets, weights = snapshot.following(index[source])
    return float(weights[targets.tolist().index(index[target])])


def rank_for(store: GraphStore, settings: Settings, user_id: str) -> dict[str, float]:
    """Give the counted term of each item that is recommended."""
    snapshot = loaded(store, settings)
    user = read_user(store, user_id, settings=settings, at=NOW, with_seen=True)
    found = rank(snapshot, user, 10, filters=Filters(), diversity=0.0, options=settings.ranking, explain=True, now=NOW)
    return {
        item.item_id: next((term.value for term in item.terms if term.name == "co_occurrence"), 0.0)
        for item in found.items
    }


def test_an_item_without_behaviour_gets_the_vector_of_its_neighbour(graph: GraphStore, settings: Settings) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(4, 8)).astype(np.float32)
    ids = ["chair", "new", "pot", "red"]
    write_vectors(graph, "Item", ids, vectors, fence=Fence(VERSION))
    infer(graph, settings)
    found = read_vectors(graph, VERSION, "Item")
    of = dict(zip(found.ids, found.matrix, strict=True))
    np.testing.assert_allclose(of["new"], vectors[3], rtol=1e-5)
    for name in ("chair", "pot", "red"):
        np.testing.assert_allclose(of[name], vectors[ids.index(name)], rtol=1e-5)


def test_or_keeps_the_vector_that_the_model_made_of_it(graph: GraphStore, settings: Settings) -> None:
    ids = ["chair", "new", "pot", "red"]
    vectors = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    write_vectors(graph, "Item", ids, vectors, fence=Fence(VERSION))
    assert infer(graph, settings, replace(RULE, vectors="model")) == 3
    found = read_vectors(graph, VERSION, "Item")
    of = dict(zip(found.ids, found.matrix, strict=True))
    np.testing.assert_allclose(np.stack([of[name] for name in ids]), vectors, rtol=1e-5)


@pytest.mark.parametrize("selection", ["all", "dirty", "items"])
def test_a_new_item_is_never_served_with_half_a_guess(
    selection: str, graph: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, home=tmp_path, cache=tmp_path / "cache")
    forget_item(graph, settings, "new")
    version = make_tiny_version(graph, settings, settings.models_dir, version=TINY)
    path = settings.models_dir / version / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**card, "inference": replace(RULE, shrinkage=0.5).to_dict()}), encoding="utf-8")
    written: list[np.ndarray] = []

    def run(parameters: dict[str, Any]) -> None:
        job = create_job(graph, "reembed", {"version": version, **parameters})
        taken = JobRun(graph, take_job(graph, job.id, runner="one", lost_after_s=60).job, heartbeat_s=60)
        taken.finish("succeeded", "done", result=run_reembed(taken, settings))

    def spied(store: GraphStore, label: str, ids: Sequence[str], vectors: np.ndarray, **named: Any) -> int:
        written.extend(vector for name, vector in zip(ids, vectors, strict=True) if name == "new")
        return write_vectors(store, label, ids, vectors, **named)

    run({"selection": "all"})
    upsert_items(graph, [Item("new", title="Lamp red")])
    for module in (inferred_pipeline, reembed_pipeline):
        monkeypatch.setattr(module, "write_vectors", spied)
    run({"selection": selection, **({"ids": ["new"]} if selection == "items" else {})})
    assert written
    [like] = read_vectors(graph, version, "Item", ids=["red"]).matrix
    for vector in written:
        np.testing.assert_allclose(vector, 0.5 * like, rtol=1e-5)
