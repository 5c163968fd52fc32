from __future__ import annotations

import pytest
import torch

from engine.model.sequence import SequenceEncoder, UserEncoder, gap_classes


def _encoder(*, time_gaps: bool = False) -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = SequenceEncoder(
        8, layers=2, heads=2, dropout=0.5, event_types=3, max_length=4, time_gaps=time_gaps
    ).eval()
    if encoder.gap_bias is not None:
        torch.nn.init.normal_(encoder.gap_bias, std=3)
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


def test_gaps_double_from_class_to_class() -> None:
    day = 86_400_000
    times = torch.tensor([[0, 0, 999, 1_000, 2_999, 3_000, day, 40_000 * day]])
    assert gap_classes(times)[0, :, 0].tolist() == [0, 0, 0, 1, 1, 2, 16, 31]
    # Towards later steps there is none; what is masked anyway.
    assert gap_classes(times)[0, 0].tolist() == [0] * 8


def test_times_matter_by_their_distance_only() -> None:
    user = UserEncoder(_encoder(time_gaps=True))
    vectors, types, mask = _steps(1, 4)
    times = torch.tensor([[0, 5_000, 90_000_000, 90_001_000]])
    found = user(vectors, types, mask, times)
    assert torch.equal(found, user(vectors, types, mask, times + 1_700_000_000_000))
    assert not torch.allclose(found, user(vectors, types, mask, 0 * times), atol=1e-3)
    padded = [torch.cat([torch.zeros_like(part[:, :2]), part], 1) for part in (vectors, types, mask, times)]
    assert torch.allclose(found, user(*padded), atol=1e-5)
    with pytest.raises(ValueError, match="times"):
        user(vectors, types, mask)


def test_before_gaps_are_learnt_time_changes_nothing() -> None:
    plain, timed = _encoder(), _encoder(time_gaps=True)
    assert timed.gap_bias is not None
    torch.nn.init.zeros_(timed.gap_bias)
    timed.load_state_dict(plain.state_dict(), strict=False)
    vectors, types, mask = _steps(2, 4)
    assert torch.equal(plain(vectors, types, mask), timed(vectors, types, mask, torch.arange(8).view(2, 4) * 10**6))


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
