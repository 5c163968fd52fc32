"""Edges between items that resemble each other are added where they help, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.evaluation.baselines import latest_items
from engine.evaluation.protocols import Scorer
from engine.model.artefact import read_card
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import ResemblanceRule, resembling
from engine.settings import load_settings
from engine.training import resemblance
from engine.training.data import Dataset, InteractionTable, ItemTable, leave_one_out
from engine.training.loop import Trainer
from engine.training.resemblance import choose_resemblance
from engine.training.train import fit, save

GROUPS, SIZE, USERS = 30, 12, 200
ITEMS = GROUPS * SIZE


def shelves(*, titles_tell: bool, brands_tell: bool = False) -> Dataset:
    """Each user takes five items of a group of twelve: too few users to count the pairs. Titles tell the group, or
    nothing."""
    rng = np.random.default_rng(3)
    taken = np.stack([rng.permutation(SIZE)[:5] + SIZE * rng.integers(GROUPS) for _ in range(USERS)])
    table = InteractionTable(
        [str(user) for user in range(USERS)],
        np.arange(0, 5 * USERS + 1, 5, dtype=np.int64),
        taken.ravel().astype(np.int32),
        np.ones(5 * USERS, dtype=np.int32),
        np.tile(np.arange(5, dtype=np.int64), USERS),
    )
    mixed = rng.permutation(ITEMS)
    titles = [f"word{(item if titles_tell else mixed[item]) // SIZE}" for item in range(ITEMS)]
    brands = [f"brand:{group}" for group in range(GROUPS)] if brands_tell else []
    place = np.arange(ITEMS)
    entries = (np.ones(ITEMS, dtype=np.float32), (place, place // SIZE))
    about = sparse.csr_array(entries, shape=(ITEMS, GROUPS)) if brands_tell else sparse.csr_array((ITEMS, 0))
    return Dataset(table, ItemTable([str(item) for item in place], titles, None, about, brands), ["", "taken"])


def chosen(data: Dataset) -> tuple[ResemblanceRule | None, dict[str, float]]:
    split = leave_one_out(data)
    term = CoOccurrenceTerm.count(split.train, ITEMS, CountSettings())

    def scorer_of(edges: CoOccurrenceTerm) -> Scorer:
        return lambda users: np.asarray(
            edges.counts(latest_items(split.validation.history, users, edges.latest)).toarray()
        )

    return choose_resemblance(ItemViews(data.items), term, split.validation, scorer_of, limit=500)


def test_titles_that_tell_are_used() -> None:
    rule, reached = chosen(shelves(titles_tell=True))
    assert rule is not None
    assert rule.view == "words"
    assert reached[f"words at {rule.scale:g}"] == max(reached.values())


def test_titles_that_tell_nothing_are_not() -> None:
    rule, reached = chosen(shelves(titles_tell=False))
    assert rule is None
    assert reached


def test_the_view_that_tells_is_taken() -> None:
    rule, _ = chosen(shelves(titles_tell=False, brands_tell=True))
    assert rule is not None
    assert rule.view == "attributes"


def test_without_content_nothing_is_compared() -> None:
    data = shelves(titles_tell=True)
    assert chosen(replace(data, items=replace(data.items, titles=[""] * ITEMS))) == (None, {})


def test_too_many_items_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resemblance, "MOST_ITEMS", ITEMS - 1)
    assert chosen(shelves(titles_tell=True)) == (None, {})
    monkeypatch.setattr(resemblance, "MOST_ITEMS", ITEMS)
    assert chosen(shelves(titles_tell=True))[0] is not None


def test_a_handful_of_users_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resemblance, "_LEAST_USERS", USERS + 1)
    assert chosen(shelves(titles_tell=True)) == (None, {})
    monkeypatch.setattr(resemblance, "_LEAST_USERS", USERS)
    # All users are measured, but not for each something changes.
    rule, reached = chosen(shelves(titles_tell=True))
    assert rule is None
    assert reached


def trainer(data: Dataset, folder: Path, *, resembling: bool = True, counted: bool = True) -> Trainer:
    model = {"dim": 8, "layers": 1, "resembling": resembling, "counted_edges": counted}
    settings = load_settings(model=model, training={"threads": 1})
    return Trainer(data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), folder=folder)


def test_a_training_counts_them_and_hears_only_counted_edges(tmp_path: Path) -> None:
    data = shelves(titles_tell=True)
    found = trainer(data, tmp_path)
    rule = found.start.resemblance
    assert rule is not None
    added = rule.scale * resembling(ItemViews(data.items), rule.view, rule.neighbours).toarray()
    np.testing.assert_allclose(found.term.weights.toarray(), found.term.counted.toarray() + added, atol=1e-6)
    plain = trainer(data, tmp_path, resembling=False)
    assert plain.start.resemblance is None
    assert (plain.term.weights != plain.term.counted).nnz == 0
    assert torch.equal(found.graph.edge_index, plain.graph.edge_index)
    assert found.fingerprint() != plain.fingerprint()
    assert found.validate() > plain.validate()


def test_without_counted_edges_there_are_none(tmp_path: Path) -> None:
    assert trainer(shelves(titles_tell=True), tmp_path, counted=False).start.resemblance is None


def test_the_card_says_which_and_how_much(tmp_path: Path) -> None:
    data = shelves(titles_tell=True)
    settings = load_settings(model={"dim": 8, "layers": 1}, training={"threads": 1, "epochs": 1})
    fitted = fit(
        data, leave_one_out(data), settings, strengths=np.array([0.0, 1.0]), checkpoints=tmp_path / "checkpoints"
    )
    card = read_card(save(fitted, tmp_path, version="v20260101000000", metrics={}))
    rule = fitted.trainer.start.resemblance
    assert rule is not None
    assert ResemblanceRule.from_dict(card["resemblance"]) == rule
    assert card["terms"]["resemblance_scale"] == rule.scale
