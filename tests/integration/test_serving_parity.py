"""What is served is what was measured: the scores of training and of serving are the same numbers."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event, now_ms
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.model.artefact import read_artefact
from engine.model.co_occurrence import START_DEVIATION, CoOccurrenceTerm
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import ResemblanceRule
from engine.pipelines.dataset import read_dataset
from engine.pipelines.resemblance import resemble_in_graph
from engine.pipelines.train import strengths_of
from engine.ranking.service import Recommender
from engine.settings import Settings
from engine.training.graphs import count_settings
from engine.training.scoring import ModelScorer, TermParameters
from tests.support.tiny_model import DIM, make_tiny_version

PARAMETERS = TermParameters(
    co_occurrence_scale=0.6,
    co_occurrence_epsilon=0.01,
    gamma=0.7,
    latest=10,
    interests_scale=0.4,
    interests_epsilon=1e-3,
    popularity_scale=0.3,
)
RESEMBLANCE = ResemblanceRule("words", 0.5, 29)
WORDS = ["red", "old", "tall", "oak", "tin", "lamp", "pot", "chair", "rug"]


def test_training_and_serving_score_alike(store: GraphStore, neo4j_server: Settings, tmp_path: Path) -> None:
    settings = neo4j_server.model_copy(update={"home": tmp_path})
    chance = random.Random(3)
    names = [f"i{number:02}" for number in range(30)]
    upsert_items(
        store,
        [
            Item(
                name,
                title=" ".join(chance.sample(WORDS, 3)),
                about=[About("category", f"c{number % 4}", 2.0), About("brand", f"b{number % 7}")],
            )
            for number, name in enumerate(names)
        ],
    )
    now = now_ms()
    events = [
        Event(
            f"e{user}-{step}", "purchase", f"u{user:02}", chance.choice(names), now - chance.randrange(90 * MS_PER_DAY)
        )
        for user in range(12)
        for step in range(user + 1)
    ]
    apply_events(store, events, settings=settings)
    rebuild(store, settings)

    version = make_tiny_version(store, settings, settings.models_dir)
    card_path = settings.models_dir / version / "card.json"
    terms = {**PARAMETERS.to_dict(), "resemblance_scale": RESEMBLANCE.scale}
    card_path.write_text(
        json.dumps({**json.loads(card_path.read_text()), "terms": terms, "resemblance": RESEMBLANCE.to_dict()})
    )
    data = read_dataset(store, settings)
    # As long as trained ones: longer ones make logits so large that float32 rounds them by more than is allowed below.
    vectors = np.random.default_rng(4).normal(scale=START_DEVIATION, size=(len(names), DIM)).astype(np.float32)
    write_vectors(store, "Item", list(data.items.ids), vectors, fence=Fence(version=version))
    assert resemble_in_graph(store, settings, RESEMBLANCE, fence=Fence(version=version)) > len(names)
    mark_ready(store, version)
    activate(store, version)

    table = data.interactions
    counting = replace(count_settings(settings), added=RESEMBLANCE.edges(ItemViews(data.items)))
    term = CoOccurrenceTerm.count(table, len(names), counting)
    scorer = ModelScorer(
        read_artefact(settings.models_dir / version).model,
        torch.from_numpy(vectors),
        data,
        table,
        term,
        strengths=strengths_of(data.event_types, settings),
        interest_half_life_days=settings.interests.half_life_days,
        popularity_half_life_days=settings.ranking.popularity_half_life_days,
    )
    scorer.parameters = PARAMETERS
    measured = scorer(np.arange(table.users))

    recommender = Recommender(store, settings)
    index = {name: place for place, name in enumerate(data.items.ids)}
    for place, user in enumerate(table.user_ids):
        found = recommender.recommend(user, len(names), recommend_seen=True, diversity=0)
        assert found.version == version
        assert len(found.items) == len(names)
        served = np.zeros(len(names))
        for item in found.items:
            served[index[item.item_id]] = item.score
        # Serving leaves out offsets that are the same for every item.
        difference = served - measured[place]
        assert difference == pytest.approx(np.full(len(names), difference[0]), abs=2e-4), user
        assert found.items[0].item_id == data.items.ids[int(measured[place].argmax())]
