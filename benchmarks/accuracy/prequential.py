"""Test each event, then learn from it: five arms over the last fifth of a shop's events.

    python -m benchmarks.accuracy.prequential FOLDER [--train] [--blocks 4] [--events 4000]

A folder holds events.csv.gz, and may hold items.csv.gz. Without `--train` the engine's counted edges stand for the
model: nothing is learnt but counts. With it a model is trained on the first four fifths; after each block one arm
trains it on for one pass, and another trains a new one. Writes
benchmarks/accuracy/results/prequential-<data>[-trained].json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console

from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case
from engine.evaluation.prequential import Stream, last_days, rank_block
from engine.evaluation.protocols import Ranks, Scorer
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.training.data import InteractionTable, leave_one_out
from engine.training.inferred_scale import model_scorer
from engine.training.loop import Trainer, count_settings
from engine.training.scoring import TermParameters

SHARE: Final = 0.2
METRICS: Final = ("recall@10", "recall@20", "ndcg@10", "mrr")
FROZEN: Final = "frozen user state"
RECOMPUTED: Final = "state recomputed at each event"
COUNTED: Final = "+ edges counted anew after each block"
CONTINUED: Final = "+ continued training after each block"
RETRAINED: Final = "+ full retraining after each block"
POPULAR: Final = "popularity of the last 7 days"
Make = Callable[[InteractionTable], Scorer]
State = dict[str, torch.Tensor]


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", action="store_true", help="train a model, train it on, and train it anew")
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--events", type=int, default=4000, help="events measured at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], help="settings, section.key=value")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    # Counting reads no titles.
    case = read_case(arguments.folder, VARIANTS["default" if arguments.train else "ids"], arguments.set)
    found = measure(case, arguments.blocks, arguments.events, arguments.seed, arguments.train, console)
    name = f"prequential-{case.data.name}{'-trained' if arguments.train else ''}.json"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / name).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {arguments.out / name}")


def measure(case: Case, blocks: int, events: int, seed: int, train: bool, console: Console) -> dict[str, Any]:
    """Run every arm over the blocks."""
    stream = Stream.of(case.data.interactions)
    learner = _Learner(case, seed)
    size = len(case.data.items)
    ranks: dict[str, list[Ranks]] = {}
    seconds: dict[str, float] = {}
    first: InteractionTable | None = None
    makers: dict[str, Make] = {}
    state: State | None = None
    for number, block in enumerate(stream.blocks(SHARE, blocks, most=events, seed=seed)):
        if first is None:
            first = block.before
            begin = time.monotonic()
            if train:
                start, state = learner.train(first, None)
            else:
                start = learner.count(first)
            console.print(f"learnt the beginning, {time.monotonic() - begin:.0f} s")
            names = (FROZEN, RECOMPUTED, *((CONTINUED, RETRAINED) if train else (COUNTED,)))
            makers = dict.fromkeys(names, start)
        else:
            for name in (CONTINUED, RETRAINED, COUNTED):
                if name in makers:
                    begin = time.monotonic()
                    if name == COUNTED:
                        makers[name] = learner.count(block.before)
                    elif name == CONTINUED:
                        makers[name], state = learner.train(block.before, state)
                    else:
                        makers[name], _ = learner.train(block.before, None)
                    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - begin
        for name, make in makers.items():
            found = rank_block(stream, block, make, frozen=first if name == FROZEN else None)
            ranks.setdefault(name, []).append(found)
        ranks.setdefault(POPULAR, []).append(rank_block(stream, block, _always(last_days(stream, block, size, 7))))
        console.print(f"block {number + 1}: {len(block.measured)} events measured")
    arms = {name: _summary(stream, parts, seconds.get(name, 0.0)) for name, parts in ranks.items()}
    for name, arm in arms.items():
        console.print(f"{name:45} R@10 {arm['recall@10']:.4f}  MRR {arm['mrr']:.4f}  {arm['seconds']:.0f} s")
    return {
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "seed": seed,
        "blocks": blocks,
        "trained": train,
        "measured": int(sum(len(part) for part in ranks[POPULAR])),
        "arms": arms,
    }


class _Learner:
    """Makes scorers from what is known at a time."""

    def __init__(self, case: Case, seed: int) -> None:
        self._case, self._seed = case, seed
        self._counting = count_settings(case.settings)

    def count(self, table: InteractionTable) -> Make:
        """Count edges; ties and users without a history go to the more popular item."""
        size = len(self._case.data.items)
        term = CoOccurrenceTerm.count(table, size, self._counting)
        tie = baselines.popularity_counts(table, size)
        tie = 1e-6 * tie / max(tie.max(), 1)
        return lambda history: (
            lambda rows: np.asarray(term.counts(baselines.latest_items(history, rows, term.latest)).toarray() + tie)
        )

    def train(self, table: InteractionTable, state: State | None) -> tuple[Make, State]:
        """Train a model, from a state for one pass or from the start, and count edges of everything known."""
        data = replace(self._case.data, interactions=table)
        settings = self._case.with_seed(self._seed)
        if state is not None:
            training = settings.training.model_copy(update={"epochs": 1, "average_passes": 0})
            settings = settings.model_copy(update={"training": training})
        with tempfile.TemporaryDirectory() as folder:
            split = leave_one_out(data)
            trainer = Trainer(data, split, settings, strengths=self._case.strengths, folder=Path(folder))
            if state is not None:
                trainer.model.load_state_dict(state)
            trainer.run()
        learnt = {name: tensor.detach().clone() for name, tensor in trainer.model.state_dict().items()}
        fitted = trainer.scorer(split.validation.history)
        fitted.fit_terms(split.validation)
        parameters: TermParameters = fitted.parameters
        term = CoOccurrenceTerm.count(table, len(data.items), self._counting)
        return (lambda history: model_scorer(trainer, parameters, history, term)), learnt


def _always(scorer: Scorer) -> Make:
    """Give the same scorer, whatever the history."""
    return lambda history: scorer


def _summary(stream: Stream, parts: list[Ranks], seconds: float) -> dict[str, Any]:
    by_event: dict[str, Any] = {
        name: np.concatenate([part.by_user()[name] for part in parts if len(part)]) for name in METRICS
    }
    found: dict[str, Any] = {name: float(values.mean()) for name, values in by_event.items()}
    found["recall@10_interval"] = interval(by_event["recall@10"])
    found["recall@10_by_block"] = [float(part.by_user()["recall@10"].mean()) if len(part) else None for part in parts]
    found["seconds"] = round(seconds, 1)
    return found


if __name__ == "__main__":
    main()
