from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.evaluation.baselines import latest_items
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import InferenceRule, ItemViews, VectorSource, infer_edges, with_behaviour
from engine.model.learned_edges import EdgeRule
from engine.ranking.card import read_card
from engine.settings import Settings, load_settings
from engine.training import inference, inferred_scale
from engine.training.checkpoint import Progress
from engine.training.data import leave_one_out
from engine.training.hiding import Fold, hidden_parts
from engine.training.inference import choose_rule
from engine.training.inferred_scale import ByModel, highest_factor, model_scorer, rule_for_model
from engine.training.loop import Trainer
from engine.training.scoring import ModelScorer, TermParameters
from engine.training.train import Fitted, save
from tests.unit.engine.training.test_inference import PAIRS, twins

RULE = InferenceRule("words", 3, power=1.0, own=1.0, exponent=1.0, factor=0.5, strengths=(0.5,), certainties=(0.7,))


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    """A model that has learnt nothing beyond its start, on groups of twenty items that go together."""
    data = twins(1, told=True, group=20)
    settings: Settings = load_settings(model={"dim": 16}, training={"threads": 1})
    return Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=tmp_path)


@pytest.fixture
def reader(trainer: Trainer, tmp_path: Path) -> Trainer:
    """The same with content: it can do without ids."""
    content = np.random.default_rng(3).normal(size=(len(trainer.data.items), 4)).astype(np.float32)
    data = replace(trainer.data, items=replace(trainer.data.items, content=content))
    settings: Settings = load_settings(model={"dim": 16, "id_dropout": 0.2}, training={"threads": 1})
    return Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=tmp_path / "reader")


def parameters(trainer: Trainer) -> TermParameters:
    return trainer.scorer(trainer.split.validation.history).parameters


