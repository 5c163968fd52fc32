"""The training loop: epochs, early stopping on validation, checkpoints, resuming."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from engine.errors import TrainingError
from engine.evaluation.protocols import rank
from engine.model.co_occurrence import CoOccurrenceTerm, OwnPairs
from engine.model.inferred_edges import ItemViews
from engine.model.recommender import GraphTensors, Recommender
from engine.settings import Settings
from engine.training.average import WeightAverage
from engine.training.batches import Batch, BatchSampler
from engine.training.checkpoint import CheckpointFolder, Progress
from engine.training.clock import Clock
from engine.training.data import Dataset, InteractionTable, Split
from engine.training.graph_stage import POSITIONS as GRAPH_POSITIONS
from engine.training.graph_stage import GraphGain, learn_graph
from engine.training.graphs import UnseenGraphs, count_settings, whole_graph
from engine.training.group import TrainingGroup
from engine.training.scoring import ModelScorer, popularity_share
from engine.training.start import Start, batch_positions_for, choose_start, shape_for, start_again, taught_ids
from engine.training.step import NEGATIVES, BatchLoss

_VALIDATION_USERS: Final = 5000
_CLIP_NORM: Final = 5.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the loop tells while it runs."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    ndcg: float | None
    best_ndcg: float | None
    seconds_left: float


class Trainer:
    """Trains one model on one split.

    Args:
        data: Items and behaviour.
        split: Train, validation and test.
        settings: Model, training and counting.
        strengths: Strength of each event type of the vocabulary.
        folder: Folder of checkpoints.
        report: Called after steps and epochs; it may raise to stop.
        start: How to start, where it was chosen before; it is chosen on validation when empty.
    """

    def __init__(
        self,
        data: Dataset,
        split: Split,
        settings: Settings,
        *,
        strengths: npt.NDArray[np.float64],
        folder: Path,
        report: Callable[[Report], None] | None = None,
        start: Start | None = None,
    ) -> None:
        self.data = data
        self.split = split
        self.settings = settings
        self.strengths = strengths
        self._report = report or (lambda _: None)
        training = settings.training
        torch.set_num_threads(training.threads)
        torch.manual_seed(training.seed)
        self.group = TrainingGroup.join()
        self.device = self.group.device
        self.counting = count_settings(settings)
        self._new_only = not settings.ranking.recommend_seen
        items = len(data.items)
        counted = CoOccurrenceTerm.count(split.train, items, self.counting)
        self.config = shape_for(data, split, settings)
        self.taught = taught_ids(split.train, self.config)
        self.model = Recommender(self.config)
        self.model.fusion.centre_on(data.items.modalities)
        self.graph_gain: GraphGain | None = None
        half_life_days = settings.ranking.popularity_half_life_days
        log_share = np.log(popularity_share(split.train, items, half_life_days)).astype(np.float32)
        views = ItemViews(data.items)
        wanted = settings.model.resembling and settings.model.counted_edges
        self.start = (
            choose_start(
                split,
                counted,
                self.config,
                log_share,
                views if wanted else None,
                seed=training.seed,
                limit=_VALIDATION_USERS,
            )
            if start is None
            else start_again(start, split.train, counted, self.config, seed=training.seed)
        )
        if (rule := self.start.resemblance) is not None:
            self.counting = replace(self.counting, added=rule.edges(views))
        self.term = counted.with_added(self.counting.added)
        self._earlier: str | None = None
        self.model.start_from(
            self.start.vectors,
            sets=self.start.sets,
            counted_weight=self.start.counted_weight,
            ids=settings.model.item_ids,
        )
        # Only who has no id hears the graph: where none is hidden, nothing of it would be learnt.
        self._hears = settings.model.graph_attention and self.config.id_dropout > 0
        self.model.leave_out(
            ids=not settings.model.item_ids,
            graph=not self._hears,
            counts=not settings.model.counted_edges,
            types=not settings.model.event_types,
        )
        self.model.graph.requires_grad_(False)  # it learns last
        self.model.to(self.device)
        if training.compile:
            self.model.encoder.compile(dynamic=True)
        self._log_share = torch.from_numpy(log_share).to(self.device)
        self.graph = whole_graph(data, self.term, settings.model.graph_neighbours).to(self.device)
        self._loss = BatchLoss(
            self.model,
            self.graph,
            OwnPairs(self.term, split.train, items, self.counting),
            split.train,
            self._log_share,
            full_softmax_limit=settings.model.full_softmax_limit,
            with_popularity=self.start.sets,
            # Where order tells what comes next, that an item was just taken tells too: it stays in the softmax.
            leave_known=self._new_only and self.start.sets,
            half=training.precision == "bfloat16",
        )
        self._shared_loss = self.group.shared(self._loss)
        decayed: list[torch.nn.Parameter] = []
        plain: list[torch.nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            if not parameter.requires_grad:
                continue
            (plain if "embedding" in name or parameter.dim() < 2 else decayed).append(parameter)
        self._optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": training.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=training.learning_rate,
            fused=True,
        )
        self._sampler = self._batch_sampler(training.batch_positions or batch_positions_for(split.train))
        self._average = WeightAverage(self.model, training.average_passes)
        self._checkpoints = CheckpointFolder(folder, self.fingerprint())

    def fingerprint(self) -> str:
        """Name the run by everything that decides its result."""
        table = self.split.train
        content = {
            "config": self.config.to_dict(),
            "training": self.settings.training.model_dump(exclude={"epochs", "max_seconds", "checkpoint_seconds"}),
            "counting": repr(self.counting),
            "state": {name: list(tensor.shape) for name, tensor in self.model.state_dict().items()},
            "start": [self.start.of, self.start.sets, self.start.counted_weight, repr(self.start.resemblance)],
            "parts": [self.settings.model.item_ids, self._hears, self.settings.model.counted_edges],
            "processes": self.group.size,
            "earlier": self._earlier,
            "new_only": not self.settings.ranking.recommend_seen,
            "events": hashlib.sha256(table.items.tobytes() + table.times.tobytes()).hexdigest(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def go_on_from(self, earlier: Trainer) -> None:
        """Begin with what an earlier run over the same catalogue has learnt, in place of the start."""
        self.model.load_state_dict(earlier.model.state_dict())
        with torch.no_grad():
            # What an untaught id says is only that it was never right: better that it says nothing.
            self.model.item_embedding.weight[torch.from_numpy(~earlier.taught).to(self.device)] = 0
        # The average has to begin here too, or it would keep a share of the start, and all of it before the first step.
        self._average = WeightAverage(self.model, self.settings.training.average_passes)
        weights = [tensor.cpu().numpy().tobytes() for tensor in self.model.state_dict().values()]
        self._earlier = hashlib.sha256(b"".join(weights)).hexdigest()
        self._checkpoints.fingerprint = self.fingerprint()

    def run_for(self, passes: int) -> None:
        """Train for so many passes and keep what stands then.

        Nothing is chosen, so no validation part is needed: for training on everything that is known, when the number
        of passes was chosen before.
        """
        clock, progress = Clock(), Progress()
        while progress.epoch < passes:
            self._epoch(progress, clock)
            progress.epoch, progress.step, progress.loss_total = progress.epoch + 1, 0, 0.0
        self._average.keep()
        if self._hears:
            self.graph_gain = self._learn_graph()

    def run(self) -> Progress:
        """Train until the validation no longer gains; leaves the best model in `model`.

        Raises:
            TrainingError: The loss is not finite.
        """
        training = self.settings.training
        progress = self._checkpoints.restore(self.model, self._optimizer, self._average)
        self.group.wait()  # none may find what another has written since
        clock = Clock(progress.seconds, progress.cpu_seconds) if progress else Clock()
        if progress is None:
            progress = Progress()
            if not self.start.sets or self._earlier:
                # Counted edges alone, or what was learnt before, are a good ranking: nothing worse is kept.
                progress.best_ndcg = self.validate()
                self._save(progress, best=True)
        progress.cpu_seconds_before = clock.cpu_seconds
        while self._passes_left(progress) > 0:
            seconds = self.group.told(progress.seconds)
            if training.max_seconds is not None and seconds >= training.max_seconds and progress.epoch:
                break
            loss = self.group.mean(self._epoch(progress, clock))
            with self._average.applied():
                ndcg = self.validate()
            progress.epoch, progress.step, progress.loss_total = progress.epoch + 1, 0, 0.0
            clock.tell(progress)
            better = ndcg > progress.best_ndcg
            if better:
                progress.best_ndcg, progress.best_epoch = ndcg, progress.epoch
            used = round(progress.cpu_seconds, 1)
            progress.history.append({"epoch": progress.epoch, "loss": loss, "ndcg@10": ndcg, "cpu_seconds": used})
            self._save(progress, best=better)
            left = self._seconds_left(progress)
            self._report(Report(progress.epoch, training.epochs, 1, 1, loss, ndcg, progress.best_ndcg, left))
        self.group.wait()
        self._checkpoints.load_best(self.model)
        if self._hears:
            self.graph_gain = self._learn_graph()
        clock.tell(progress)
        return progress

    def finish(self) -> None:
        """Remove the checkpoints, once the artefact is safe."""
        if self.group.first:
            self._checkpoints.remove()

    def _save(self, progress: Progress, *, best: bool) -> None:
        if self.group.first:
            self._checkpoints.save(progress, self.model, self._optimizer, self._average, best=best)

    def scorer(self, history: InteractionTable) -> ModelScorer:
        """Give the model's scores over a history; the split says whether edges are counted anew on it."""
        term, graph = self.term, self.graph
        # The train part's edges are counted already.
        if self.split.counts_history and len(history) != len(self.split.train):
            term = CoOccurrenceTerm.count(history, len(self.data.items), self.counting)
            graph = whole_graph(self.data, term, self.settings.model.graph_neighbours).to(self.device)
        return ModelScorer(
            self.model,
            self.item_vectors(graph),
            self.data,
            history,
            term,
            strengths=self.strengths,
            interest_half_life_days=self.settings.interests.half_life_days,
            popularity_half_life_days=self.settings.ranking.popularity_half_life_days,
            counted=history if self.split.counts_history else self.split.train,
        )

    def validate(self) -> float:
        """Measure NDCG@10 of new items on a sample of the validation users."""
        if not self.group.first:
            return self.group.told(0.0)
        scorer = self.scorer(self.split.validation.history)
        ranks = rank(scorer, self.split.validation, protocol="discovery", limit=_VALIDATION_USERS, with_lists=False)
        return self.group.told(ranks.summary().get("ndcg@10", 0.0))

    @torch.no_grad()
    def item_vectors(self, graph: GraphTensors, *, new: npt.NDArray[np.integer] | None = None) -> torch.Tensor:
        """Give the refined vectors of the items [I, D]; what no behaviour has taught an id goes without.

        Args:
            graph: The graph that is heard.
            new: Items that go without an id too, as those do that come after training.
        """
        self.model.eval()
        keep_id = self.taught.copy()
        keep_id[[] if new is None else new] = False
        nodes, _ = self.model.node_vectors(graph, keep_id=torch.from_numpy(keep_id).to(self.device))
        return nodes[: len(self.data.items)]

    def _epoch(self, progress: Progress, clock: Clock) -> float:
        # Everything random of an epoch follows from seed and epoch, so a resumed run repeats it exactly.
        training = self.settings.training
        epoch, first = progress.epoch, progress.step
        if first == 0:
            torch.manual_seed(training.seed * 100_003 + epoch + 1_009 * self.group.rank)
        self.model.train()
        batches = self.group.part(list(self._sampler(epoch)))
        started = saved = time.monotonic()
        for step in range(first, len(batches)):
            if step > first and time.monotonic() - saved > training.checkpoint_seconds:
                progress.step = step
                clock.tell(progress)
                self._save(progress, best=False)
                saved = time.monotonic()
            loss = self._step(batches[step], step, np.random.default_rng([training.seed, epoch, step]))
            self._average.update(len(batches))
            progress.loss_total += loss
            if step % 10 == 9:
                pace = (time.monotonic() - started) / (step + 1 - first)
                self._report(
                    Report(
                        epoch + 1,
                        training.epochs,
                        step + 1,
                        len(batches),
                        progress.loss_total / (step + 1),
                        None,
                        progress.best_ndcg if progress.best_ndcg >= 0 else None,
                        pace * (len(batches) - step - 1) + self._seconds_left(progress, pace * len(batches)),
                    )
                )
        return progress.loss_total / max(len(batches), 1)

    def _step(self, batch: Batch, step: int, rng: np.random.Generator) -> float:
        keep_id = torch.rand(self.config.items, device=self.device) >= self.config.id_dropout
        loss = self._shared_loss(batch, self._negatives(rng), keep_id)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                "The loss is not finite; the last good checkpoint is kept.",
                field="step",
                value=step,
                remedy="Lower INTERESTGRAPH_TRAINING__LEARNING_RATE.",
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP_NORM)
        self._optimizer.step()
        return value

    def _negatives(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        if self.config.items <= self.settings.model.full_softmax_limit:
            return np.zeros(0, dtype=np.int64)
        return rng.choice(self.config.items, size=min(NEGATIVES, self.config.items), replace=False)

    def _batch_sampler(self, positions: int, fold_of_user: npt.NDArray[np.int64] | None = None) -> BatchSampler:
        training = self.settings.training
        return BatchSampler(
            self.split.train,
            length=self.config.max_history,
            positions=positions,
            latest=self.term.latest,
            seed=training.seed,
            new_only=self._new_only,
            fold_of_user=fold_of_user,
        )

    def _learn_graph(self) -> GraphGain:
        """Learn graph attention, when everything else is learnt; every process of a group does the same."""
        seed = self.settings.training.seed
        torch.manual_seed(seed)
        unseen = UnseenGraphs(
            self.graph, self.split.train, self.counting, self.settings.model.graph_neighbours, seed=seed
        )
        return learn_graph(
            self._loss,
            unseen,
            self._batch_sampler(GRAPH_POSITIONS, unseen.fold_of_user),
            seed=seed,
            negatives=lambda step: self._negatives(np.random.default_rng([seed, 5, step])),
        )

    def _passes_left(self, progress: Progress) -> int:
        """Give the passes that may still come when none of them is better."""
        training = self.settings.training
        patience = self.start.patience(training.patience)
        patient_until = max(progress.best_epoch, self.start.first_passes) + patience
        return min(training.epochs, patient_until) - progress.epoch

    def _seconds_left(self, progress: Progress, epoch_seconds: float | None = None) -> float:
        """Guess by the epochs that patience still allows."""
        pace = epoch_seconds if epoch_seconds is not None else progress.seconds / max(progress.epoch, 1)
        most = self._passes_left(progress)
        left = pace * max(most - (1 if epoch_seconds is not None else 0), 0)
        most_seconds = self.settings.training.max_seconds
        if most_seconds is not None:
            left = min(left, max(most_seconds - progress.seconds, 0))
        return left
