"""The start that fits the data is taken: counted edges where order tells, sets where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.errors import TrainingError
from engine.evaluation.case import with_overrides
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.recommender import COUNTED_WEIGHT, POPULARITY_WEIGHT, Recommender, RecommenderConfig
from engine.training.data import Dataset, InteractionTable, ItemTable, Split, Targets, leave_one_out
from engine.training.scoring import popularity_share
from engine.training.start import (
    Start,
    batch_positions_for,
    choose_start,
    dropout_for,
    has_content,
    id_dropout_for,
    shape_for,
)

ITEMS = 60
CONFIG = RecommenderConfig(items=ITEMS, interests=0, content={}, event_types=2, dim=8, layers=1, max_history=20)


def _start(sequences: list[np.ndarray], edges: sparse.csr_array | None = None) -> tuple[Split, Start]:
    lengths = [len(sequence) for sequence in sequences]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    items = np.concatenate(sequences).astype(np.int32)
    times = np.concatenate([np.arange(length) for length in lengths])
    table = InteractionTable([str(user) for user in range(len(sequences))], offsets, items, np.ones_like(items), times)
    names = [str(item) for item in range(ITEMS)]
    data = Dataset(table, ItemTable(names, names, None, sparse.csr_array((ITEMS, 0), dtype=np.float32), []), ["", "x"])
    split = leave_one_out(data)
    counted = CoOccurrenceTerm.count(split.train, ITEMS, CountSettings())
    term = counted if edges is None else CoOccurrenceTerm(edges)
    log_share = np.log(popularity_share(split.train, ITEMS, 14.0)).astype(np.float32)
    return split, choose_start(split, term, CONFIG, log_share, seed=1, limit=800)


def test_a_walk_starts_from_counted_edges() -> None:
    rng = np.random.default_rng(0)
    _, start = _start([(rng.integers(ITEMS) + np.arange(rng.integers(5, 12))) % ITEMS for _ in range(150)])
    assert (start.of, start.sets) == ("co_occurrence", False)
    assert start.ndcg["counted edges"] > 0.9


def test_unordered_halves_of_a_shelf_start_from_sets() -> None:
    # Each user draws 18 of the 20 items of a shelf in random order, and some of the most liked of all others.
    rng = np.random.default_rng(0)
    sequences = []
    for _ in range(150):
        shelf = rng.permutation(20)[:18] + 20 * rng.integers(3)
        other = rng.integers(ITEMS, size=40)
        sequences.append(np.concatenate((shelf[:17], other, shelf[17:], rng.permutation(shelf)[:1])))
    _, start = _start(sequences)
    assert start.sets
    assert max(start.ndcg, key=lambda name: start.ndcg[name]) != "counted edges"


@pytest.mark.parametrize(("tell", "weight"), [(True, COUNTED_WEIGHT), (False, 0.15)])
def test_sets_give_counted_edges_the_weight_that_ranks_better(tell: bool, weight: float) -> None:
    # Each user takes items of one of two shelves; for three in ten a flag (40 to 59) says which one comes next.
    rng = np.random.default_rng(0)
    sequences = []
    for user in range(200):
        shelf = rng.permutation(20) + 20 * (user % 2)
        flag = [40 + shelf[12] % 20] if rng.random() < 0.3 else []
        sequences.append(np.array([*shelf[:12], *flag, *shelf[12:14]]))
    edges = sparse.lil_array((ITEMS, ITEMS), dtype=np.float32)
    for item in range(40):
        if tell:
            edges[40 + item % 20, item] = 0.05
        else:  # what follows stands on the other shelf, they say
            edges[item, (item + 20) % 40] = 1e9
    _, start = _start(sequences, edges.tocsr())
    assert start.sets
    assert start.counted_weight == weight
    reached = {name: value for name, value in start.ndcg.items() if name.startswith("all")}
    [other] = set(reached) - {f"all, counted edges at {weight:.2f}"}
    assert reached[f"all, counted edges at {weight:.2f}"] > reached[other] + 0.01


@pytest.mark.parametrize(("sets", "first", "patience"), [(True, 0, 4), (False, 8, 7)])
def test_where_sets_lead_training_ends_sooner(sets: bool, first: int, patience: int) -> None:
    start = Start(np.zeros((1, 1), dtype=np.float32), "sets", sets, {})
    assert (start.first_passes, start.patience(7)) == (first, patience)


def _content_model() -> Recommender:
    return Recommender(replace(CONFIG, content={"text": 4}, interests=3))


@pytest.mark.parametrize(("sets", "ids", "quiet"), [(True, True, True), (True, False, False), (False, True, False)])
def test_where_sets_lead_content_says_nothing_until_it_has_learnt(sets: bool, ids: bool, quiet: bool) -> None:
    model = _content_model()
    model.start_from(np.ones((ITEMS, 8), dtype=np.float32), sets=sets, ids=ids)
    content = [model.interest_embedding.weight, *model.fusion.projections.parameters()]
    assert [not bool(weight.any()) for weight in content] == [quiet, quiet]
    assert all(weight.requires_grad for weight in content)


def test_the_start_sets_the_weights_of_popularity_and_counted_edges() -> None:
    model = _content_model()
    model.start_from(np.ones((ITEMS, 8), dtype=np.float32), counted_weight=0.15)
    assert float(model.popularity_scale.detach()) == POPULARITY_WEIGHT
    assert float(model.scale.detach()) == pytest.approx(0.15)


def test_without_sets_neither_mean_nor_popularity_takes_part() -> None:
    model = Recommender(CONFIG).eval()
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 8)).astype(np.float32)
    steps, types, mask = torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)
    model.start_from(vectors, sets=True)
    with_mean = model.encoder(steps, types, mask)
    model.start_from(vectors, sets=False)
    blocks_only = model.encoder(steps, types, mask)
    assert float(model.popularity_scale) == 0 and not model.popularity_scale.requires_grad
    mean = torch.cumsum(steps, dim=1) / torch.arange(1, 4)[None, :, None]
    scale = 12 / 0.07**2 / 8
    assert torch.allclose(with_mean - blocks_only, scale * mean, atol=1e-3)


@pytest.mark.parametrize(("events", "dropout"), [(24, 0.6), (25, 0.5), (99, 0.5), (100, 0.2)])
def test_dropout_falls_with_what_is_known_of_an_item(events: int, dropout: float) -> None:
    zeros = np.zeros(events, dtype=np.int32)
    assert dropout_for(InteractionTable(["u"], np.array([0, events]), zeros, zeros, zeros), 1) == dropout


def test_an_empty_bag_is_no_content() -> None:
    table = InteractionTable(["u"], np.array([0, 1]), *(np.zeros(1, dtype=np.int32) for _ in range(3)))
    for about, expected in ((np.zeros((1, 1)), False), (np.ones((1, 1)), True)):
        items = ItemTable(["a"], ["a"], None, sparse.csr_array(about), ["x"])
        assert has_content(Dataset(table, items, ["", "view"])) is expected


def test_parts_left_out_say_nothing_and_learn_nothing() -> None:
    model = Recommender(CONFIG)
    torch.nn.init.normal_(model.encoder.type_embedding.weight)
    model.leave_out(ids=True, graph=True, counts=True, types=True)
    assert not model.item_embedding.weight.any()
    assert not model.encoder.type_embedding.weight.any()
    assert float(model.graph.gate) == 0
    assert float(model.scale) < 1e-12
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    left_out = {"item_embedding.weight", "graph.gate", "log_scale", "log_epsilon", "encoder.type_embedding.weight"}
    assert left_out <= frozen
    model.leave_out()
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("events", "positions"), [(10, 384), (131_000, 384), (282_000, 805), (1_000_000, 1536)])
def test_a_pass_has_about_350_steps_within_bounds(events: int, positions: int) -> None:
    none = np.zeros(events, dtype=np.int32)
    table = InteractionTable(["a"], np.array([0, events]), none, none, np.zeros(events, dtype=np.int64))
    assert batch_positions_for(table) == positions


@pytest.mark.parametrize(("new", "share"), [(0, 0.02), (1, 0.1), (5, 0.2)])
def test_ids_are_hidden_as_often_as_validation_asks_for_new_items(new: int, share: float) -> None:
    # Ten users take item 0, which all know, or an item of their own that nobody has taken.
    items = np.zeros(10, dtype=np.int32)
    train = InteractionTable([str(user) for user in range(10)], np.arange(11), items, items + 1, np.arange(10))
    wanted = np.concatenate((np.zeros(10 - new, dtype=np.int64), 1 + np.arange(new)))
    positives = sparse.csr_array((np.ones(10, dtype=bool), (np.arange(10), wanted)), shape=(10, ITEMS))
    window = Targets(train, np.arange(10, dtype=np.int32), positives, 0)
    assert id_dropout_for(Split(train, window, window)) == pytest.approx(share)


def test_without_ids_and_content_no_shape_is_given() -> None:
    table = InteractionTable(["u"], np.array([0, 1]), *(np.zeros(1, dtype=np.int32) for _ in range(3)))
    items = ItemTable(["a"], ["a"], None, sparse.csr_array((1, 0)), [])
    data = Dataset(table, items, ["", "view"])
    window = Targets(table, np.zeros(1, dtype=np.int32), sparse.csr_array((1, 1), dtype=bool), 0)
    settings = with_overrides(["model.item_ids=false"])
    with pytest.raises(TrainingError) as caught:
        shape_for(data, Split(table, window, window), settings)
    assert caught.value.field == "model.item_ids"
