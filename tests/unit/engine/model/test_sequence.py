from __future__ import annotations

import torch

from engine.model.sequence import SequenceEncoder, UserEncoder


def _encoder() -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = SequenceEncoder(8, layers=2, heads=2, dropout=0.5, event_types=3, max_length=4).eval()
    torch.nn.init.normal_(encoder.distance_bias)
    torch.nn.init.normal_(encoder.type_embedding.weight)
    return encoder


def _steps(batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (
        torch.randn(batch, length, 8),
        torch.randint(1, 3, (batch, length)),
        torch.ones(batch, length, dtype=torch.bool),
    )


def test_the_future_does_not_leak() -> None:
    encoder = _encoder()
    vectors, types, mask = _steps(1, 6)
    changed = vectors.clone()
    changed[:, 4:] = torch.randn(1, 2, 8)
    before, after = encoder(vectors, types, mask), encoder(changed, types, mask)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-3)


def test_padding_changes_nothing() -> None:
    user = UserEncoder(_encoder())
    vectors, types, mask = _steps(1, 3)
    padded = (
        torch.cat([torch.randn(1, 5, 8), vectors], 1),
        torch.cat([torch.zeros(1, 5, dtype=torch.long), types], 1),
        torch.cat([torch.zeros(1, 5, dtype=torch.bool), mask], 1),
    )
    assert torch.allclose(user(vectors, types, mask), user(*padded), atol=1e-5)


def test_a_batch_equals_its_rows() -> None:
    user = UserEncoder(_encoder())
    vectors, types, mask = _steps(3, 4)
    rows = torch.cat([user(vectors[i : i + 1], types[i : i + 1], mask[i : i + 1]) for i in range(3)])
    assert torch.allclose(user(vectors, types, mask), rows, atol=1e-5)


def test_event_types_matter() -> None:
    user = UserEncoder(_encoder())
    vectors, types, mask = _steps(1, 4)
    assert not torch.allclose(user(vectors, types, mask), user(vectors, 3 - types, mask), atol=1e-3)


def test_the_mean_of_the_history_is_part_of_the_state() -> None:
    encoder = _encoder()
    vectors, types, mask = _steps(1, 3)
    mask[:, 0] = False
    with torch.no_grad():
        whole = encoder(vectors, types, mask)
        scale = encoder.log_mean_scale.exp()
        encoder.log_mean_scale.fill_(float("-inf"))
        rest = encoder(vectors, types, mask)
    assert torch.allclose(whole[:, 2] - rest[:, 2], scale * vectors[:, 1:].mean(1), rtol=1e-4, atol=1e-3)
