"""What ranks without any training: the bar that a trained model has to clear, on the same files, split and metrics.

    python -m benchmarks.accuracy.untrained FOLDER …

Popularity, counted edges, the cosine of items over whole histories, EASE (Steck 2019,
https://arxiv.org/abs/1905.03375), the mean of the history over vectors of sets, and the model before its first step.
Shrinkage and regularisation are chosen on validation. Writes benchmarks/accuracy/results/untrained-<data>.json;
`python -m benchmarks.tables` makes the table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import Console

from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case
from engine.evaluation.protocols import Ranks, Scorer, rank
from engine.evaluation.run import versions
from engine.model.co_occurrence import set_start
from engine.training.data import InteractionTable, Targets, seen
from engine.training.graphs import count_settings
from engine.training.loop import Trainer
from engine.training.scoring import popularity_share

MOST_ITEMS: Final = 15_000
"""Rankings that need a number for each pair of items are left out above."""
RIDGES: Final = (100.0, 300.0, 1000.0, 3000.0)
SHRINKAGES: Final = (0.0, 10.0, 100.0)
_SEED: Final = 1
Float32 = npt.NDArray[np.float32]
Make = Callable[[Targets, InteractionTable], Scorer]
"""Makes a scorer from a window, which holds the known history, and the behaviour that is counted."""


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--set", nargs="*", default=[], help="settings, section.key=value")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    for folder in arguments.folders:
        case = read_case(folder, VARIANTS["ids"], arguments.set)
        found = measure(case, console)
        arguments.out.mkdir(parents=True, exist_ok=True)
        target = arguments.out / f"untrained-{case.data.name}.json"
        temporary = target.with_suffix(".part")
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        temporary.replace(target)
        console.print(f"written to {target}")


def measure(case: Case, console: Console) -> dict[str, Any]:
    """Measure every ranking; of one that has a choice the best on validation counts."""
    rankings: dict[str, Any] = {}
    for name, choices in _rankings(case).items():
        begin = time.monotonic()
        tried = {label: _ndcg(_ranks(case, case.split.validation, make)) for label, make in choices.items()}
        label = max(tried, key=lambda one: tried[one])
        ranks = _ranks(case, case.split.test, choices[label])
        values = ranks.by_user()
        rankings[name] = {
            "chosen": label,
            "valid_ndcg@10": tried,
            "test": ranks.summary(),
            "test_interval": {metric: interval(values[metric]) for metric in ("recall@10", "ndcg@10")},
            "seconds": round(time.monotonic() - begin, 1),
        }
        console.print(f"{case.data.name}, {name} {label}: valid {tried[label]:.4f}, test {_ndcg(ranks):.4f}")
    return {
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "seed": _SEED,
        "untrained": rankings,
        "versions": versions(),
    }


def _rankings(case: Case) -> dict[str, dict[str, Make]]:
    items, half_life_days = len(case.data.items), case.settings.ranking.popularity_half_life_days

    def popularity(_: Targets, counted: InteractionTable) -> Scorer:
        share = popularity_share(counted, items, half_life_days)
        return lambda users: np.broadcast_to(share, (len(users), items))

    def counted_edges(window: Targets, counted: InteractionTable) -> Scorer:
        return baselines.co_occurrence(counted, items, count_settings(case.settings), history=window.history)

    def mean_of_history(window: Targets, _: InteractionTable) -> Scorer:
        vectors = set_start(case.split.train, items, case.settings.model.dim, seed=_SEED)
        return baselines.mean_of_history(window.history, vectors, case.settings.model.max_history)

    with tempfile.TemporaryDirectory() as folder:
        settings = case.with_seed(_SEED)
        trainer = Trainer(case.data, case.split, settings, strengths=case.strengths, folder=Path(folder))

    def with_resemblance(window: Targets, counted: InteractionTable) -> Scorer:
        return baselines.co_occurrence(counted, items, trainer.counting, history=window.history)

    def before_training(window: Targets, _: InteractionTable) -> Scorer:
        return trainer.scorer(window.history)

    found: dict[str, dict[str, Make]] = {
        "popularity": {"": popularity},
        "counted edges": {"": counted_edges},
        "mean of the history": {"": mean_of_history},
        "the model before training": {"": before_training},
    }
    if (rule := trainer.start.resemblance) is not None:
        found["counted edges and resemblance"] = {f"{rule.view} at {rule.scale:g}": with_resemblance}
    if items <= MOST_ITEMS:
        found["cosine of items"] = {f"shrinkage {value:g}": _linear(case, cosine, value) for value in SHRINKAGES}
        found["EASE"] = {f"λ {value:g}": _linear(case, ease, value) for value in RIDGES}
    return found


def _linear(case: Case, weights: Callable[[Float32, float], Float32], value: float) -> Make:
    items = len(case.data.items)

    def make(window: Targets, counted: InteractionTable) -> Scorer:
        taken = seen(counted, np.arange(counted.users), items).astype(np.float32)
        both = weights(np.asarray((taken.T @ taken).toarray(), np.float32), value)
        return lambda users: np.asarray(seen(window.history, users, items).astype(np.float32) @ both)

    return make


def cosine(together: Float32, shrinkage: float) -> Float32:
    """Give the cosine of items with a shrunk denominator, 0 of an item with itself [I, I].

    Args:
        together: How many users took both, on the diagonal how many took the one [I, I].
        shrinkage: Added to the denominator.
    """
    taken = np.sqrt(np.diag(together))
    found = np.divide(
        together,
        np.outer(taken, taken) + shrinkage,
        out=np.zeros_like(together),
        where=together > 0,
    )
    np.fill_diagonal(found, 0)
    return found


def ease(together: Float32, ridge: float) -> Float32:
    """Give B = I − P · diag(1 / P_jj), P = (XᵀX + λI)⁻¹, 0 on the diagonal [I, I]: equation 8 of the paper.

    Args:
        together: XᵀX [I, I].
        ridge: λ.
    """
    inverse = np.linalg.inv(together + np.float32(ridge) * np.eye(len(together), dtype=np.float32))
    found: Float32 = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


def _ranks(case: Case, window: Targets, make: Make) -> Ranks:
    counted = window.history if case.split.counts_history else case.split.train
    return rank(make(window, counted), window, protocol="discovery")


def _ndcg(ranks: Ranks) -> float:
    return ranks.summary().get("ndcg@10", 0.0)


if __name__ == "__main__":
    main()
