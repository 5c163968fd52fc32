"""Inferred edges in the graph: MAY_CO_OCCUR, replaced as a whole, fenced as every write-back.

They are relationships of their own type, so that counting, verification and retention of CO_OCCURS never meet them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from engine.domain import EpochMs, now_ms
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence, unfenced


@dataclass(frozen=True, slots=True)
class InferredEdge:
    """One edge i → j.

    Attributes:
        target: Id of j, the item without behaviour.
        source: Id of i.
        weight: In the unit of a counted row divided by the root of its sum.
        certainty: Between 0 and 1.
    """

    target: str
    source: str
    weight: float
    certainty: float


def replace_inferred(
    store: GraphStore, edges: Sequence[InferredEdge], *, as_of: EpochMs, fence: Fence, batch_items: int = 200
) -> int:
    """Put inferred edges in place of those that are there; items that are not named lose theirs.

    Args:
        store: The graph.
        edges: All of them.
        as_of: Time at which the weights stand.
        fence: What has to hold.
        batch_items: Targets of one transaction.

    Returns:
        Edges written.

    Raises:
        FencedError: The version may not be written or another run has the job; nothing more was written.
    """
    wanted: dict[str, list[list[Any]]] = {}
    ordered = sorted(edges, key=lambda edge: (edge.target, edge.source))
    for target, group in groupby(ordered, key=lambda edge: edge.target):
        wanted[target] = [[edge.source, edge.weight, edge.certainty] for edge in group]
    for row in store.read("inferred/targets"):
        wanted.setdefault(row["id"], [])
    rows = [{"target": target, "sources": wanted[target]} for target in sorted(wanted)]
    written = 0
    for start in range(0, len(rows), batch_items):
        found = store.write("inferred/write", rows=rows[start : start + batch_items], as_of=as_of, **fence.parameters())
        written += unfenced(found, fence)
    if rows:
        store.write("inferred/finish", version=fence.version, now=now_ms())
    return written
