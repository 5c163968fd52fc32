"""A piece of the graph as the model reads it: the same columns and the same scale as in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import MS_PER_DAY, EpochMs
from engine.features.place import MEDIA
from engine.graph.store import GraphStore
from engine.graph.subgraph import PullLimits, Subgraph, pull
from engine.pipelines.dataset import item_text
from engine.settings import Settings

ITEMS_OF_INTEREST: Final = 500
"""Items that an interest hears, those that are most about it."""
_CHUNK_IDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Seeds and what surrounds them.

    Attributes:
        item_ids: Items, seeds first where items are the seeds.
        interest_ids: Interests, seeds first where interests are the seeds.
        texts: Text of each item.
        media: What `image` and `audio` of each item say.
        about: What items are about, CSR float32 [items, interests].
        co_occurs: Source, target and scaled weight of each edge; an item hears the targets of its own edges.
    """

    item_ids: list[str]
    interest_ids: list[str]
    texts: list[str]
    media: dict[str, list[object]]
    about: sparse.csr_array
    co_occurs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]


def read_neighbourhood(
    store: GraphStore,
    settings: Settings,
    label: str,
    seeds: Sequence[str],
    *,
    hops: int,
    neighbours: int,
    as_of: EpochMs | None = None,
) -> Neighbourhood:
    """Read what surrounds items or interests.

    Args:
        store: The graph.
        settings: Half-lives.
        label: `Item` or `Interest`.
        seeds: Their ids; those that are gone are left out.
        hops: Steps of the graph around them.
        neighbours: Strongest edges of one item.
        as_of: Time at which weights stand; that of the latest fold where none is given.
    """
    limits = PullLimits(co_occurs=neighbours, items_of_interest=ITEMS_OF_INTEREST)
    found = pull(store, settings, label, seeds, hops=hops, limits=limits, texts=True, as_of=as_of)
    source, target = found.co_occurs.index
    titles, attributes = found.titles or [], found.attributes or []
    return Neighbourhood(
        item_ids=found.item_ids,
        interest_ids=found.interest_ids,
        texts=[item_text(title, known.get("description")) for title, known in zip(titles, attributes, strict=True)],
        media={name: [known.get(name) for known in attributes] for name in MEDIA},
        about=sparse.csr_array(
            (found.about.weight, (found.about.index[0], found.about.index[1])),
            shape=(len(found.item_ids), len(found.interest_ids)),
        ),
        co_occurs=(source, target, _scaled(store, settings, found)),
    )


def _scaled(store: GraphStore, settings: Settings, found: Subgraph) -> npt.NDArray[np.float32]:
    """Divide each weight by the square root of the sum of its whole row, read or not."""
    source = found.co_occurs.index[0]
    heard = [found.item_ids[place] for place in np.unique(source).tolist()]
    mass: dict[str, float] = {}
    for start in range(0, len(heard), _CHUNK_IDS):
        rows = store.read(
            "reembed/row_sums",
            ids=heard[start : start + _CHUNK_IDS],
            as_of=found.as_of,
            half_life_ms=float(settings.co_occurrence.half_life_days) * MS_PER_DAY,
        )
        mass.update((row["id"], row["mass"]) for row in rows)
    root = np.sqrt([max(mass.get(item_id, 0.0), 1e-30) for item_id in found.item_ids])
    return np.asarray(found.co_occurs.weight / root[source], dtype=np.float32)
