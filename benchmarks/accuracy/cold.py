"""Items and users never met: accuracy with a tenth of both held out of training.

    python -m benchmarks.accuracy.cold FOLDER [--seed 1] [--train]

Writes benchmarks/accuracy/results/cold-<data>-seed-<seed>.json; `python -m benchmarks.tables` makes the table.
Without `--train` only what needs no training is measured: counted edges with and without inferred ones, content alone,
popularity and random.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table
from scipy import sparse

from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case
from engine.evaluation.cold import KNOWN_EVENTS, Held, Part, content_only, hold_out, random_scores
from engine.evaluation.protocols import Scorer, rank
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import InferenceRule, ItemViews, infer_edges, with_behaviour
from engine.model.resemblance import ResemblanceRule
from engine.training.data import InteractionTable
from engine.training.graphs import count_settings
from engine.training.inference import choose_rule
from engine.training.inferred_scale import model_scorer, rule_for_model
from engine.training.loop import Trainer
from engine.training.resemblance import choose_resemblance
from engine.training.train import Fitted, fit

SHARE: Final = 0.1
METRICS: Final = ("recall@10", "recall@20", "ndcg@10")
Scorers = dict[str, Scorer]


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train", action="store_true", help="train the model on what is left, and measure it too")
    parser.add_argument("--set", nargs="*", default=[], help="settings, section.key=value")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    case = read_case(arguments.folder, VARIANTS["default"], arguments.set)
    found = measure(case, arguments.seed, with_model=arguments.train, console=console)
    arguments.out.mkdir(parents=True, exist_ok=True)
    target = arguments.out / f"cold-{case.data.name}-seed-{arguments.seed}.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {target}")


def measure(case: Case, seed: int, *, with_model: bool, console: Console) -> dict[str, Any]:
    """Hold out, learn, measure every ranking on every part."""
    held = hold_out(case.data, item_share=SHARE, user_share=SHARE, seed=seed)
    views = ItemViews(case.data.items)
    counting = count_settings(case.settings)
    begin = time.monotonic()
    rule = choose_rule(held.split.validation.history, held.split.validation, views, counting, seed=seed)
    rule_seconds = time.monotonic() - begin
    console.print(f"rule, {rule_seconds:.0f} s: {rule}")
    size = len(case.data.items)
    counted = CoOccurrenceTerm.count(held.split.train, size, counting).weights
    new = np.setdiff1d(np.arange(size), with_behaviour(counted))
    edges: sparse.csr_array | None = None
    if rule is not None:
        inferred = infer_edges(counted, views, new, rule)
        edges = inferred.matrix(size)
        console.print(f"{len(inferred)} edges to {len(new)} items, certainty {inferred.certainty.mean():.3f}")
    resemblance = _resemblance(held, views, CoOccurrenceTerm(counted))
    console.print(f"resemblance: {resemblance}")
    alike = None if resemblance is None else (counted + resemblance.edges(views)).tocsr()
    fitted = _fit(case, held, seed, console) if with_model else None
    own: InferenceRule | None = None
    own_edges: sparse.csr_array | None = None
    own_seconds = 0.0
    if fitted is not None:
        begin = time.monotonic()
        own = rule_for_model(fitted.trainer, fitted.parameters, views)
        own_seconds = time.monotonic() - begin
        console.print(f"rule of the model, {own_seconds:.0f} s: {own}")
    if own is not None:
        own_edges = own.scale * infer_edges(counted, views, new, own).matrix(size)
    parts = [held.test(cold=True), held.test(cold=False), *(held.newcomers(events) for events in KNOWN_EVENTS)]
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for part in parts:
        scorers = _scorers(case, held, part, views, counted, alike, edges, fitted, own, own_edges, seed)
        results[part.name] = {name: _measured(scorer, part) for name, scorer in scorers.items()}
        console.print(_table(part, results[part.name]))
    return {
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "seed": seed,
        "items_held_out": int(held.items.sum()),
        "users_held_out": int(held.users.sum()),
        "rule": None if rule is None else rule.to_dict(),
        "rule_seconds": round(rule_seconds, 1),
        "resemblance": _plain(resemblance),
        "model_resemblance": _plain(None if fitted is None else fitted.trainer.start.resemblance),
        "model_rule": None if own is None else own.to_dict(),
        "model_rule_seconds": round(own_seconds, 1),
        "train_seconds": None if fitted is None else round(fitted.seconds, 1),
        "parts": results,
    }


def _scorers(
    case: Case,
    held: Held,
    part: Part,
    views: ItemViews,
    counted: sparse.csr_array,
    alike: sparse.csr_array | None,
    edges: sparse.csr_array | None,
    fitted: Fitted | None,
    own: InferenceRule | None,
    own_edges: sparse.csr_array | None,
    seed: int,
) -> Scorers:
    train, history = held.split.train, part.targets.history
    size = len(case.data.items)
    found: Scorers = {
        "random": random_scores(size, seed),
        "popularity": baselines.popularity(train, size),
        **{f"content: {view}": content_only(views, view, history) for view in views.names if "+" not in view},
        "counted edges": _counted(counted, history, train),
    }
    if alike is not None:
        found["counted edges and resemblance"] = _counted(alike, history, train)
    if edges is not None:
        found["counted and inferred edges"] = _counted((counted + edges).tocsr(), history, train)
    # Without any event known there is nothing to encode: what is popular stands in, as in serving.
    if fitted is not None and len(history):
        trainer, parameters = fitted.trainer, fitted.parameters
        plain = CoOccurrenceTerm(counted, trainer.counting.added)
        found["model"] = model_scorer(trainer, parameters, history, plain)
        new = np.setdiff1d(np.arange(size), with_behaviour(counted))
        for name, vectors in {
            "by content and interests": _unheard(trainer, new),
            "hear the graph": trainer.item_vectors(trainer.graph, new=new),
        }.items():
            found[f"model, new items {name}"] = model_scorer(trainer, parameters, history, plain, vectors=vectors)
        if own_edges is not None and own is not None:
            found["model, new items with vectors by the rule"] = model_scorer(
                trainer, parameters, history, plain, (views, own)
            )
            found["the same and inferred edges"] = model_scorer(
                trainer, parameters, history, plain, (views, own), added=own_edges
            )
    return found


def _plain(rule: ResemblanceRule | None) -> dict[str, Any] | None:
    return None if rule is None else rule.to_dict()


def _resemblance(held: Held, views: ItemViews, term: CoOccurrenceTerm) -> ResemblanceRule | None:
    """Choose on validation by counted edges alone, as a training does where order leads."""
    history = held.split.validation.history

    def scorer_of(edges: CoOccurrenceTerm) -> Scorer:
        return lambda users: np.asarray(edges.counts(baselines.latest_items(history, users, edges.latest)).toarray())

    return choose_resemblance(views, term, held.split.validation, scorer_of, limit=5000)[0]


@torch.no_grad()
def _unheard(trainer: Trainer, new: npt.NDArray[np.integer]) -> torch.Tensor:
    """Give the vectors of the items before the graph refines them [I, D], those of new items without an id."""
    trainer.model.eval()
    keep_id = torch.ones(len(trainer.data.items), dtype=torch.bool, device=trainer.device)
    keep_id[torch.from_numpy(new).to(trainer.device)] = False
    return trainer.model.base_vectors(trainer.graph, keep_id=keep_id)[: len(trainer.data.items)]


def _counted(weights: sparse.csr_array, history: InteractionTable, train: InteractionTable) -> Scorer:
    term = CoOccurrenceTerm(weights)
    tie = baselines.popularity_counts(train, weights.shape[0])
    tie = 1e-6 * tie / max(tie.max(), 1)

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        return np.asarray(term.counts(baselines.latest_items(history, users, term.latest)).toarray() + tie)

    return scores


def _fit(case: Case, held: Held, seed: int, console: Console) -> Fitted:
    return fit(
        case.data,
        held.split,
        case.with_seed(seed),
        strengths=case.strengths,
        checkpoints=case.settings.home / "evaluations" / f"cold-{case.data.name}-{seed}",
        report=lambda at: console.print(f"  epoch {at.epoch} NDCG@10 {at.ndcg:.4f}") if at.ndcg is not None else None,
    )


def _measured(scorer: Scorer, part: Part) -> dict[str, Any]:
    ranks = rank(scorer, part.targets, protocol="discovery", with_lists=False)
    by_user = ranks.by_user()
    found: dict[str, Any] = {name: float(by_user[name].mean()) for name in METRICS}
    found["recall@10_interval"] = interval(by_user["recall@10"])
    found["users"] = len(ranks)
    return found


def _table(part: Part, results: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=part.name, title_justify="left")
    for name in ("ranking", "users", *METRICS):
        table.add_column(name, justify="left" if name == "ranking" else "right")
    for name, values in results.items():
        table.add_row(name, str(values["users"]), *(f"{values[metric]:.4f}" for metric in METRICS))
    return table


if __name__ == "__main__":
    main()
