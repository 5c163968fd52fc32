"""The counted term: how strongly the latest items of a history point at every other item.

    c(u, j) = Σ_k γ^k · w(h_k → j),   h_0 the newest item, k < K

w are the counted edges and, where they help, those between items that resemble each other (`engine.model.resemblance`).
In training the pairs of the user at hand are taken out of the rows first: else the count contains the answer, and the
model learns to trust it too much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg  # noqa: F401  (reached as sparse.linalg)
from scipy import sparse

from engine.cooccurrence.counting import count_pairs, row_scale
from engine.training.data import InteractionTable, seen

GAMMA: Final = 0.7
LATEST: Final = 10
START_DEVIATION: Final = 0.07
_OWN_BLOCK_EVENTS: Final = 50_000

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CountSettings:
    """How pairs are counted: window, backward share, half-life, edges kept of an item.

    Attributes:
        added: Edges that count beside the counted ones, whatever the behaviour, CSR float32 [I, I].
    """

    window: int = 20
    backward: float = 0.3
    half_life_ms: float | None = None
    keep: int = 50
    added: sparse.csr_array | None = field(default=None, repr=False, compare=False)


class CoOccurrenceTerm:
    """Scaled rows of the counted edges, and the counts of a history.

    Args:
        counted: CSR float32 [I, I]: w(i → j), each row divided by the square root of its sum.
        added: Edges that count beside them, CSR float32 [I, I].
        gamma: Fading per step back.
        latest: Items of the history that count.

    Attributes:
        weights: Both together.
    """

    def __init__(
        self,
        counted: sparse.csr_array,
        added: sparse.csr_array | None = None,
        *,
        gamma: float = GAMMA,
        latest: int = LATEST,
    ) -> None:
        self.counted = counted
        self.added = added
        self.weights = counted if added is None else (counted + added).tocsr()
        self.gamma = gamma
        self.latest = latest

    @classmethod
    def count(cls, table: InteractionTable, item_count: int, settings: CountSettings) -> CoOccurrenceTerm:
        """Count the pairs of a table and keep the strongest edges of each item; added edges come on top."""
        counts = count_pairs(
            table.items,
            table.times,
            table.offsets,
            window=settings.window,
            backward=settings.backward,
            half_life_ms=settings.half_life_ms,
            keep=settings.keep,
        )
        at = int(table.times.max()) if len(table) else 0
        weight = counts.as_of(at, half_life_ms=settings.half_life_ms)
        scaled = row_scale(counts.source, weight).astype(np.float32)
        shape = (item_count, item_count)
        return cls(sparse.csr_array((scaled, (counts.source, counts.target)), shape=shape), settings.added)

    def with_added(self, added: sparse.csr_array | None) -> CoOccurrenceTerm:
        """Give the same counted edges, and others beside them."""
        return CoOccurrenceTerm(self.counted, added, gamma=self.gamma, latest=self.latest)

    def fading(self) -> npt.NDArray[np.float32]:
        """Give γ^k for each step back, [K]."""
        return (self.gamma ** np.arange(self.latest)).astype(np.float32)

    def counts(self, latest: npt.NDArray[np.integer]) -> sparse.csr_array:
        """Give c(u, ·) of histories.

        Args:
            latest: Newest items first [P, K], -1 where there is none.

        Returns:
            CSR float32 [P, I].
        """
        counts: sparse.csr_array = self._history(latest, self.weights.shape[0]) @ self.weights
        return counts

    def histories(self, latest: npt.NDArray[np.integer]) -> sparse.csr_array:
        """Give the fading of each item of histories [P, K] as CSR [P, I]; times `weights` it is `counts`."""
        return self._history(latest, self.weights.shape[0])

    def _history(self, latest: npt.NDArray[np.integer], columns: int) -> sparse.csr_array:
        rows, steps = np.nonzero(latest >= 0)
        fading = self.fading()[steps]
        entries = (fading, (rows, latest[rows, steps]))
        return sparse.coo_array(entries, shape=(len(latest), columns)).tocsr()


class OwnPairs:
    """Each user's own share of the counts, to be taken out while that user is trained on."""

    def __init__(
        self, term: CoOccurrenceTerm, table: InteractionTable, item_count: int, settings: CountSettings
    ) -> None:
        self._term = term
        user_of = np.repeat(np.arange(table.users, dtype=np.int64), np.diff(table.offsets))
        keys, self.local = np.unique(user_of * item_count + table.items, return_inverse=True)
        item_of_local = (keys % item_count).astype(np.int32)
        # A scaled row sums to the square root of its sum.
        scale = 1 / np.maximum(np.asarray(term.counted.sum(axis=1)).ravel(), 1e-6)
        at = int(table.times.max()) if len(table) else 0
        rows, columns, values = [np.zeros(1, dtype=np.int64)], [], []
        # Block by block of users, whose pairs never meet: memory follows what is kept, 8 bytes a pair.
        for first, last in _blocks_of_users(table.offsets, _OWN_BLOCK_EVENTS):
            events = slice(int(table.offsets[first]), int(table.offsets[last]))
            local = self.local[events]
            base, count = int(local.min()), int(local.max() - local.min()) + 1
            counts = count_pairs(
                (local - base).astype(np.int32),
                table.times[events],
                table.offsets[first : last + 1] - table.offsets[first],
                window=settings.window,
                backward=settings.backward,
                half_life_ms=settings.half_life_ms,
            )
            weight = counts.as_of(at, half_life_ms=settings.half_life_ms)
            rows.append(np.bincount(counts.source, minlength=count))
            columns.append(item_of_local[counts.target + base])
            values.append((weight * scale[item_of_local[counts.source + base]]).astype(np.float32))
        entries = (
            np.concatenate(values) if values else np.zeros(0, dtype=np.float32),
            np.concatenate(columns) if columns else np.zeros(0, dtype=np.int32),
            np.cumsum(np.concatenate(rows)),
        )
        self.weights = sparse.csr_array(entries, shape=(len(keys), item_count))

    def counts(self, latest: npt.NDArray[np.integer], latest_local: npt.NDArray[np.integer]) -> sparse.csr_array:
        """Give c(u, ·) without the user's own pairs; arguments [P, K], -1 where there is none.

        Args:
            latest: Items, newest first.
            latest_local: The same events by `local` index.
        """
        history = self._term.histories(latest)
        own = self._term._history(latest_local, self.weights.shape[0]) @ self.weights
        # Of a pair that is not among the strongest edges there is nothing to take out: added edges stay whole.
        rest = (history @ self._term.counted - own).tocsr()
        rest.data = np.maximum(rest.data, 0)
        rest.eliminate_zeros()
        found: sparse.csr_array = rest if self._term.added is None else (rest + history @ self._term.added).tocsr()
        return found


