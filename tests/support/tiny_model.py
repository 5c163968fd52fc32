"""A tiny model over the items of a graph: made in a moment, complete as an artefact, not trained."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
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
    files = _artefact(version, tuple(items.ids), tuple(items.interest_ids), tuple(event_vocabulary(settings)), seed)
    target = models_dir / version
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return create_version(store, dim=DIM, model="tiny", version=version).id


@cache
def _artefact(
    version: str, item_ids: Sequence[str], interest_ids: Sequence[str], vocabulary: Sequence[str], seed: int
) -> dict[str, bytes]:
    """Give the files of an artefact by name; made once, as the export of an encoder takes seconds."""
    torch.manual_seed(seed)
    model = Recommender(
        RecommenderConfig(
            items=len(item_ids),
            interests=len(interest_ids),
            content={},
            event_types=len(vocabulary),
            dim=DIM,
            layers=1,
            max_history=5,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        written = write_artefact(
            Path(folder),
            version=version,
            model=model,
            item_ids=item_ids,
            interest_ids=interest_ids,
            card={"event_types": list(vocabulary), "text_encoder": None, "graph_neighbours": 4, "terms": TERMS},
        )
        return {path.name: path.read_bytes() for path in written.iterdir()}
