"""Accuracy on the demo's held-out last weeks: the model against popularity and counted co-occurrence, several seeds.

Reads the graph that `interestgraph demo` made. Its story buys something today, days after the newest purchase of the
data: events later than those that the active version learnt from are left out, or the last days would be empty. Prints
a table and writes benchmarks/accuracy/results/demo.json; `python -m benchmarks.tables` makes the page's table from it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.public import RESULTS
from engine.evaluation.run import versions
from engine.features.text import TextEncoder
from engine.graph.store import GraphStore
from engine.graph.versions import active_version
from engine.model.artefact import read_card
from engine.pipelines.dataset import read_dataset
from engine.pipelines.train import strengths_of
from engine.settings import load_settings
from engine.training.train import Metrics, train

METRICS = ("recall@10", "ndcg@10", "recall@20", "ndcg@20", "mrr", "coverage@10")


def main() -> None:
    """Train once a seed and report mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS / "demo.json")
    arguments = parser.parse_args()
    settings = load_settings()
    console = Console(highlight=False)
    with GraphStore.open(settings) as store:
        encoder = TextEncoder(settings.model.text_encoder, cache=settings.cache)
        data = read_dataset(store, settings, encode=encoder.encode)
        version = active_version(store)
    if version is None:
        raise SystemExit("No version is active: run `make demo` first.")
    last = read_card(settings.models_dir / version.id)["data"]["last_event_at"]
    table = data.interactions
    data = replace(data, interactions=table.keeping(table.times <= last))
    console.print(f"{len(table) - len(data.interactions)} events are later than what {version.id} learnt from")
    runs: list[dict[str, Any]] = []
    for seed in range(1, arguments.seeds + 1):
        own = load_settings(training={**settings.training.model_dump(), "seed": seed})
        with tempfile.TemporaryDirectory() as folder:
            trained = train(
                data,
                own,
                version=f"v{seed:014d}",
                strengths=strengths_of(data.event_types, own),
                checkpoints=Path(folder) / "checkpoints",
                models=Path(folder) / "models",
                report=lambda at: console.print(f"  epoch {at.epoch} NDCG@10 {at.ndcg:.4f}") if at.ndcg else None,
            )
        kept = ("epochs", "best_epoch", "train_seconds", "terms", "data")
        runs.append({"seed": seed, "metrics": trained.metrics, **{key: trained.card[key] for key in kept}})
    measured: list[Metrics] = [run["metrics"] for run in runs]
    used = {name: getattr(settings, name).model_dump(mode="json") for name in ("model", "training", "co_occurrence")}
    content = {"demo": runs, "settings": used, "versions": versions()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for protocol, title in (("discovery", "new items for the user"), ("next", "all items, repeats too")):
        console.print(_table(measured, protocol, title))


def _table(measured: list[Metrics], protocol: str, title: str) -> Table:
    table = Table(title=f"{title}, mean of {len(measured)} seeds (± standard deviation)", title_justify="left")
    table.add_column("ranking")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    for name in measured[0]:
        row = []
        for metric in METRICS:
            values = [run[name][protocol][metric] for run in measured]
            spread = f" ±{statistics.stdev(values):.4f}" if len(values) > 1 and name == "model" else ""
            row.append(f"{statistics.fmean(values):.4f}{spread}")
        table.add_row(name, *row)
    return table


if __name__ == "__main__":
    main()
