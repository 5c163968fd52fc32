"""Edges between items that resemble each other by content: they count beside the counted edges.

    c(u, j) = Σ_k γ^k · (w(h_k → j) + κ · sim(h_k, j))

sim is the cosine by one view of the items (words of the title, text vectors, attributes, media), for the n items that
are most like h_k, else 0. Counted edges know only what was taken together; what resembles the latest items is what
comes next more often than the counts can show. View and κ are chosen on validation (`engine.training.resemblance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.model.inferred_edges import ItemViews, Progress

RESEMBLING: Final = 20
"""n: with 50 or 150 of each item Beauty's validation is hardly better (ADR 25)."""

MOST_ITEMS: Final = 50_000
"""Each item is compared with each: above, nothing resembles."""


@dataclass(frozen=True, slots=True)
class ResemblanceRule:
    """Which items resemble each other, and how much that counts; a model's card keeps it.

    Attributes:
        view: What items are compared by: views of `ItemViews` joined by +.
        scale: κ, in the unit of a counted row divided by the root of its sum.
        neighbours: n.
        encoders: What makes the vectors that the view compares; empty where it compares none.
    """

    view: str
    scale: float
    neighbours: int = RESEMBLING
    encoders: str = ""

    @property
    def basis(self) -> str:
        """What the edges depend on apart from the items: models with the same one share the edges of a graph."""
        return " ".join(part for part in (self.view, str(self.neighbours), self.encoders) if part)

    def edges(self, views: ItemViews) -> sparse.csr_array:
        """Give κ · sim(i, j), CSR float32 [I, I]."""
        found: sparse.csr_array = np.float32(self.scale) * resembling(views, self.view, self.neighbours)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data, the basis with it."""
        return {**asdict(self), "basis": self.basis}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read it from plain data."""
        return cls(**{entry.name: plain[entry.name] for entry in fields(cls)})


def resembling(
    views: ItemViews,
    view: str,
    neighbours: int = RESEMBLING,
    *,
    of: npt.NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> sparse.csr_array:
    """Give sim(i, j) for the items j that each item i resembles most, CSR float32 [N, I]; no item resembles itself.

    Args:
        views: What the items are compared by.
        view: Which of it.
        neighbours: n.
        of: Items i, by index [N]; all when empty.
        progress: Called with how many items have been compared, and N.
    """
    every = np.arange(len(views), dtype=np.int64)
    found = views.nearest(view, every if of is None else of, every, neighbours, progress=progress)
    return found.astype(np.float32)
