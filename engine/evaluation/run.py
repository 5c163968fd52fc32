"""Evaluation of a case over seeds: train, write the artefact, measure what was written.

What is finished is kept, so that a killed evaluation goes on where it was.
"""

from __future__ import annotations

import json
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from engine.errors import InvalidInputError
from engine.evaluation.baselines import popularity_counts
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case
from engine.evaluation.edges import rank_edges
from engine.evaluation.protocols import Ranks, rank
from engine.model.artefact import read_artefact
from engine.model.learned_edges import EdgeRule, learned_edges
from engine.training.graphs import strongest_edges
from engine.training.group import TrainingGroup
from engine.training.loop import Report, Trainer
from engine.training.scoring import ModelScorer, TermParameters
from engine.training.train import fit, save

Result = dict[str, Any]
HISTORY_LENGTHS: Final = ((1, 4), (5, 9), (10, 19), (20, 49), (50, None))
_PACKAGES: Final = ("torch", "numpy", "scipy", "torch-geometric")


def evaluate_seeds(
    case: Case,
    seeds: Sequence[int],
    *,
    folder: Path,
    report: Callable[[int, Report], None] | None = None,
    say: Callable[[int, str], None] | None = None,
    done: Callable[[Result], None] | None = None,
) -> Result:
    """Evaluate one seed after the other.

    Args:
        case: Data, split and settings.
        seeds: Seeds.
        folder: Folder of unfinished work; emptied at the end.
        report: Told the seed and where its training stands; it may raise to stop.
        say: Told the seed and what begins.
        done: Told the result of each seed.

    Returns:
        The result of the one seed, or `runs` with the result of each and `summary` with mean, spread (standard
        deviation over seeds) and a bootstrap interval over users of the mean over seeds.

    Raises:
        InvalidInputError: A seed is no whole number, or there is none.
        TrainingError: The data are too few, or the loss is not finite.
    """
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InvalidInputError(
                "A seed must be a whole number, not negative.", field="seed", value=seed, remedy="Give 1, 2, 3."
            )
    if not seeds:
        raise InvalidInputError("There is no seed.", field="seeds", value=0, remedy="Give at least one.")
    own = folder / case.fingerprint()
    runs: list[Result] = []
    by_user: list[dict[str, npt.NDArray[np.float64]]] = []
    for seed in seeds:
        kept = _read(own, seed)
        if kept is None:
            kept = _evaluate(
                case,
                seed,
                own,
                report=None if report is None else partial(report, seed),
                say=None if say is None else partial(say, seed),
            )
            if TrainingGroup.join().first:
                _write(own, seed, *kept)
        runs.append(kept[0])
        by_user.append(kept[1])
        if done is not None:
            done(kept[0])
    found = runs[0] if len(runs) == 1 else _together(case, runs, by_user)
    group = TrainingGroup.join()
    group.wait()
    if group.first:
        shutil.rmtree(own, ignore_errors=True)
    return found


def _evaluate(
    case: Case,
    seed: int,
    folder: Path,
    *,
    report: Callable[[Report], None] | None,
    say: Callable[[str], None] | None,
) -> tuple[Result, dict[str, npt.NDArray[np.float64]]]:
    tell = say or (lambda _: None)
    cpu = time.process_time()
    fitted = fit(
        case.data,
        case.split,
        case.with_seed(seed),
        strengths=case.strengths,
        checkpoints=folder / f"checkpoints-{seed}",
        report=report,
        say=say,
    )
    cpu = time.process_time() - cpu
    tell("writes the model")
    group = fitted.trainer.group
    models = folder / (f"models-{group.rank}" if group.rank else "models")
    artefact = read_artefact(save(fitted, models, version=f"v{seed:014d}", metrics={}))
    # What is measured is what was written.
    fitted.trainer.model.load_state_dict(artefact.model.state_dict())
    parameters = TermParameters.of_card(artefact.card["terms"])
    counts = popularity_counts(case.split.train, len(case.data.items))
    tell("measures on validation")
    valid_scorer = fitted.trainer.scorer(case.split.validation.history)
    valid_scorer.parameters = parameters
    valid = rank(valid_scorer, case.split.validation, protocol="discovery")
    tell("measures on test")
    scorer = fitted.trainer.scorer(case.split.test.history)
    scorer.parameters = parameters
    test = rank(scorer, case.split.test, protocol="discovery")
    by_user = test.by_user()
    result: Result = {
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "seed": seed,
        "epochs": fitted.progress.epoch,
        "best_epoch": fitted.progress.best_epoch,
        "train_seconds": round(fitted.seconds, 1),
        "train_cpu_seconds": round(cpu + fitted.progress.cpu_seconds_before, 1),
        "peak_memory_mb": _peak_memory_mb(),
        "valid": valid.summary(counts),
        "test": test.summary(counts),
        "test_interval": {name: interval(values) for name, values in by_user.items()},
        "test_by_history_length": _by_history_length(case, test),
        "users_whose_target_was_known": len(case.split.test.users) - len(test),
        "terms": _terms(case, scorer, tell, counts),
        "edges": _edges(case, fitted.trainer, EdgeRule.from_dict(artefact.card["edges"])),
        "edge_rule": artefact.card["edges"],
        "term_parameters": parameters.to_dict(),
        "fusion_weights": fitted.fusion_weights(),
        "start": artefact.card["start"],
        "resemblance": artefact.card["resemblance"],
        "graph_gain": artefact.card["graph_gain"],
        "model": artefact.card["model"],
        "history": fitted.progress.history,
        "versions": versions(),
    }
    if case.split_name == "by time":
        result["test_with_repeats"] = rank(scorer, case.split.test, protocol="next").summary(counts)
    fitted.trainer.finish()
    return result, by_user