def _blocks_of_users(offsets: npt.NDArray[np.int64], events: int) -> Iterator[tuple[int, int]]:
    """Give first and one-past-last user of blocks of about so many events; blocks without events are left out."""
    first, users = 0, len(offsets) - 1
    while first < users:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + events, side="right")) - 1)
        if offsets[last] > offsets[first]:
            yield first, last
        first = last


def graph_start(weights: sparse.csr_array, dim: int, *, seed: int, deviation: float = START_DEVIATION) -> Float32:
    """Start item vectors from the edges: eigenvectors of D^-½ (C + Cᵀ) D^-½, rows normalised.

    Args:
        weights: Edges, CSR [I, I].
        dim: Length of the vectors.
        seed: Seed of the start vector and of the vectors of items without edges.
        deviation: Standard deviation of the entries.

    Returns:
        Vectors float32 [I, D].
    """
    both = (weights + weights.T).tocsr().astype(np.float64)
    degree = np.asarray(both.sum(axis=1)).ravel()
    return _start(both.__matmul__, degree, dim, seed, deviation)


def set_start(
    table: InteractionTable, items: int, dim: int, *, seed: int, deviation: float = START_DEVIATION
) -> Float32:
    """Start item vectors from what the same users took, in whatever order: the same with C = XᵀX less its diagonal.

    Args:
        table: Behaviour; X is 1 where a user took an item.
        items: I.
        dim: Length of the vectors.
        seed: As in `graph_start`.
        deviation: As in `graph_start`.

    Returns:
        Vectors float32 [I, D].
    """
    taken = seen(table, np.arange(table.users), items).astype(np.float64)
    alone = np.asarray(taken.sum(axis=0)).ravel()
    back = taken.T.tocsr()

    def multiply(vector: Float64) -> Float64:
        return np.asarray(back @ (taken @ vector) - alone * vector)

    return _start(multiply, multiply(np.ones(items)), dim, seed, deviation)


def _start(multiply: Callable[[Float64], Float64], degree: Float64, dim: int, seed: int, deviation: float) -> Float32:
    rng = np.random.default_rng(seed)
    items = len(degree)
    start = rng.normal(size=(items, dim))
    if items > 2 * dim and np.count_nonzero(degree) > dim:
        inverse = np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1e-12)), 0)
        operator = sparse.linalg.LinearOperator(
            (items, items), matvec=lambda vector: inverse * multiply(inverse * vector.ravel()), dtype=np.float64
        )
        values, vectors = sparse.linalg.eigsh(operator, k=dim, v0=rng.normal(size=items), which="LA", tol=1e-4)
        found = vectors * np.sqrt(np.maximum(values, 0))
        start = np.where((degree > 0)[:, None], found, 0.01 * start)
    norm = np.linalg.norm(start, axis=1, keepdims=True)
    unit = start / np.maximum(norm, 1e-12)
    return np.asarray(unit * deviation * np.sqrt(dim), dtype=np.float32)
