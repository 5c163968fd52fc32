"""A tiny model over the items of a graph: made in a moment, complete as an artefact, not trained."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.graph.store import GraphStore
from engine.graph.versions import create_version
from engine.model.artefact import write_artefact
from engine.model.recommender import Recommender, RecommenderConfig
from engine.pipelines.dataset import event_vocabulary, read_items
from engine.settings import Settings
from tests.support.model_folder import TERMS

DIM = 8


def make_tiny_version(
    store: GraphStore, settings: Settings, models_dir: Path, *, version: str = "v20260101000000", seed: int = 1
) -> str:
    """Write the artefact of a version and its node, in the state building.

    Args:
        store: The graph; its items and interests get learnt ids.
        settings: Registry of event types.
        models_dir: Folder of models of the workers.
        version: Id of the version.
        seed: Seed of the weights.
    """
    items = read_items(store, lambda stage, done, total: None).table
    vocabulary = event_vocabulary(settings)
    torch.manual_seed(seed)
    model = Recommender(
        RecommenderConfig(
            items=len(items),
            interests=len(items.interest_ids),
            content={},
            event_types=len(vocabulary),
            dim=DIM,
            layers=1,
            max_history=5,
        )
    )
    write_artefact(
        models_dir,
        version=version,
        model=model,
        item_ids=items.ids,
        interest_ids=items.interest_ids,
        card={"event_types": list(vocabulary), "text_encoder": None, "graph_neighbours": 4, "terms": TERMS},
    )
    return create_version(store, dim=DIM, model="tiny", version=version).id
