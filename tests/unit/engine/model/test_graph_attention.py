from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.model.graph_attention import EDGE_DIM, GraphAttention, edge_features
from engine.model.recommender import Recommender, RecommenderConfig, graph_tensors

ALL = torch.ones(5, dtype=torch.bool)


def test_attention_sums_to_one_over_what_a_node_hears() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(8).eval()
    edge_index = torch.tensor([[0, 1, 2, 0], [3, 3, 3, 1]])
    nodes, attention = layer(torch.randn(4, 8), edge_index, edge_features(torch.rand(4), 0), ALL[:4])
    assert nodes.shape == (4, 8)
    assert attention[:3].sum().item() == pytest.approx(1, abs=1e-6)
    assert attention[3].item() == pytest.approx(1, abs=1e-6)


def test_a_node_without_edges_keeps_its_vector_but_for_the_bias() -> None:
    layer = GraphAttention(8).eval()
    nodes = torch.randn(3, 8)
    refined, _ = layer(nodes, torch.tensor([[0], [1]]), edge_features(torch.ones(1), 0), ALL[:3])
    assert torch.allclose(refined[2], nodes[2] + layer.gate * layer.convolution.bias, atol=1e-6)


def test_who_has_an_id_does_not_hear() -> None:
    config = RecommenderConfig(items=3, interests=1, content={}, event_types=1, dim=8, layers=1, max_history=4)
    model = Recommender(config).eval()
    graph = graph_tensors(
        id_index=np.array([0, 1, -1]),
        content={},
        widths={},
        about=sparse.csr_array(np.array([[1.0], [0.0], [0.0]], dtype=np.float32)),
        interest_index=np.array([0]),
        co_occurs=(np.array([0, 0, 1]), np.array([1, 2, 2]), np.ones(3, dtype=np.float32)),
    )
    keep_id = torch.tensor([False, True, True])
    assert model.hears(graph).tolist() == [False, False, True, True]
    assert model.hears(graph, keep_id=keep_id).tolist() == [True, False, True, True]
    with torch.no_grad():
        moved = model.node_vectors(graph)[0] - model.base_vectors(graph)
        hidden = model.node_vectors(graph, keep_id=keep_id)[0] - model.base_vectors(graph, keep_id=keep_id)
    assert moved.abs().sum(dim=1).gt(1e-6).tolist() == [False, False, True, True]
    assert hidden.abs().sum(dim=1).gt(1e-6).tolist() == [True, False, True, True]


def test_order_of_edges_does_not_matter() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(8).eval()
    nodes = torch.randn(5, 8)
    edge_index = torch.randint(0, 5, (2, 12))
    features = edge_features(torch.rand(12), 1)
    order = torch.randperm(12)
    first, attention = layer(nodes, edge_index, features, ALL[:5])
    second, permuted = layer(nodes, edge_index[:, order], features[order], ALL[:5])
    assert torch.allclose(first, second, atol=1e-6)
    assert torch.allclose(attention[order], permuted, atol=1e-6)


def test_features_carry_weight_and_kind() -> None:
    features = edge_features(torch.tensor([0.0, 1.0]), 2)
    assert features.shape == (2, EDGE_DIM)
    assert features.tolist() == [[0, 0, 0, 1], [pytest.approx(0.6931472), 0, 0, 1]]


def test_what_only_neighbours_can_tell_is_learned() -> None:
    """Items without id and content belong to the group of the neighbours they are linked to most strongly.

    Without the graph all of them have the same vector, so nothing can tell their groups apart. The layer sees half of
    them while it learns and must answer for the other half.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    groups, warm, cold = 6, 60, 120
    group_of = np.concatenate([np.arange(warm) % groups, np.arange(cold) % groups])
    source, target, weight = [], [], []
    for item in range(warm, warm + cold):
        own = rng.choice(np.flatnonzero(group_of[:warm] == group_of[item]), 2, replace=False)
        others = rng.choice(np.flatnonzero(group_of[:warm] != group_of[item]), 4, replace=False)
        source.extend([*own, *others])
        target.extend([item] * 6)
        weight.extend([20.0] * 2 + [0.1] * 4)
    dim = 16
    config = RecommenderConfig(
        items=warm, interests=0, content={}, event_types=1, dim=dim, layers=1, max_history=4, graph_heads=2
    )
    model = Recommender(config)
    graph = graph_tensors(
        id_index=np.concatenate([np.arange(warm), np.full(cold, -1)]),
        content={},
        widths={},
        about=sparse.csr_array((warm + cold, 0), dtype=np.float32),
        interest_index=np.zeros(0, dtype=np.int64),
        co_occurs=(np.array(source), np.array(target), np.array(weight, dtype=np.float32)),
    )
    labels = torch.from_numpy(group_of)
    taught = torch.arange(warm, warm + cold // 2)
    asked = torch.arange(warm + cold // 2, warm + cold)
    answers = torch.nn.Linear(dim, groups)
    optimizer = torch.optim.AdamW([*model.parameters(), *answers.parameters()], lr=2e-2)
    for _ in range(120):
        nodes, _ = model.node_vectors(graph)
        loss = torch.nn.functional.cross_entropy(answers(nodes[taught]), labels[taught])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        refined, attention = model.node_vectors(graph)
        plain = model.base_vectors(graph)
        right = (answers(refined[asked]).argmax(1) == labels[asked]).float().mean()
        guessed = (answers(plain[asked]).argmax(1) == labels[asked]).float().mean()
    assert right > 0.95
    assert guessed == pytest.approx(1 / groups)
    strong = torch.tensor(weight) > 1
    # It hears the edges that decide: a third of the edges has most of the attention.
    assert attention[strong].sum() > 2 * attention[~strong].sum()
