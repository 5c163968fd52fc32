from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.model.fusion import ModalityFusion, presence


def unit(*rows: list[float]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(rows), dim=-1)


def filled(names: tuple[str, ...], *, dim: int = 2) -> ModalityFusion:
    """Give a fusion of vectors two wide whose projections are the identity."""
    fusion = ModalityFusion(dict.fromkeys(names, 2), dim)
    with torch.no_grad():
        for projection in fusion.projections.values():
            projection.get_parameter("weight").copy_(torch.eye(2))
    return fusion


def test_one_modality_is_its_plain_projection() -> None:
    fusion = ModalityFusion({"text": 3}, 4)
    vectors = unit([1.0, 2.0, 3.0], [0.5, 0.0, -1.0])
    out, weights = fusion({"text": vectors}, torch.ones(2, 1, dtype=torch.bool))
    assert torch.allclose(out, vectors @ fusion.projections["text"].get_parameter("weight").T, atol=1e-6)
    assert torch.equal(weights, torch.ones(2, 1))


def test_weights_by_hand() -> None:
    fusion = filled(("text", "other"))
    with torch.no_grad():
        fusion.query.copy_(torch.tensor([1.0, 0.0]))
        fusion.bias.copy_(torch.tensor([0.0, 0.5]))
    content = {"text": unit([1.0, 0.0]), "other": unit([0.0, 1.0])}
    out, weights = fusion(content, torch.ones(1, 2, dtype=torch.bool))
    # Scores tanh(1) = .7616 and 0 + .5.
    expected = 1 / (1 + np.exp(0.5 - np.tanh(1.0)))
    assert weights[0].tolist() == pytest.approx([expected, 1 - expected])
    assert out[0].tolist() == pytest.approx([expected, 1 - expected])


def test_a_missing_modality_changes_nothing() -> None:
    torch.manual_seed(1)
    fusion = ModalityFusion({"text": 3, "image": 5}, 4)
    torch.nn.init.normal_(fusion.query)
    text, image = torch.randn(2, 3), torch.randn(2, 5)
    present = torch.tensor([[True, False], [False, False]])
    out, weights = fusion({"text": text, "image": image}, present)
    other, _ = fusion({"text": text, "image": 7 * torch.randn(2, 5)}, present)
    alone = ModalityFusion({"text": 3}, 4)
    alone.projections["text"].load_state_dict(fusion.projections["text"].state_dict())
    plain, _ = alone({"text": text}, present[:, :1])
    assert torch.equal(out, other)
    assert torch.allclose(out, plain)
    assert weights.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert torch.equal(out[1], torch.zeros(4))
    out.sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in fusion.parameters() if each.grad is not None)


def test_what_all_items_share_is_taken_out_but_of_texts() -> None:
    vectors = np.array([[10.0, 1.0], [10.0, -1.0], [0.0, 0.0]], dtype=np.float32)
    fusion = filled(("text", "image"))
    fusion.centre_on({"text": vectors, "image": vectors})
    assert fusion.get_buffer("centre_image").tolist() == [10.0, 0.0]
    assert fusion.get_buffer("centre_text").tolist() == [0.0, 0.0]
    present = torch.tensor([[False, True], [False, True], [False, False]])
    out, _ = fusion({"text": torch.from_numpy(vectors), "image": torch.from_numpy(vectors)}, present)
    assert out.tolist() == [[0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]


def test_the_modality_that_decides_gets_the_weight() -> None:
    torch.manual_seed(2)
    rng = np.random.default_rng(2)
    content = {name: torch.from_numpy(rng.normal(size=(400, 6)).astype(np.float32)) for name in ("image", "audio")}
    kind = (content["audio"][:, 0] > 0).long()
    present = torch.ones(400, 2, dtype=torch.bool)
    fusion = ModalityFusion({"image": 6, "audio": 6}, 2)
    optimizer = torch.optim.Adam(fusion.parameters(), lr=0.05)
    for _ in range(150):
        out, weights = fusion(content, present)
        loss = torch.nn.functional.cross_entropy(out, kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    out, weights = fusion(content, present)
    assert (out.argmax(dim=1) == kind).float().mean() > 0.95
    assert weights[:, 1].mean() > 0.8


def test_presence_is_read_from_the_rows() -> None:
    text = np.array([[0.0, 0.0], [0.0, 2.0]], dtype=np.float32)
    assert presence({"text": text}, ("text", "image"), 2).tolist() == [[False, False], [True, False]]
    assert presence({}, (), 2).shape == (2, 0)


def test_no_modality_gives_zeros() -> None:
    out, weights = ModalityFusion({}, 3)({}, torch.zeros(2, 0, dtype=torch.bool))
    assert torch.equal(out, torch.zeros(2, 3))
    assert weights.shape == (2, 0)


def test_the_mean_attention_is_that_of_items_with_the_most_modalities() -> None:
    fusion = filled(("text", "other"))
    with torch.no_grad():
        fusion.bias.copy_(torch.tensor([0.0, np.log(3.0)]))
    content = {"text": unit([1.0, 0.0], [1.0, 0.0]), "other": unit([0.0, 1.0], [0.0, 1.0])}
    both = torch.tensor([[True, True], [True, False]])
    assert fusion.mean_weights(content, both) == pytest.approx({"text": 0.25, "other": 0.75})
    apart = torch.tensor([[False, True], [True, False]])
    assert fusion.mean_weights(content, apart) == pytest.approx({"text": 0.5, "other": 0.5})
    assert fusion.mean_weights(content, torch.zeros(2, 2, dtype=torch.bool)) == {}
    assert ModalityFusion({}, 2).mean_weights({}, torch.zeros(2, 0, dtype=torch.bool)) == {}
