"""Titles that tell: learnt with, written into the graph, served with a reason, also for an item that came just now."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event, now_ms
from engine.events.apply import apply_events
from engine.graph.entities import Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate
from engine.jobs import create_job, get_job
from engine.jobs.run import run_job
from engine.model.artefact import read_card
from engine.pipelines.handlers import handler
from engine.pipelines.train import train_from_graph
from engine.ranking.service import Recommender
from engine.settings import Settings, load_settings

# Generous: a loaded machine imports torch in a minute.
pytestmark = pytest.mark.timeout(900)
SERIES, PARTS, USERS = 40, 12, 160
DAYS = 40


@pytest.fixture
def settings(neo4j_server: Settings, tmp_path: Path) -> Settings:
    model = {"dim": 8, "layers": 1}
    return load_settings(home=tmp_path, cache=tmp_path / "cache", model=model, training={"epochs": 1, "threads": 1})


@pytest.fixture
def shop(store: GraphStore, settings: Settings) -> GraphStore:
    """Series of twelve parts, the title names the series; each user buys six of one: too few to count the pairs."""
    chance = random.Random(4)
    names = [(series, part) for series in range(SERIES) for part in range(PARTS)]
    upsert_items(store, [Item(item_id(*name), title=f"series{name[0]} part{name[1]}") for name in names])
    now = now_ms()
    events = []
    for user in range(USERS):
        series = chance.randrange(SERIES)
        for step, part in enumerate(chance.sample(range(PARTS), 6)):
            at = now - DAYS * MS_PER_DAY + step * (DAYS - 1) * MS_PER_DAY // 5 + user
            events.append(Event(f"e{user}-{step}", "purchase", f"u{user:03}", item_id(series, part), at))
    apply_events(store, events, settings=settings, mark_unfolded=False)
    rebuild(store, settings)
    return store


def item_id(series: int, part: int) -> str:
    return f"s{series:02}p{part:02}"


def reembed(store: GraphStore, settings: Settings, version: str, selection: str) -> int:
    job = create_job(store, "reembed", {"version": version, "selection": selection})
    run_job(store, settings, job.id, handler(job.kind, settings, lambda job: None))
    result = get_job(store, job.id).result
    assert result is not None
    return int(result["resembling"])


def values(store: GraphStore, text: str, **parameters: str) -> list[str]:
    found = store.read_transaction(lambda tx: tx.run_text(text, **parameters).values())
    return [value for [value] in found]


def test_what_resembles_is_learnt_with_and_served(shop: GraphStore, settings: Settings, tmp_path: Path) -> None:
    trained = train_from_graph(shop, settings, checkpoints=tmp_path / "checkpoints")
    card = read_card(trained.folder)
    assert "words" in card["resemblance"]["view"]
    assert card["terms"]["resemblance_scale"] == card["resemblance"]["scale"] > 0
    metrics = {name: values["discovery"]["ndcg@10"] for name, values in trained.metrics.items()}
    assert metrics["model"] > 1.1 * metrics["co_occurrence"]
    assert reembed(shop, settings, trained.version, "all") > SERIES * PARTS
    activate(shop, trained.version)

    bought = set(values(shop, "MATCH (:User {id: $id})-[:INTERACTED]->(i) RETURN i.id", id="u007"))
    [series] = {name[:3] for name in bought}
    recommender = Recommender(shop, settings)
    found = recommender.recommend("u007", 12, explain=True, diversity=0)
    rest = [item for item in found.items if item.item_id.startswith(series)]
    assert len(rest) == PARTS - len(bought)
    steps = [step for item in rest for term in item.terms for step in term.path or () if "source" in step]
    # Parts that nobody bought have inferred edges too; where those are the stronger, the reason says so.
    similarities = [step["similarity"] for step in steps if step["source"] == "resembles"]
    assert similarities and all(0 < similarity <= 1 for similarity in similarities)

    upsert_items(shop, [Item("new", title=f"series{int(series[1:])} part99")])
    assert reembed(shop, settings, trained.version, "dirty") > 0
    recommender.refresh()
    assert "new" in [item.item_id for item in recommender.recommend("u007", 12, diversity=0).items]
