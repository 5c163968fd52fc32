"""Items that resemble each other, as serving knows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.forgetting.items import forget_item
from engine.graph.entities import Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.ranking.refresher import Refresher
from engine.ranking.service import parameters_for
from engine.settings import Settings
from tests.support.model_folder import TERMS, write_model
from tests.support.resembling import PAIRS, RULE, SERVED, Pair, edges, few, resemble
from tests.support.resembling import graph as graph
from tests.support.resembling import settings as settings


def served(store: GraphStore, refresher: Refresher) -> dict[Pair, float]:
    refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    ids = snapshot.catalogue.ids
    rows = {place: snapshot.resembling.row(place) for place in range(len(ids)) if snapshot.catalogue.alive[place]}
    return {
        (ids[place], ids[target]): float(similarity)
        for place, (targets, similarities) in rows.items()
        for target, similarity in zip(targets, similarities, strict=True)
        if snapshot.catalogue.alive[target]
    }


def test_serving_follows_what_is_written(graph: GraphStore, settings: Settings) -> None:
    refresher = Refresher(graph, settings)
    assert served(graph, refresher) == {}
    upsert_items(graph, [Item(f"other {number:02}", title=f"thing{number // 2}") for number in range(40)])
    resemble(graph, settings)
    for _ in range(2):
        assert served(graph, refresher) == {
            pair: pytest.approx(edge["similarity"], abs=1e-6) for pair, edge in edges(graph).items()
        }
        # Served from the rows written since, beside those read before.
        upsert_items(graph, [Item("chair", title="Red chair"), Item("cup", title="Cup")])
        few(graph, settings, RULE, "chair", "cup")
        forget_item(graph, settings, "other 07")
    assert set(edges(graph)) - PAIRS >= {("chair", "red"), ("red", "chair")}


def test_they_count_only_for_who_has_learnt_with_them(graph: GraphStore, settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"home": tmp_path})
    terms = {**TERMS, "resemblance_scale": 0.5}
    version = SERVED
    write_model(settings.models_dir, version, 2, terms=terms, resemblance={"basis": RULE.basis})
    create_version(graph, dim=2, model="tiny", version=version)
    write_vectors(graph, "Item", ["pot"], np.ones((1, 2), np.float32), fence=Fence(version))
    mark_ready(graph, version)
    activate(graph, version)
    refresher = Refresher(graph, settings)

    def scale() -> float:
        refresher.refresh()
        assert refresher.snapshot is not None and refresher.snapshot.version == version
        return parameters_for(refresher.snapshot, settings.ranking, newcomer=False).resemblance_scale

    assert scale() == 0
    resemble(graph, settings)
    assert scale() == 0.5
    resemble(graph, settings, replace(RULE, neighbours=1))
    assert scale() == 0
