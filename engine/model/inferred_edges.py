"""Edges for items without behaviour, inferred from the counted edges of the items they resemble.

    x(i → j) = Σ_n sim(j, n)^p · ( w(i → n) · √(r̄ / r_n) + o · [i = n] · max_m w(n → m) )
    ŵ(i → j) = f · ( x(i → j) · (r̄ / Σ_i x(i → j))^b )^q, times σ in a model's score
    e_j      = a · Σ_n sim(j, n)^p · e_n / Σ_n sim(j, n)^p,  or what the model makes of j

over the k items n nearest to j that have behaviour: who comes to a neighbour comes to j, and so does the neighbour
itself. r_n is the sum of the edges that reach n, r̄ its mean: how popular a neighbour is says little of j, and with
b = 1 every new item is reached as much as the mean item. The vector of j is what the model makes of its content, its
interests and the graph, or the mean of its neighbours' vectors. What these say of j is less sure than what an item's
own vector says of itself, so the mean is shrunk by a. σ makes up for what the logit of j lacks, and f is right where
counted edges rank alone. The certainty of an edge is the share of edges as strong that turned out real for items that
were hidden (see `engine.training.inference`, which chooses view, vectors, p, o, b, q, a, f and σ). Counted edges are
left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.training.data import ItemTable

VectorSource = Literal["neighbours", "model"]

NEIGHBOURS: Final = 10
KEEP: Final = 50
_WORD: Final = re.compile(r"\w+")
_CHUNK_ITEMS: Final = 256

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class InferenceRule:
    """How edges are inferred; a model's card keeps it.

    Attributes:
        view: What items are compared by: views of `ItemViews` joined by +.
        neighbours: k.
        power: p.
        own: o.
        exponent: q.
        factor: f.
        evening: b.
        vectors: Where the vectors of items that no counted edge reaches are from; it matters only where a model ranks.
        shrinkage: a; it matters only where vectors are from the neighbours.
        scale: σ.
        strengths: Strengths (weights) at which the certainty is known, rising.
        certainties: Certainty at each of them, never falling.
    """

    view: str
    neighbours: int
    power: float
    own: float
    exponent: float
    factor: float
    evening: float = 0.0
    vectors: VectorSource = "neighbours"
    shrinkage: float = 1.0
    scale: float = 1.0
    strengths: tuple[float, ...] = ()
    certainties: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read it from plain data.

        Raises:
            ValueError: The source of vectors is none that there is.
        """
        lists = {name: tuple(plain[name]) for name in ("strengths", "certainties")}
        if (source := plain.get("vectors", "neighbours")) not in get_args(VectorSource):
            raise ValueError(f"inference.vectors is {source}, not one of {', '.join(get_args(VectorSource))}")
        return cls(**{**plain, **lists})

    def certainty(self, weights: npt.NDArray[np.floating]) -> Float64:
        """Give the certainty of edges by their weight; 0 where none was measured."""
        if not self.strengths:
            return np.zeros(len(weights))
        return np.asarray(np.interp(weights, self.strengths, self.certainties), np.float64)


@dataclass(frozen=True, slots=True)
class InferredEdges:
    """Edges i → j of items j without behaviour.

    Attributes:
        source: i, by index [E].
        target: j, by index [E]; sorted by it, strongest edge first.
        weight: ŵ(i → j), in the unit of the counted rows after their division by the root of their sum [E].
        certainty: Between 0 and 1 [E].
    """

    source: Int64
    target: Int64
    weight: Float64
    certainty: Float64

    def __len__(self) -> int:
        return len(self.source)

    def matrix(self, item_count: int) -> sparse.csr_array:
        """Give the weights as CSR float32 [I, I]."""
        entries = (self.weight.astype(np.float32), (self.source, self.target))
        return sparse.coo_array(entries, shape=(item_count, item_count)).tocsr()


