"""The score of a trained model over whole catalogues, term by term, for validation and tests.

    s(u, j) = log softmax_j(z_u · e_j) + λ log(ε + c(u, j)) + μ log(ε_i + Σ_x share(u, x) about(j, x)) + ν log(share_j)

Serving computes the same from the graph (`engine.ranking`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.evaluation.baselines import latest_items
from engine.evaluation.metrics import positives_of
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.recommender import Recommender
from engine.training.data import Dataset, InteractionTable, recent

INTEREST_EPSILON: Final = 1e-3
NEWCOMER_POPULARITY: Final = 1.0
"""Least weight of popularity for who has no history, as in `engine.ranking.cold_start`."""


@dataclass(frozen=True, slots=True)
class TermParameters:
    """Weights of the terms; the card keeps them and serving reads them."""

    co_occurrence_scale: float
    co_occurrence_epsilon: float
    gamma: float
    latest: int
    interests_scale: float = 0.0
    interests_epsilon: float = INTEREST_EPSILON
    popularity_scale: float = 0.0

    @classmethod
    def of_card(cls, terms: Mapping[str, Any]) -> Self:
        """Read them from a card's terms, which tell serving of more."""
        return cls(**{entry.name: terms[entry.name] for entry in fields(cls) if entry.name in terms})

    def to_dict(self) -> dict[str, Any]:
        """Give them as plain data."""
        return asdict(self)


class ModelScorer:
    """Scores users of one history with a model whose item vectors are given.

    Args:
        model: The trained model.
        vectors: Item vectors [I, D].
        data: Items and their interests.
        history: Behaviour that is known.
        term: Counted edges of that history.
        strengths: Strength of each event type of the vocabulary.
        interest_half_life_days: Half-life of interests.
        popularity_half_life_days: Half-life of popularity.
        counted: Behaviour that popularity is counted on; the history where none is given.

    Attributes:
        parameters: Weights of the terms: those learnt until others are set.
        items: Their number.
        with_interests: Whether items are about anything.
    """

    def __init__(
        self,
        model: Recommender,
        vectors: torch.Tensor,
        data: Dataset,
        history: InteractionTable,
        term: CoOccurrenceTerm,
        *,
        strengths: npt.NDArray[np.float64],
        interest_half_life_days: float,
        popularity_half_life_days: float,
        counted: InteractionTable | None = None,
    ) -> None:
        self._model = model.eval()
        self._vectors = vectors
        self._history = history
        self._term = term
        self._about = data.items.about
        known = history if counted is None else counted
        self._share = interest_shares(history, self._about, strengths, interest_half_life_days)
        self.items = len(data.items)
        self.with_interests = len(self._about.data) > 0
        self._popularity = np.log(popularity_share(known, len(data.items), popularity_half_life_days)).astype(
            np.float32
        )
        self.parameters = TermParameters(
            co_occurrence_scale=float(model.scale.detach()),
            co_occurrence_epsilon=float(model.epsilon.detach()),
            gamma=term.gamma,
            latest=term.latest,
            popularity_scale=float(model.popularity_scale.detach()),
        )

    def __call__(self, users: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Give the scores [B, I]; who has no history is ranked by what is popular, as a newcomer is served."""
        terms = self.terms(users, interests=bool(self.parameters.interests_scale))
        total = terms["sequence"]
        total += terms["co_occurrence"]
        if self.parameters.interests_scale:
            total += self.parameters.interests_scale * terms["interests"]
        newcomer = np.diff(self._history.offsets)[users] == 0
        scale = self.parameters.popularity_scale
        if scale or newcomer.any():
            weight = np.where(newcomer, max(scale, NEWCOMER_POPULARITY), scale).astype(np.float32)
            total += weight[:, None] * terms["popularity"]
        return np.asarray(total, dtype=np.float32)

    def alone(self, term: str) -> Callable[[npt.NDArray[np.integer]], npt.NDArray[np.floating]]:
        """Give one term as a scorer of its own."""
        return lambda users: self.terms(users, interests=term == "interests")[term]

    @torch.inference_mode()
    def states(self, users: npt.NDArray[np.integer]) -> torch.Tensor:
        """Encode the histories of users: z_u [B, D]; zero for who has none."""
        device = self._vectors.device
        items, types, mask, times = recent(self._history, users, self._model.config.max_history)
        states: torch.Tensor = self._model.encoder(
            self._vectors[torch.from_numpy(items.astype(np.int64)).to(device)],
            torch.from_numpy(types.astype(np.int64)).to(device),
            torch.from_numpy(mask).to(device),
            torch.from_numpy(times).to(device),
        )[:, -1]
        # Without a step there is no state: the encoder would read the padding, which is an item.
        return states * torch.from_numpy(mask.any(axis=1)).to(states)[:, None]

    def popularity(self, items: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Give the term of popularity for some items, without its scale [N]."""
        found: npt.NDArray[np.float32] = self._popularity[items]
        return found

    def affinity(self, users: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Give the term of interests for some items, without its scale [B, N]."""
        shared = np.asarray((self._share[users] @ self._about[items].T).toarray())
        return np.log(self.parameters.interests_epsilon + shared).astype(np.float32)

    @torch.inference_mode()
    def terms(
        self, users: npt.NDArray[np.integer], *, interests: bool = True, states: torch.Tensor | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Give each term; `interests` and `popularity` without their scale, [B, I] each.

        Args:
            users: By index.
            interests: Whether that term is wanted; it is the dear one.
            states: The users encoded; they are encoded anew when empty.
        """
        if states is None:
            states = self.states(users)
        logits = torch.log_softmax(states @ self._vectors.T, dim=-1).float().cpu().numpy()
        counts = self._term.counts(latest_items(self._history, users, self._term.latest))
        p = self.parameters
        counted = np.full(logits.shape, p.co_occurrence_scale * np.log(p.co_occurrence_epsilon), dtype=np.float32)
        row, column = positives_of(counts)
        counted[row, column] = p.co_occurrence_scale * np.log(p.co_occurrence_epsilon + counts.data)
        found = {
            "sequence": logits,
            "co_occurrence": counted,
            "popularity": np.broadcast_to(self._popularity, logits.shape),
        }
        if interests:
            found["interests"] = self.affinity(users, np.arange(len(self._popularity)))
        return found


def interest_shares(
    table: InteractionTable, about: sparse.csr_array, strengths: npt.NDArray[np.float64], half_life_days: float
) -> sparse.csr_array:
    """Give each user's interests as shares that sum to 1, decayed to the newest event, CSR [U, X]."""
    user = np.repeat(np.arange(table.users), np.diff(table.offsets))
    newest = int(table.times.max()) if len(table) else 0
    age = (newest - table.times) / (half_life_days * MS_PER_DAY)
    mass = np.maximum(strengths[table.types], 0) * np.exp2(-age)
    taken = sparse.coo_array((mass, (user, table.items)), shape=(table.users, about.shape[0])).tocsr()
    raw = (taken @ about).tocsr()
    total = np.asarray(raw.sum(axis=1)).ravel()
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    shares: sparse.csr_array = (sparse.diags_array(inverse) @ raw).tocsr()
    return shares


def popularity_share(table: InteractionTable, items: int, half_life_days: float) -> npt.NDArray[np.float64]:
    """Give each item's share of the decayed events, with one added to each, [I]."""
    newest = int(table.times.max()) if len(table) else 0
    weight = np.exp2(-(newest - table.times) / (half_life_days * MS_PER_DAY))
    mass = np.bincount(table.items, weight, minlength=items) + 1
    return np.asarray(mass / mass.sum())