@torch.no_grad()
def _edges(case: Case, trainer: Trainer, rule: EdgeRule) -> Result:
    """Measure what is written back of each item's strongest edges: the count, graph attention, the learnt weight."""
    source, target, weight = strongest_edges(trainer.term, case.settings.model.graph_neighbours)
    nodes, attention = trainer.model.eval().node_vectors(
        trainer.graph, keep_id=torch.from_numpy(trainer.taught).to(trainer.device)
    )
    learned = learned_edges(trainer.model, nodes[: len(case.data.items)], source, target, weight, rule)
    weights = {"count": weight, "attention": attention[: len(source)].float().cpu().numpy(), "learned": learned}
    return rank_edges(case.split.test, source, target, weights, baseline="count")


def _terms(
    case: Case, scorer: ModelScorer, tell: Callable[[str], None], counts: npt.NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Measure each term of the score alone; a term that is the same for all items says nothing and is left out."""
    names = ["sequence", "co_occurrence", "popularity"]
    if len(case.data.items.interest_ids):
        names.append("interests")
    found = {}
    for name in names:
        tell(f"measures the term {name}")
        found[name] = rank(scorer.alone(name), case.split.test, protocol="discovery").summary(counts)
    return found


def _by_history_length(case: Case, ranks: Ranks) -> dict[str, dict[str, float]]:
    lengths = np.diff(case.split.test.history.offsets)[ranks.users]
    found: dict[str, dict[str, float]] = {}
    for low, high in HISTORY_LENGTHS:
        chosen = (lengths >= low) & (lengths <= (high or np.inf))
        if chosen.any():
            part = ranks.of(chosen)
            found[f"{low}-{high}" if high else f"{low}+"] = {
                "users": float(len(part)),
                **{name: float(values.mean()) for name, values in part.by_user().items()},
            }
    return found


def _together(case: Case, runs: Sequence[Result], by_user: Sequence[dict[str, npt.NDArray[np.float64]]]) -> Result:
    summary: dict[str, dict[str, dict[str, float | tuple[float, float]]]] = {}
    for part in ("valid", "test"):
        summary[part] = {}
        for name in runs[0][part]:
            values = np.array([run[part][name] for run in runs])
            summary[part][name] = {"mean": float(values.mean()), "spread": float(values.std(ddof=1))}
    for name in by_user[0]:
        over_seeds = np.mean([each[name] for each in by_user], axis=0)
        summary["test"][name]["interval"] = interval(over_seeds)
    return {
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "seeds": [run["seed"] for run in runs],
        "train_seconds": round(float(np.mean([run["train_seconds"] for run in runs])), 1),
        "summary": summary,
        "runs": list(runs),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Give the versions that made a result, by package."""
    return {
        "interestgraph": metadata.version("interestgraph"),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _peak_memory_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _write(folder: Path, seed: int, result: Result, by_user: dict[str, npt.NDArray[np.float64]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"seed-{seed}.npz", **by_user)  # type: ignore[arg-type]
    temporary = folder / f".seed-{seed}.json"
    temporary.write_text(json.dumps(result), encoding="utf-8")
    temporary.replace(folder / f"seed-{seed}.json")


def _read(folder: Path, seed: int) -> tuple[Result, dict[str, npt.NDArray[np.float64]]] | None:
    """Give a finished seed, where there is one of this version of the code."""
    try:
        result: Result = json.loads((folder / f"seed-{seed}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"seed-{seed}.npz", allow_pickle=False) as arrays:
            by_user = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError):
        return None
    return (result, by_user) if result.get("versions") == versions() else None
