"""Test each event, then learn from it: five arms over the last fifth of a shop's events.

    python -m benchmarks.accuracy.prequential FOLDER [--train] [--blocks 4] [--events 4000]

A folder holds events.csv.gz, and may hold items.csv.gz. Without `--train` the engine's counted edges stand for the
model: nothing is learnt but counts. With it a model is trained on the first four fifths: the number of passes, the
start and the weights of the terms are chosen on the last tenth of them, asked as the stream will ask, and then a model
learns from all of them. After each block one arm trains the present model on for one pass over everything known, new
events included, and another trains a new one. Writes benchmarks/accuracy/results/prequential-<data>[-trained].json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from scipy import sparse

from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case
from engine.evaluation.prequential import Stream, hold_out, last_days, rank_block
from engine.evaluation.protocols import Ranks, Scorer
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.training.data import InteractionTable, Split, Targets
from engine.training.graphs import count_settings
from engine.training.inferred_scale import model_scorer
from engine.training.loop import Report, Trainer
from engine.training.scoring import TermParameters
from engine.training.start import Start
from engine.training.term_scales import fit_scales

SHARE: Final = 0.2
VALIDATION_SHARE: Final = 0.1
VALIDATION_EVENTS: Final = 3000
METRICS: Final = ("recall@10", "recall@20", "ndcg@10", "mrr")
FROZEN: Final = "frozen user state"
RECOMPUTED: Final = "state recomputed at each event"
COUNTED: Final = "+ edges counted anew after each block"
CONTINUED: Final = "+ continued training after each block"
RETRAINED: Final = "+ full retraining after each block"
POPULAR: Final = "popularity of the last 7 days"
Make = Callable[[InteractionTable], Scorer]


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
    learner = Learner(case, seed)
    size = len(case.data.items)
    ranks: dict[str, list[Ranks]] = {}
    seconds: dict[str, float] = {}
    first: InteractionTable | None = None
    makers: dict[str, Make] = {}
    chosen: Choice | None = None
    present: Trainer | None = None
    for number, block in enumerate(stream.blocks(SHARE, blocks, most=events, seed=seed)):
        if first is None:
            first = block.before
            begin = time.monotonic()
            if train:
                chosen = learner.choose(first, lambda at: _say(console, at))
                console.print(f"chosen: {chosen.describe()}")
                present = learner.train(first, chosen)
                start = learner.scorers(present, chosen)
            else:
                start = learner.count(first)
            console.print(f"learnt the beginning, {time.monotonic() - begin:.0f} s")
            names = (FROZEN, RECOMPUTED, *((CONTINUED, RETRAINED) if train else (COUNTED,)))
            makers = dict.fromkeys(names, start)
        else:
            for name in (CONTINUED, RETRAINED, COUNTED):
                if name in makers:
                    begin = time.monotonic()
                    if chosen is None:
                        makers[name] = learner.count(block.before)
                    elif name == CONTINUED:
                        present = learner.train(block.before, chosen, earlier=present)
                        makers[name] = learner.scorers(present, chosen)
                    else:
                        makers[name] = learner.scorers(learner.train(block.before, chosen), chosen)
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
        "chosen": None if chosen is None else chosen.describe(),
        "measured": int(sum(len(part) for part in ranks[POPULAR])),
        "arms": arms,
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation has chosen before the stream begins; it holds for every training.

    Attributes:
        start: How to start.
        passes: Passes; none where nothing learnt ranks better than counted edges.
        id_dropout: Share of the ids that are hidden.
        learnt: Weights of the terms as training left them.
        fitted: The same, fitted on validation.
        ndcg: NDCG@10 on validation.
    """

    start: Start
    passes: int
    id_dropout: float
    learnt: TermParameters
    fitted: TermParameters
    ndcg: float

    def weights(self, learnt: TermParameters) -> TermParameters:
        """Give another training's weights, changed as those of the validated one were."""
        factor = self.fitted.co_occurrence_scale / self.learnt.co_occurrence_scale
        more = self.fitted.popularity_scale - self.learnt.popularity_scale
        return replace(
            learnt,
            co_occurrence_scale=learnt.co_occurrence_scale * factor,
            interests_scale=self.fitted.interests_scale,
            popularity_scale=max(learnt.popularity_scale + more, 0.0),
        )

    def describe(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "passes": self.passes,
            "start": self.start.of,
            "sets": self.start.sets,
            "id_dropout": self.id_dropout,
            "validation_ndcg@10": {**self.start.ndcg, "model": self.ndcg},
            "terms_learnt": self.learnt.to_dict(),
            "terms_fitted": self.fitted.to_dict(),
        }


class Learner:
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

    def choose(self, table: InteractionTable, report: Callable[[Report], None] | None = None) -> Choice:
        """Hold out the last tenth of what is known, train until it is no longer ranked better, fit the weights."""
        size = len(self._case.data.items)
        split = hold_out(table, size, share=VALIDATION_SHARE, most=VALIDATION_EVENTS, seed=self._seed)
        with tempfile.TemporaryDirectory() as folder:
            trainer = self._trainer(table, split, folder, report=report)
            progress = trainer.run()
        scorer = trainer.scorer(split.validation.history)
        return Choice(
            trainer.start,
            progress.best_epoch,
            trainer.config.id_dropout,
            scorer.parameters,
            fit_scales(scorer, split.validation),
            progress.best_ndcg,
        )

    def train(self, table: InteractionTable, chosen: Choice, earlier: Trainer | None = None) -> Trainer:
        """Train on all that is known, nothing held out.

        Args:
            table: What is known.
            chosen: What validation has chosen.
            earlier: Where given, go on from its weights, for one pass; else as many passes as were chosen.
        """
        none = sparse.csr_array((0, len(self._case.data.items)), dtype=bool)
        nobody = Targets(table, np.zeros(0, dtype=np.int32), none, start=0)
        split = Split(table, nobody, nobody, counts_history=False)
        with tempfile.TemporaryDirectory() as folder:
            trainer = self._trainer(table, split, folder, chosen=chosen)
            if earlier is not None:
                trainer.go_on_from(earlier)
            trainer.run_for(chosen.passes if earlier is None else 1)
        return trainer

    def scorers(self, trainer: Trainer, chosen: Choice) -> Make:
        """Make scorers of histories from a model and the edges and popularity of what it has learnt from."""
        known = trainer.split.train
        vectors = trainer.item_vectors(trainer.graph)
        parameters = chosen.weights(trainer.scorer(known).parameters)
        return lambda history: model_scorer(trainer, parameters, history, trainer.term, vectors=vectors, counted=known)

    def _trainer(
        self,
        table: InteractionTable,
        split: Split,
        folder: str,
        *,
        chosen: Choice | None = None,
        report: Callable[[Report], None] | None = None,
    ) -> Trainer:
        settings = self._case.with_seed(self._seed)
        if chosen is not None:
            model = settings.model.model_copy(update={"id_dropout": chosen.id_dropout})
            settings = settings.model_copy(update={"model": model})
        return Trainer(
            replace(self._case.data, interactions=table),
            split,
            settings,
            strengths=self._case.strengths,
            folder=Path(folder),
            report=report,
            start=None if chosen is None else chosen.start,
        )


def _say(console: Console, at: Report) -> None:
    if at.ndcg is not None:
        console.print(f"  pass {at.epoch} loss {at.loss:.3f} valid NDCG@10 {at.ndcg:.4f} best {at.best_ndcg:.4f}")


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
