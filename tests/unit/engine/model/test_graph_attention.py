from __future__ import annotations

import pytest
import torch

from engine.model.graph_attention import EDGE_DIM, GraphAttention, edge_features


def test_attention_sums_to_one_over_what_a_node_hears() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(8).eval()
    edge_index = torch.tensor([[0, 1, 2, 0], [3, 3, 3, 1]])
    nodes, attention = layer(torch.randn(4, 8), edge_index, edge_features(torch.rand(4), 0))
    assert nodes.shape == (4, 8)
    assert attention[:3].sum().item() == pytest.approx(1, abs=1e-6)
    assert attention[3].item() == pytest.approx(1, abs=1e-6)


def test_a_node_without_edges_keeps_its_vector_but_for_the_bias() -> None:
    layer = GraphAttention(8).eval()
    nodes = torch.randn(3, 8)
    refined, _ = layer(nodes, torch.tensor([[0], [1]]), edge_features(torch.ones(1), 0))
    assert torch.allclose(refined[2], nodes[2] + layer.gate * layer.convolution.bias, atol=1e-6)


def test_order_of_edges_does_not_matter() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(8).eval()
    nodes = torch.randn(5, 8)
    edge_index = torch.randint(0, 5, (2, 12))
    features = edge_features(torch.rand(12), 1)
    order = torch.randperm(12)
    first, attention = layer(nodes, edge_index, features)
    second, permuted = layer(nodes, edge_index[:, order], features[order])
    assert torch.allclose(first, second, atol=1e-6)
    assert torch.allclose(attention[order], permuted, atol=1e-6)


def test_features_carry_weight_and_kind() -> None:
    features = edge_features(torch.tensor([0.0, 1.0]), 2)
    assert features.shape == (2, EDGE_DIM)
    assert features.tolist() == [[0, 0, 0, 1], [pytest.approx(0.6931472), 0, 0, 1]]