class ItemViews:
    """What items can be compared by, as unit rows: words of the title, text vectors, attributes, media.

    Args:
        items: The catalogue.
    """

    def __init__(self, items: ItemTable) -> None:
        self._views: dict[str, sparse.csr_array | npt.NDArray[np.float32]] = {}
        if any(items.titles):
            self._views["words"] = tf_idf(items.titles)
        if items.content is not None and items.content.any():
            norm = np.linalg.norm(items.content, axis=1, keepdims=True)
            self._views["content"] = (items.content / np.maximum(norm, 1e-9)).astype(np.float32)
        if items.about.nnz:
            self._views["attributes"] = _weighted_unit_rows(items.about)
        for name, vectors in items.media.items():
            # What all images share, most of their vectors, says nothing of which are alike.
            present: npt.NDArray[np.bool_] = np.any(vectors, axis=1)
            if present.any():
                centred = np.where(present[:, None], vectors - vectors[present].mean(axis=0), 0)
                norm = np.linalg.norm(centred, axis=1, keepdims=True)
                self._views[name] = (centred / np.maximum(norm, 1e-9)).astype(np.float32)

    @property
    def names(self) -> tuple[str, ...]:
        """The views there are, and the pairs of them."""
        single = list(self._views)
        pairs = [f"{one}+{other}" for place, one in enumerate(single) for other in single[place + 1 :]]
        return (*single, *pairs)

    def __len__(self) -> int:
        return int(next(iter(self._views.values())).shape[0]) if self._views else 0

    def scores(self, view: str, history: sparse.csr_array) -> npt.NDArray[np.float64]:
        """Give how much every item resembles the items of histories, weighted, CSR [P, I]: dense [P, I]."""
        total = np.zeros(history.shape)
        for name in view.split("+"):
            vectors = self._views[name]
            total += _dense((history @ vectors) @ vectors.T)
        return total

    def similarity(self, view: str, rows: Int64, columns: Int64) -> npt.NDArray[np.float32]:
        """Give cosines of items [R, C], at least 0; of several views their mean."""
        parts = view.split("+")
        total = np.zeros((len(rows), len(columns)), dtype=np.float32)
        for name in parts:
            vectors = self._views[name]
            total += _dense(vectors[rows] @ vectors[columns].T)
        return np.maximum(total / len(parts), 0)

    def nearest(
        self, view: str, new: Int64, known: Int64, neighbours: int, *, progress: Progress | None = None
    ) -> sparse.csr_array:
        """Give the similarities of new items to their nearest known ones, CSR [N, I] over the whole catalogue.

        Args:
            view: What is compared.
            new: By index [N].
            known: By index.
            neighbours: How many nearest ones.
            progress: Called with how many new items have been compared, and N.
        """
        size = len(self)
        k = min(neighbours, len(known))
        rows, columns, values = [], [], []
        for start in range(0, len(new), _CHUNK_ITEMS):
            chunk = new[start : start + _CHUNK_ITEMS]
            cosine = self.similarity(view, chunk, known)
            # An item that has a little behaviour of its own is no neighbour of itself.
            cosine[chunk[:, None] == known[None, :]] = 0
            best = np.argpartition(-cosine, k - 1, axis=1)[:, :k] if k else np.zeros((len(cosine), 0), np.int64)
            rows.append(np.repeat(np.arange(start, start + len(cosine)), k))
            columns.append(known[best].ravel())
            values.append(np.take_along_axis(cosine, best, axis=1).ravel())
            if progress is not None:
                progress(start + len(chunk), len(new))
        if not rows:
            return sparse.csr_array((0, size))
        entries = (np.concatenate(values).astype(np.float64), (np.concatenate(rows), np.concatenate(columns)))
        found = sparse.coo_array(entries, shape=(len(new), size)).tocsr()
        found.eliminate_zeros()
        return found


def tf_idf(texts: Sequence[str]) -> sparse.csr_array:
    """Give texts as unit rows over their words, each word weighted by its rarity, CSR [N, V]."""
    index: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for row, text in enumerate(texts):
        words = dict.fromkeys(_WORD.findall(text.lower()))
        rows.extend([row] * len(words))
        columns.extend(index.setdefault(word, len(index)) for word in words)
    ones = np.ones(len(rows))
    return _weighted_unit_rows(sparse.coo_array((ones, (rows, columns)), shape=(len(texts), len(index))).tocsr())


