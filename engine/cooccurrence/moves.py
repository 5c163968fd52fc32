"""Stretches of sequences on their way from events to edges, as nodes `Move` of the graph.

    (:Move {shard, seq, shards, events, as_of, payload})

`shard` says which items are meant: those whose CRC-32 leaves it when divided by `shards`. `seq` rises with every
transaction that puts moves; `payload` is what `encode` makes.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from engine.cooccurrence.delta import Stretches
from engine.domain import EpochMs
from engine.graph.store import Tx

_LAYOUT: Final = b"\x01"
_COLUMNS: Final[tuple[tuple[str, np.dtype[Any]], ...]] = (
    ("item", np.dtype("<i4")),
    ("at", np.dtype("<i8")),
    ("new", np.dtype("?")),
    ("strength", np.dtype("<f8")),
    ("offsets", np.dtype("<i8")),
    ("sign", np.dtype("i1")),
)


class UnreadableMoveError(ValueError):
    """A payload is not what `encode` makes."""


def encode(stretches: Stretches) -> bytes:
    """Give stretches as bytes."""
    columns = [getattr(stretches, name).astype(kind, copy=False).tobytes() for name, kind in _COLUMNS]
    head = json.dumps([list(stretches.names), [len(column) for column in columns]]).encode()
    return _LAYOUT + zlib.compress(b"".join([len(head).to_bytes(8, "little"), head, *columns]), level=1)


def decode(payload: bytes) -> Stretches:
    """Give the stretches that bytes stand for.

    Raises:
        UnreadableMoveError: They are not what `encode` makes; a newer version of the code may have made them.
    """
    if payload[:1] != _LAYOUT:
        raise UnreadableMoveError("of another layout")
    try:
        content = zlib.decompress(payload[1:])
    except zlib.error as error:
        raise UnreadableMoveError("damaged") from error
    begin = 8 + int.from_bytes(content[:8], "little")
    names, lengths = json.loads(content[8:begin])
    columns: dict[str, Any] = {}
    for (name, kind), length in zip(_COLUMNS, lengths, strict=True):
        columns[name] = np.frombuffer(content[begin : begin + length], dtype=kind)
        begin += length
    return Stretches(names=tuple(names), **columns)


def shard_of(item_id: str, shards: int) -> int:
    """Give the shard of an item."""
    return crc32(item_id.encode()) % shards


def in_shard(names: tuple[str, ...], shard: int, shards: int) -> npt.NDArray[np.bool_]:
    """Tell which items belong to a shard."""
    return np.array([shard_of(name, shards) == shard for name in names], dtype=np.bool_)


def put(tx: Tx, stretches: Stretches, *, shards: int, as_of: EpochMs) -> None:
    """Leave stretches to every shard, in the transaction that takes or deletes their events.

    Args:
        tx: The transaction; it holds the lock of co-occurrence.
        stretches: What entered or left.
        shards: Shards that the graph is cut into now.
        as_of: Time of the newest of their events that was ever counted, epoch ms.
    """
    if not stretches.new.any():
        return
    tx.run(
        "cooccurrence/put_moves",
        shards=shards,
        events=int(stretches.new.sum()),
        as_of=as_of,
        payload=encode(stretches),
    )
