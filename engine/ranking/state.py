"""What one process keeps of the graph to answer from: immutable, replaced as one.

A request takes the snapshot once and uses it to its end, so it never sees two versions or half a change. Items keep
their place (index) from one snapshot to the next; deleted ones leave a hole until the next full load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain import EpochMs
from engine.ranking.card import TermParameters
from engine.ranking.demographics import Demographics
from engine.ranking.encoder import UserEncoder
from engine.ranking.rows import Rows

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_MOST_MASS: Final = 1e280
"""The sum over all items stays a number. Masses this large are seen from long before, until the next full load."""


@dataclass(frozen=True, slots=True)
class About:
    """Which interests items are about, by entries sorted by item.

    Attributes:
        item: Index of the item of each entry, int32 [E].
        interest: Index of the interest, int32 [E].
        weight: Weight, float32 [E]; those of an item sum to 1.
        offsets: Where the entries of each item begin, int64 [I + 1].
    """

    item: npt.NDArray[np.int32]
    interest: npt.NDArray[np.int32]
    weight: Float32
    offsets: Int64

    @classmethod
    def of(cls, rows: Sequence[Sequence[tuple[int, float]]]) -> About:
        """Make it of (interest, weight) pairs, one list an item."""
        lengths = np.array([len(row) for row in rows], np.int64)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(
            np.repeat(np.arange(len(rows), dtype=np.int32), lengths),
            np.array([interest for row in rows for interest, _ in row], np.int32),
            np.array([weight for row in rows for _, weight in row], np.float32),
            offsets,
        )

    def of_item(self, index: int) -> tuple[npt.NDArray[np.int32], Float32]:
        """Give interests and weights of an item."""
        place = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return self.interest[place], self.weight[place]

    def rows(self) -> list[list[tuple[int, float]]]:
        """Give it back as pairs, one list an item."""
        pairs = list(zip(self.interest.tolist(), self.weight.tolist(), strict=True))
        return [pairs[start:stop] for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True)]


@dataclass(frozen=True, slots=True)
class Interests:
    """The interests there are.

    Attributes:
        ids: Id of each, length X.
        kinds: Its kind.
        names: Its name.
        index: Index of each id.
    """

    ids: Sequence[str] = ()
    kinds: Sequence[str | None] = ()
    names: Sequence[str | None] = ()
    index: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[tuple[str, str | None, str | None]]) -> Interests:
        """Make it of (id, kind, name)."""
        return cls(
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2] for row in rows],
            {row[0]: place for place, row in enumerate(rows)},
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Items by index.

    Attributes:
        ids: Id of each item, length I.
        index: Index of each id; deleted ones are not in it.
        titles: Title, where there is one.
        attributes: Short attributes, for answers and filters.
        available: Whether an item may be recommended, bool [I].
        alive: Whether it is still in the graph, bool [I].
        updated_at: Time of its last change of content, epoch ms; 0 where it has none, int64 [I].
        about: What it is about.
    """

    ids: Sequence[str]
    index: Mapping[str, int]
    titles: Sequence[str | None]
    attributes: Sequence[Mapping[str, Any]]
    available: Mask
    alive: Mask
    updated_at: Int64
    about: About

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """Item vectors of one embedding version with the encoder that belongs to them.

    Attributes:
        version: The version.
        encoder: Makes user vectors of this space.
        matrix: e_j, float32 [I, D]; an item without a vector has the mean of all.
        embedded: Which items have a vector of their own, bool [I].
        vectors_at: Stamp of the latest write-back that is in it.
    """

    version: str
    encoder: UserEncoder
    matrix: Float32
    embedded: Mask
    vectors_at: int

    @property
    def parameters(self) -> TermParameters:
        """Weights of the terms, as the model's card has them."""
        return self.encoder.card.terms

    def with_vectors(self, size: int, places: Sequence[int], vectors: Float32, vectors_at: int) -> VectorSpace:
        """Give a copy with some vectors set, and rows for items that came.

        Args:
            size: Number of items.
            places: Index of each vector.
            vectors: [N, D].
            vectors_at: Stamp of the latest write-back that is in it.
        """
        matrix = np.zeros((size, self.matrix.shape[1]), np.float32)
        embedded = np.zeros(size, bool)
        matrix[: len(self.matrix)] = self.matrix
        embedded[: len(self.embedded)] = self.embedded
        if len(places):
            matrix[places] = vectors
            embedded[places] = True
        if embedded.any() and not embedded.all():
            matrix[~embedded] = matrix[embedded].mean(axis=0)
        return replace(self, matrix=matrix, embedded=embedded, vectors_at=vectors_at)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent state to answer from.

    Attributes:
        serial: Rises with each snapshot of a process.
        catalogue: The items.
        interests: The interests.
        edges: Weights of CO_OCCURS as of `reference_at`, not yet divided by the root of their row's sum.
        mass: Popularity of each item as of `reference_at`, float64 [I].
        reference_at: The time at which stored weights stand, epoch ms.
        edges_half_life_ms: Half-life of CO_OCCURS.
        mass_half_life_ms: Half-life of popularity.
        as_of: Time of the newest event that the edges know, epoch ms, or none.
        space: Vectors and encoder of the active version, or none.
        inferred: Weights of MAY_CO_OCCUR as of `reference_at`, in the unit of the root-scaled rows.
        certainty: Certainty of the same entries.
        inferred_at: Stamp of the latest inference that is in it.
        resembling: Similarities of RESEMBLES, 0 to 1; they do not fade.
        resembling_at: Stamp of the latest write of these that is in it.
        resembling_basis: What these go by, or none where that is not one thing.
        demographics: What users with the same attributes take.
        demographics_at: Stamp of the count that this is of.
        folded_at: Stamp of the latest fold that is in it.
        behind: Items whose row of `edges` is older than the fold, with the stamp of its latest change known.
        problem: Why the active version is not served, where it is not.
        log_share: log of each item's share of popularity as of `as_of`, float64 [I].
        fading: What the root-scaled weights are to be multiplied by to stand at `as_of`.
    """

    serial: int
    catalogue: Catalogue
    interests: Interests
    edges: Rows
    mass: Float64
    reference_at: EpochMs
    edges_half_life_ms: float
    mass_half_life_ms: float
    as_of: EpochMs | None = None
    space: VectorSpace | None = None
    inferred: Rows = field(default_factory=Rows.empty)
    certainty: Rows = field(default_factory=Rows.empty)
    inferred_at: int = 0
    resembling: Rows = field(default_factory=Rows.empty)
    resembling_at: int = 0
    resembling_basis: str | None = None
    demographics: Demographics = field(default_factory=Demographics.none)
    demographics_at: int = 0
    folded_at: int = 0
    behind: Mapping[int, int] = field(default_factory=dict)
    problem: str | None = None
    log_share: Float64 = field(init=False, repr=False)
    fading: float = field(init=False)

    def __post_init__(self) -> None:
        moment = self.reference_at if self.as_of is None else self.as_of
        object.__setattr__(self, "log_share", log_share(self._mass_at(moment), self.catalogue.alive))
        # w / sqrt(sum w) fades with the root of what w fades with.
        object.__setattr__(self, "fading", 2.0 ** ((self.reference_at - moment) / (2 * self.edges_half_life_ms)))

    @property
    def version(self) -> str | None:
        """The embedding version it answers from."""
        return None if self.space is None else self.space.version

    def joined_for(self, space: VectorSpace) -> bool:
        """Tell whether items are joined to those they resemble on the basis that a model has learnt with."""
        wanted = space.encoder.card.resemblance
        return wanted is not None and wanted == self.resembling_basis

    def following(
        self, index: int, *, inferred_scale: float = 1.0, resemblance_scale: float = 0.0
    ) -> tuple[npt.NDArray[np.int32], Float64]:
        """Give the items that follow an item and w(i → j) + κ · sim(i, j) as of `as_of`, each item once.

        w is the counted row divided by the root of its sum. Inferred edges stand behind the counted ones; where both
        lead to an item, the stronger one holds: that somebody took an item must not make it fall. What resembles the
        item comes on top of both, and alone where neither leads to it.

        Args:
            index: i.
            inferred_scale: What inferred edges are multiplied by.
            resemblance_scale: κ.
        """
        targets, scaled, likely, inferred = self._edges_of(index, inferred_scale)
        if len(likely):
            _, counted_place, inferred_place = np.intersect1d(targets, likely, assume_unique=True, return_indices=True)
            scaled[counted_place] = np.maximum(scaled[counted_place], inferred[inferred_place])
            others = np.ones(len(likely), bool)
            others[inferred_place] = False
            targets = np.concatenate([targets, likely[others]])
            scaled = np.concatenate([scaled, inferred[others]])
        if resemblance_scale <= 0:
            return targets, scaled
        similar, similarity = self._resembling_of(index)
        if not len(similar):
            return targets, scaled
        added = resemblance_scale * similarity
        if not len(targets):
            return similar, added
        same = similar[:, None] == targets  # few by some: faster than sorting both
        known = same.any(axis=1)
        scaled[same.argmax(axis=1)[known]] += added[known]
        return np.concatenate([targets, similar[~known]]), np.concatenate([scaled, added[~known]])

    def certainty_of(self, source: int, target: int, *, inferred_scale: float = 1.0) -> float | None:
        """Give how certain an inferred edge is, or none where a counted one holds or there is none."""
        targets, scaled, likely, inferred = self._edges_of(source, inferred_scale)
        guess = float(inferred[likely == target].sum())
        if guess <= float(scaled[targets == target].sum()):
            return None
        known, certainties = self.certainty.row(source)
        return float(certainties[known == target][0])

    def similarity_of(
        self, source: int, target: int, *, inferred_scale: float = 1.0, resemblance_scale: float = 0.0
    ) -> float | None:
        """Give how much an item resembles another, or none where that is not the greater part of the edge."""
        if resemblance_scale <= 0:
            return None
        similar, similarities = self._resembling_of(source)
        similarity = float(similarities[similar == target].sum())
        targets, scaled, likely, inferred = self._edges_of(source, inferred_scale)
        behaviour = max(float(scaled[targets == target].sum()), float(inferred[likely == target].sum()))
        return similarity if resemblance_scale * similarity > behaviour else None

    def _resembling_of(self, index: int) -> tuple[npt.NDArray[np.int32], Float64]:
        """Give the items that an item resembles and that are there, and how much."""
        similar, similarities = self.resembling.row(index)
        there = self.catalogue.alive[similar]
        return similar[there], similarities[there].astype(np.float64)

    def _edges_of(
        self, index: int, inferred_scale: float
    ) -> tuple[npt.NDArray[np.int32], Float64, npt.NDArray[np.int32], Float64]:
        """Give counted and inferred edges of an item to items that are there."""
        targets, weights = self.edges.row(index)
        present = self.catalogue.alive[targets]
        if not present.all():
            targets, weights = targets[present], weights[present]
        raw = weights.astype(np.float64)
        total = raw.sum()
        scaled = raw * (self.fading / np.sqrt(total)) if total > 0 else raw
        likely, strengths = self.inferred.row(index)
        there = self.catalogue.alive[likely]
        return targets, scaled, likely[there], inferred_scale * self.fading * strengths[there].astype(np.float64)

    def _mass_at(self, moment: EpochMs) -> Float64:
        return np.asarray(self.mass * 2.0 ** ((self.reference_at - moment) / self.mass_half_life_ms))


def log_share(mass: Float64, alive: Mask) -> Float64:
    """Give the log of each item's share of popularity, with one added to each; 0 has no log.

    Args:
        mass: Decayed sums of signals as of one time [I].
        alive: Items that count [I].
    """
    smooth = np.where(alive, np.minimum(mass, _MOST_MASS) + 1.0, 0.0)
    total = float(smooth.sum())
    return np.log(np.where(alive, smooth, 1.0) / max(total, 1.0))