def infer_edges(
    weights: sparse.csr_array, views: ItemViews, new: Int64, rule: InferenceRule, *, keep: int = KEEP
) -> InferredEdges:
    """Infer the edges that lead to items without behaviour.

    Args:
        weights: Counted edges w, CSR [I, I], rows divided by the root of their sum.
        views: What the items are compared by.
        new: Items that get edges, by index, sorted.
        rule: How.
        keep: Strongest edges kept of each.
    """
    near = views.nearest(rule.view, new, with_behaviour(weights), rule.neighbours)
    found = edge_strengths(weights, near, rule, keep=keep)
    target = np.repeat(new, np.diff(found.indptr))
    weight = rule.factor * found.data
    return InferredEdges(found.indices.astype(np.int64), target, weight, rule.certainty(weight))


def edge_strengths(
    weights: sparse.csr_array, near: sparse.csr_array, rule: InferenceRule, *, keep: int = KEEP
) -> sparse.csr_array:
    """Give ŵ(i → j) before the factor, transposed: CSR [N, I], a row for each new item j, strongest first.

    Args:
        weights: Counted edges.
        near: Similarities of the new items to their nearest, as `ItemViews.nearest` gives them [N, I].
        rule: How.
        keep: Strongest edges kept of each.
    """
    shares = near.copy()
    shares.data = shares.data**rule.power
    strongest = np.asarray(weights.max(axis=1).todense()).ravel() if weights.nnz else np.zeros(weights.shape[0])
    reached = np.asarray(weights.sum(axis=0), dtype=np.float64).ravel()
    mean = reached[reached > 0].mean() if (reached > 0).any() else 1.0
    evened = np.sqrt(np.divide(mean, reached, out=np.zeros_like(reached), where=reached > 0))
    sums = shares @ sparse.diags_array(evened) @ weights.T + shares @ sparse.diags_array(rule.own * strongest)
    found: sparse.csr_array = sparse.csr_array(sums)
    found.eliminate_zeros()
    row = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    total = np.bincount(row, found.data, minlength=found.shape[0])
    values = (found.data * (mean / np.maximum(total, 1e-12))[row] ** rule.evening) ** rule.exponent
    order = np.lexsort((-values, row))
    chosen = order[np.arange(len(order)) - np.repeat(found.indptr[:-1], np.diff(found.indptr)) < keep]
    kept = np.concatenate(([0], np.cumsum(np.bincount(row[chosen], minlength=found.shape[0]))))
    return sparse.csr_array((values[chosen], found.indices[chosen], kept), shape=found.shape)


def neighbour_vectors(
    near: sparse.csr_array, rule: InferenceRule, vectors_of: Callable[[Int64], npt.NDArray[np.float32]]
) -> tuple[Int64, npt.NDArray[np.float32]]:
    """Give items without behaviour the mean of their neighbours' vectors, by similarity^p and shrunk.

    Args:
        near: Similarities of the items to their nearest, as `ItemViews.nearest` gives them [N, I].
        rule: Power and shrinkage.
        vectors_of: Gives the vectors of items [K, D].

    Returns:
        The rows that have a neighbour, and their vectors [K, D].
    """
    shares = near.copy()
    shares.data = shares.data**rule.power
    total = np.asarray(shares.sum(axis=1)).ravel()
    able = np.flatnonzero(total > 0)
    shares = shares[able]
    used = np.unique(shares.indices).astype(np.int64)
    mean = sparse.diags_array(rule.shrinkage / total[able]) @ shares[:, used]
    return able, np.asarray(mean @ vectors_of(used), dtype=np.float32)


def with_behaviour(weights: sparse.csr_array) -> Int64:
    """Give the items that a counted edge reaches or leaves, by index."""
    touched = np.diff(weights.indptr) > 0
    touched[weights.indices] = True
    return np.flatnonzero(touched)


def _dense(product: Any) -> npt.NDArray[np.float64]:
    return np.asarray(product if isinstance(product, np.ndarray) else product.toarray())


def _weighted_unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Give rows of ones weighted by log((1 + N) / (1 + n)) + 1, n the rows that have the column, and made unit."""
    rows, columns = matrix.shape
    held = np.bincount(matrix.indices, minlength=columns)
    rarity = np.log((1 + rows) / (1 + held)) + 1
    data = rarity[matrix.indices]
    length = np.sqrt(np.bincount(np.repeat(np.arange(rows), np.diff(matrix.indptr)), data**2, minlength=rows))
    data = data / np.repeat(np.maximum(length, 1e-12), np.diff(matrix.indptr))
    found: sparse.csr_array = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    return found
