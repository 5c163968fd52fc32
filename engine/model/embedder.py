"""A trained model at work: items and interests from a piece of the graph, users from their histories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from engine.errors import ArtefactError
from engine.model.artefact import Artefact, device, read_artefact
from engine.model.inferred_edges import InferenceRule
from engine.model.learned_edges import EdgeRule, learned_edges
from engine.model.recommender import graph_tensors
from engine.model.resemblance import ResemblanceRule
from engine.model.sequence import UserEncoder

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What one piece of the graph gave.

    Attributes:
        items: Vectors float32 [N, D].
        interests: Vectors float32 [M, D].
        co_occurs_attention: Attention of each item edge, in the order given [E].
        co_occurs_learned: Learnt weight of each item edge (`engine.model.learned_edges`) [E].
        about_attention: How much an item hears each of its interests, in the order of `about.tocoo()`.
    """

    items: Float32
    interests: Float32
    co_occurs_attention: Float32
    co_occurs_learned: Float32
    about_attention: Float32


class Embedder:
    """Makes vectors with a trained model, on a CUDA device where there is one.

    Items and interests that the model has not seen have no learnt id; their vectors come from content, interests and
    neighbours.
    """

    def __init__(self, artefact: Artefact) -> None:
        self._device = device()
        self._model = artefact.model.to(self._device).eval()
        self._users = UserEncoder(self._model.encoder).eval()
        self._item_rows = {item_id: row for row, item_id in enumerate(artefact.item_ids) if item_id}
        self._interest_rows = {interest_id: row for row, interest_id in enumerate(artefact.interest_ids)}
        card = artefact.card
        self.version = artefact.version
        self.dim = self._model.config.dim
        self.modalities: Mapping[str, int] = self._model.config.content
        self.max_history = self._model.config.max_history
        self.event_types: Sequence[str] = list(card["event_types"])
        self.neighbours = int(card["graph_neighbours"])
        self.text_encoder: str | None = card.get("text_encoder")
        self.media: Mapping[str, Mapping[str, Any]] = card.get("media") or {}
        # A model that was trained before edges had a rule has none in its card.
        edges = card.get("edges")
        self._edges = EdgeRule() if edges is None else EdgeRule.from_dict(edges)
        rule = card.get("inference")
        self.inference = None if rule is None else InferenceRule.from_dict(rule)
        resemblance = card.get("resemblance")
        self.resemblance = None if resemblance is None else ResemblanceRule.from_dict(resemblance)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the model of a version's folder.

        Raises:
            ArtefactError: It is missing or not what its card says.
        """
        artefact = read_artefact(folder)
        try:
            return cls(artefact)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(
                "The model's card lacks something, or it is of another form.",
                field="card",
                value=str(error),
                remedy="Train again: interestgraph train.",
            ) from error

    @property
    def learnt(self) -> Collection[str]:
        """Ids of the items that behaviour has taught the model."""
        return self._item_rows.keys()

    @torch.inference_mode()
    def embed(
        self,
        item_ids: Sequence[str],
        content: Mapping[str, Float32],
        interest_ids: Sequence[str],
        about: sparse.csr_array,
        co_occurs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Float32],
    ) -> Embedded:
        """Embed a piece of the graph.

        Args:
            item_ids: Items [N].
            content: Their vectors of each modality [N, C_m] by name, rows of zeros where an item has none; a modality
                that is not given is missing for all.
            interest_ids: Interests [M].
            about: Weights, CSR [N, M].
            co_occurs: Source, target and scaled weight of each edge; an item hears the targets of its own edges.
        """
        source, target, weight = co_occurs
        graph = graph_tensors(
            id_index=np.array([self._item_rows.get(item_id, -1) for item_id in item_ids], dtype=np.int64),
            content=content,
            widths=self.modalities,
            about=about,
            interest_index=np.array([self._interest_rows.get(name, -1) for name in interest_ids], dtype=np.int64),
            co_occurs=(target, source, weight),
        ).to(self._device)
        nodes, attention = self._model.node_vectors(graph)
        vectors = nodes.float().cpu().numpy()
        heard = attention.float().cpu().numpy()
        edges, abouts = len(source), about.nnz
        return Embedded(
            items=vectors[: len(item_ids)],
            interests=vectors[len(item_ids) :],
            co_occurs_attention=heard[:edges],
            co_occurs_learned=learned_edges(
                self._model,
                nodes[: len(item_ids)].float(),
                source,
                target,
                weight,
                self._edges,
            ),
            about_attention=heard[edges : edges + abouts],
        )

    @torch.inference_mode()
    def encode_users(
        self,
        item_vectors: Float32,
        event_types: npt.NDArray[np.int64],
        mask: npt.NDArray[np.bool_],
        times: npt.NDArray[np.int64],
    ) -> Float32:
        """Encode users from the vectors of their histories.

        Args:
            item_vectors: [B, L, D], oldest first, the newest step last.
            event_types: Places in the vocabulary [B, L].
            mask: Which steps are real [B, L].
            times: Their times, epoch ms [B, L].

        Returns:
            User vectors float32 [B, D].
        """
        states = self._users(
            torch.from_numpy(np.ascontiguousarray(item_vectors, dtype=np.float32)).to(self._device),
            torch.from_numpy(event_types).to(self._device),
            torch.from_numpy(mask).to(self._device),
            torch.from_numpy(times).to(self._device),
        )
        vectors: Float32 = states.float().cpu().numpy()
        return vectors
