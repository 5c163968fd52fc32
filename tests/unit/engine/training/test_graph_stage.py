"""Graph attention learns last: what only neighbours can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.settings import load_settings
from engine.training import graph_stage
from engine.training.data import Dataset, InteractionTable, ItemTable, split_by_time
from engine.training.loop import Trainer

GROUPS, SIZE, USERS, DAYS = 6, 6, 240, 12
ITEMS = GROUPS * SIZE


def _groups() -> Dataset:
    """Each user takes items of one group only; nothing but the edges tells which items belong together."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, GROUPS, USERS)
    items = group[:, None] * SIZE + rng.integers(0, SIZE, (USERS, DAYS))
    users = np.repeat(np.arange(USERS), DAYS)
    times = np.tile(np.arange(DAYS) * MS_PER_DAY, USERS)
    names = [str(user) for user in range(USERS)]
    table = InteractionTable.from_columns(users, items.ravel(), np.ones(len(users), dtype=int), times, names)
    ids = [str(item) for item in range(ITEMS)]
    # One interest for all: it tells no item from another, and lets ids be hidden.
    about = sparse.csr_array(np.ones((ITEMS, 1), dtype=np.float32))
    return Dataset(table, ItemTable(ids, ids, None, about, ["x"]), ["", "view"])


def _trainer(folder: Path, *, graph_attention: bool = True, counted_edges: bool = True) -> Trainer:
    settings = load_settings(
        training={"epochs": 4, "validation_days": 1, "test_days": 1, "threads": 1, "batch_positions": 128, "seed": 3,
                  "learning_rate": 5e-3},
        model={"dim": 16, "layers": 1, "dropout": 0.0, "max_history": 8, "graph_attention": graph_attention,
               "counted_edges": counted_edges},
        ranking={"recommend_seen": True},
    )  # fmt: skip
    data = _groups()
    split = split_by_time(data, validation_days=1, test_days=1)
    return Trainer(data, split, settings, strengths=np.array([0.0, 1.0]), folder=folder)


def _nearest_are_of_the_group(trainer: Trainer, item: int, *, hears: bool) -> float:
    """Hide one item's id and give how many of the items nearest to its vector belong to its group."""
    model, graph = trainer.model, trainer.graph
    keep_id = torch.ones(ITEMS, dtype=torch.bool)
    keep_id[item] = False
    with torch.no_grad():
        known = model.base_vectors(graph)[:ITEMS]
        nodes = model.node_vectors(graph, keep_id=keep_id)[0] if hears else model.base_vectors(graph, keep_id=keep_id)
        # What all have in common tells nothing.
        common = known.mean(dim=0)
        likeness = torch.cosine_similarity(nodes[item] - common, known - common, dim=-1)
    likeness[item] = -2
    nearest = likeness.topk(SIZE - 1).indices.numpy()
    return float(np.mean(nearest // SIZE == item // SIZE))


def test_only_the_graph_can_answer(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, counted_edges=False)
    trainer.run()
    gain = trainer.graph_gain
    assert gain is not None and gain.kept
    heard = np.mean([_nearest_are_of_the_group(trainer, item, hears=True) for item in range(ITEMS)])
    alone = np.mean([_nearest_are_of_the_group(trainer, item, hears=False) for item in range(ITEMS)])
    # By chance it is one in seven.
    assert alone < 0.25
    assert heard > 0.5


@pytest.mark.usefixtures("short_graph_stage")
def test_nothing_else_is_changed_by_it(tmp_path: Path) -> None:
    one, other = _trainer(tmp_path / "one"), _trainer(tmp_path / "other", graph_attention=False)
    one.run()
    other.run()
    assert other.graph_gain is None
    states = one.model.state_dict(), other.model.state_dict()
    for name, tensor in states[0].items():
        if not name.startswith("graph."):
            assert torch.equal(tensor, states[1][name]), name
    learns = [[parameter.requires_grad for parameter in each.model.encoder.parameters()] for each in (one, other)]
    assert learns[0] == learns[1] and any(learns[0])


@pytest.mark.usefixtures("short_graph_stage")
def test_what_does_not_help_is_shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_stage.GraphGain, "kept", property(lambda gain: False))
    trainer = _trainer(tmp_path)
    trainer.run()
    assert float(trainer.model.graph.gate.detach()) == 0.0


@pytest.mark.usefixtures("short_graph_stage")
def test_the_same_seed_learns_the_same(tmp_path: Path) -> None:
    gains = []
    for name in ("one", "other"):
        trainer = _trainer(tmp_path / name)
        trainer.run()
        gains.append(trainer.graph_gain)
    assert gains[0] == gains[1]


@pytest.mark.parametrize(("heard", "kept"), [(1.9, True), (2.0, False), (2.1, False)])
def test_only_a_lower_loss_is_a_gain(heard: float, kept: bool) -> None:
    assert graph_stage.GraphGain(without=2.0, heard=heard).kept is kept


@pytest.mark.usefixtures("short_graph_stage")
def test_who_judges_is_not_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folds: dict[bool, set[int]] = {True: set(), False: set()}
    whole = graph_stage._loss

    def watched(loss, batch, *rest):
        folds[torch.is_grad_enabled()].add(batch.fold)
        return whole(loss, batch, *rest)

    monkeypatch.setattr(graph_stage, "_loss", watched)
    _trainer(tmp_path).run()
    assert folds[False] == {0}
    assert folds[True] == set(range(1, 8))