def test_what_others_may_lose_bounds_the_scale(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    views = ItemViews(trainer.data.items)
    monkeypatch.setattr(inference, "_CHOICES", ())
    careful = rule_for_model(trainer, parameters(trainer), views)
    monkeypatch.setattr(inference, "MOST_LOST", 0.04)
    found = rule_for_model(trainer, parameters(trainer), views)
    assert careful is not None and found is not None
    assert found.scale * found.factor > careful.scale * careful.factor
    # By counted edges alone the same edges have another factor, and their certainty is known in its unit.
    validation, seed = trainer.split.validation, trainer.settings.training.seed
    alone = choose_rule(validation.history, validation, views, trainer.counting, seed=seed, least_targets=20)
    assert alone is not None
    assert found.factor == pytest.approx(alone.factor)
    assert found.strengths == pytest.approx(alone.strengths)


def test_no_edges_are_inferred_where_edges_are_left_out(trainer: Trainer) -> None:
    trainer.model.leave_out(counts=True)
    assert rule_for_model(trainer, parameters(trainer), ItemViews(trainer.data.items)) is None


@pytest.mark.parametrize("vectors_from", ["neighbours", "model"])
def test_what_is_found_is_what_the_whole_score_ranks(vectors_from: VectorSource, reader: Trainer) -> None:
    # The evidence that a score needs gives that score.
    trainer, rule = reader, replace(RULE, vectors=vectors_from)
    p = parameters(trainer)
    table = trainer.split.validation.history
    fold = Fold(table, 4 * PAIRS, np.array([7, 31]), trainer.counting)
    views = ItemViews(trainer.data.items)
    vectors = trainer.item_vectors(trainer.graph)
    ranking = ByModel(trainer, p, vectors, fold)
    users = np.arange(40)
    scores, states = ranking.scores(users)
    near = views.nearest("words", fold.new, with_behaviour(fold.term.counted), rule.neighbours)
    base = ranking.base(users, states, ranking.vectors(near, rule))
    edges = infer_edges(fold.term.counted, views, fold.new, rule).matrix(4 * PAIRS)
    latest = latest_items(fold.table, users, fold.term.latest)
    evidence = fold.term.histories(latest) @ (edges + fold.term.weights)
    total = ranking.total(base, evidence.toarray()[:, fold.new])
    np.testing.assert_allclose(ranking.needed(base, total), evidence.toarray()[:, fold.new], atol=1e-5)
    whole = model_scorer(trainer, p, fold.table, fold.term, (views, rule), added=edges)(users)
    # Up to the softmax's denominator, which is the same for all items of a user.
    ours = np.concatenate([total, scores[:, :3]], axis=1)
    theirs = np.concatenate([whole[:, fold.new], whole[:, :3]], axis=1)
    np.testing.assert_allclose(ours - ours[:, -1:], theirs - theirs[:, -1:], atol=1e-4)


def test_new_items_stand_where_their_neighbours_stand(trainer: Trainer) -> None:
    views = ItemViews(trainer.data.items)
    table = trainer.split.validation.history
    hidden = np.zeros(4 * PAIRS, dtype=bool)
    hidden[7] = True
    known = table.keeping(~hidden[table.items])
    term = CoOccurrenceTerm.count(known, 4 * PAIRS, trainer.counting)
    scorer = model_scorer(trainer, parameters(trainer), known, term, (views, replace(RULE, neighbours=1)))
    users = np.arange(20)
    sequence = scorer.terms(users, interests=False)["sequence"]
    others = [sequence[:, place] for place in range(20) if place != 7]
    assert any(np.allclose(sequence[:, 7], each, atol=1e-5) for each in others)


def test_what_the_model_makes_of_a_new_item_knows_nothing_of_its_id(reader: Trainer, trainer: Trainer) -> None:
    table = reader.split.validation.history
    fold = Fold(table, 4 * PAIRS, np.array([7, 31]), reader.counting)
    rule = replace(RULE, vectors="model")

    def made() -> np.ndarray:
        vectors = reader.item_vectors(reader.graph)
        ranking = ByModel(reader, parameters(reader), vectors, fold)
        return ranking.vectors(sparse.csr_array((2, 4 * PAIRS)), rule)

    before = made()
    with torch.no_grad():
        reader.model.item_embedding.weight[torch.tensor([7, 31])] += 1.0
    np.testing.assert_array_equal(before, made())
    # Without content there is nothing to make one of.
    vectors = trainer.item_vectors(trainer.graph)
    fold = Fold(trainer.split.validation.history, 4 * PAIRS, np.array([7, 31]), trainer.counting)
    assert ByModel(trainer, parameters(trainer), vectors, fold).sources == ("neighbours",)


@pytest.mark.parametrize("better", ["neighbours", "model"])
def test_the_vectors_that_find_more_are_taken(
    better: VectorSource, reader: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(trials: object, rule: InferenceRule) -> tuple[float, InferenceRule]:
        return (0.2 if rule.vectors == better and rule.shrinkage in (0.7, 1.0) else 0.1), replace(rule, factor=3.0)

    monkeypatch.setattr(inference, "_measured", measured)
    found = rule_for_model(reader, parameters(reader), ItemViews(reader.data.items))
    assert found is not None
    assert found.vectors == better
    assert found.shrinkage == (0.7 if better == "neighbours" else 1.0)


def test_a_hidden_item_is_as_little_known_as_a_new_one(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its events count nowhere while the rule is chosen, its popularity neither.
    asked: list[np.ndarray] = []
    plain = model_scorer

    def spied(*arguments: Any, **named: Any) -> ModelScorer:
        asked.append(np.bincount(named["counted"].items, minlength=4 * PAIRS))
        return plain(*arguments, **named)

    monkeypatch.setattr(inferred_scale, "model_scorer", spied)
    monkeypatch.setattr(inference, "_CHOICES", ())
    rule_for_model(trainer, parameters(trainer), ItemViews(trainer.data.items))
    parts = hidden_parts(trainer.split.validation.history, 4 * PAIRS, seed=trainer.settings.training.seed)
    assert len(asked) == len(parts)
    for counted, hidden in zip(asked, parts, strict=True):
        assert counted[hidden].sum() == 0
        assert counted.sum() > 0


def test_an_item_without_behaviour_has_no_id(trainer: Trainer, tmp_path: Path) -> None:
    content = np.ones((len(trainer.data.items), 4), dtype=np.float32)
    data = replace(trainer.data, items=replace(trainer.data.items, content=content))
    unseen = np.zeros(len(data.items), dtype=bool)
    unseen[7] = True
    split = leave_one_out(data)
    split = replace(split, train=split.train.keeping(~unseen[split.train.items]))
    found = Trainer(data, split, trainer.settings, strengths=np.array([0.0, 1.0]), folder=tmp_path / "unseen")
    before = found.item_vectors(found.graph)
    torch.nn.init.normal_(found.model.item_embedding.weight)
    after = found.item_vectors(found.graph)
    moved = (before != after).any(dim=1).numpy()
    assert not moved[7] and moved[~unseen].all()
    assert list(np.flatnonzero(~found.taught)) == [7]
    # A model that never lost an id cannot do without.
    always = load_settings(model={"dim": 16, "id_dropout": 0.0}, training={"threads": 1})
    assert Trainer(data, split, always, strengths=np.array([0.0, 1.0]), folder=tmp_path / "always").taught.all()


def test_the_card_tells_serving_how_much_inferred_edges_count(trainer: Trainer, tmp_path: Path) -> None:
    progress = Progress(epoch=1)
    fitted = Fitted(trainer, progress, parameters(trainer), EdgeRule(0.25, 1.5), 0.0, replace(RULE, scale=30.0))
    folder = save(fitted, tmp_path / "models", version="v20260101000000", metrics={})
    assert read_card(folder, "v20260101000000").terms.inferred_scale == 30.0
    assert json.loads((folder / "card.json").read_text(encoding="utf-8"))["edges"] == {"model": 0.25, "count": 1.5}
    plain = save(replace(fitted, inference=None), tmp_path / "models", version="v20260102000000", metrics={})
    assert read_card(plain, "v20260102000000").terms.inferred_scale == 1.0


@pytest.mark.parametrize("scale", [1e-5, 0.1, 0.5, 2.0])
def test_the_highest_factor_lets_a_light_term_add_as_much_as_a_heavy_one(scale: float) -> None:
    factor = highest_factor(scale)
    assert 1_000 <= factor <= 1e31
    if 0.1 <= scale <= 0.5:
        assert scale * np.log(factor) == pytest.approx(5.0)
