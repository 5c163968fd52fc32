from __future__ import annotations

import numpy as np
import pytest

from engine.cooccurrence.delta import Segment, Step, Stretches, as_columns, count_changes, joined
from engine.cooccurrence.moves import UnreadableMoveError, decode, encode, in_shard, shard_of

OPTIONS = {"window": 3, "backward": 0.5, "half_life_ms": 1e9}


def stretches(*items: str, sign: int = 1, new: int = 1) -> Stretches:
    """One user's steps, the last ones new."""
    steps = tuple(Step(1_700_000_000_000 + n, str(n), item) for n, item in enumerate(items))
    flags = tuple(n >= len(items) - new for n in range(len(items)))
    return as_columns([Segment(steps, flags)], [0.5 * flag for flag in flags], sign=sign)


def same(one: Stretches, other: Stretches) -> None:
    assert one.names == other.names
    for name in ("item", "at", "new", "strength", "offsets", "sign"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_what_is_written_is_read() -> None:
    given = joined([stretches("b", "ä", "日本"), stretches("x", "b", sign=-1, new=2)])
    same(decode(encode(given)), given)
    same(decode(encode(joined([]))), joined([]))


@pytest.mark.parametrize("payload", [b"", b"\x02abc", b"\x01abc", encode(stretches("a", "b"))[:-4]])
def test_what_cannot_be_read_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableMoveError, match=r"damaged|layout"):
        decode(payload)


def test_what_leaves_takes_back_what_entered() -> None:
    found = count_changes(joined([stretches("a", "b", "c"), stretches("a", "b", "c", sign=-1)]), **OPTIONS)
    np.testing.assert_allclose(found.weight, 0.0, atol=1e-12)
    assert not found.count.any()


def test_joining_numbers_items_anew() -> None:
    both = joined([stretches("c", "a"), stretches("b", "c", "a")])
    assert both.names == ("a", "b", "c")
    assert both.item.tolist() == [2, 0, 1, 2, 0]
    assert both.offsets.tolist() == [0, 2, 5]
    found = count_changes(both, **OPTIONS)
    edge = dict(zip(zip(found.source.tolist(), found.target.tolist(), strict=True), found.count.tolist(), strict=True))
    assert edge == {(2, 0): 2, (0, 2): 2, (1, 0): 1, (0, 1): 1}


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_every_item_is_in_one_shard_and_the_shards_share_the_edges(shards: int) -> None:
    given = stretches(*(f"item {n}" for n in range(12)), new=12)
    masks = [in_shard(given.names, shard, shards) for shard in range(shards)]
    assert np.sum(masks, axis=0).tolist() == [1] * 12
    assert shard_of(given.names[3], shards) == int(np.argmax([mask[3] for mask in masks]))
    parts = [count_changes(given, **OPTIONS, sources=mask) for mask in masks]
    whole = count_changes(given, **OPTIONS)
    assert sum(len(part) for part in parts) == len(whole)
    assert sum(part.weight.sum() for part in parts) == pytest.approx(whole.weight.sum())
