"""From a dataset to a measured artefact: split, train, fit the terms, test against the baselines, write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation import baselines
from engine.evaluation.protocols import PROTOCOLS, Scorer, evaluate
from engine.model.artefact import read_card, write_artefact
from engine.model.inferred_edges import InferenceRule, ItemViews
from engine.model.learned_edges import EdgeRule
from engine.model.resemblance import ResemblanceRule
from engine.settings import Settings
from engine.training.checkpoint import Progress
from engine.training.data import Dataset, Split, Targets, split_by_time
from engine.training.edge_rule import fit_edge_rule
from engine.training.graphs import count_settings
from engine.training.inferred_scale import rule_for_model
from engine.training.loop import Report, Trainer
from engine.training.scoring import ModelScorer, TermParameters
from engine.training.term_scales import fit_scales

Metrics = dict[str, dict[str, dict[str, float]]]
"""Scorer, protocol, metric: value."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave.

    Attributes:
        folder: Folder of the artefact.
        version: Its embedding version.
        metrics: The model and the baselines on the test window.
        card: As written.
    """

    folder: Path
    version: str
    metrics: Metrics
    card: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that has been trained, and the weights of its terms chosen on validation.

    Attributes:
        trainer: It holds the model.
        progress: How the training went.
        parameters: Weights of the terms.
        edges: How the weights of edges that are written back follow model and count.
        seconds: Seconds that training and choosing took, resumed parts included.
        inference: How edges of items without behaviour are inferred; none where nothing is.
    """

    trainer: Trainer
    progress: Progress
    parameters: TermParameters
    edges: EdgeRule
    seconds: float
    inference: InferenceRule | None = None

    def scorer(self, targets: Targets) -> ModelScorer:
        """Give the whole score for a held-out window."""
        scorer = self.trainer.scorer(targets.history)
        scorer.parameters = self.parameters
        return scorer

    def fusion_weights(self) -> dict[str, float]:
        """Give the attention of each modality, the mean of the items that have the most of them."""
        graph = self.trainer.graph
        return self.trainer.model.fusion.mean_weights(graph.content, graph.present)


def fit(
    data: Dataset,
    split: Split,
    settings: Settings,
    *,
    strengths: npt.NDArray[np.float64],
    checkpoints: Path,
    report: Callable[[Report], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Fitted:
    """Train a model on a split and choose the weights of its terms on the validation part.

    Args:
        data: Items with content, and behaviour.
        split: Train, validation and test; the test is not looked at.
        settings: Everything.
        strengths: Strength of each event type of the vocabulary.
        checkpoints: Folder of checkpoints; a killed run goes on from there.
        report: Told after steps and epochs.
        say: Told what begins.

    Raises:
        TrainingError: The data are too few, or the loss is not finite.
    """
    begin = time.monotonic()
    trainer = Trainer(data, split, settings, strengths=strengths, folder=checkpoints, report=report)
    start = time.monotonic() - begin
    progress = trainer.run()
    if say is not None:
        say("fits the terms of the score")
    begin = time.monotonic()
    scorer = trainer.scorer(split.validation.history)
    scorer.parameters = fit_scales(scorer, split.validation)
    edges = fit_edge_rule(trainer)
    return Fitted(trainer, progress, scorer.parameters, edges, start + progress.seconds + time.monotonic() - begin)


def save(fitted: Fitted, models: Path, *, version: str, metrics: Metrics) -> Path:
    """Write the artefact of a fitted model and give its folder.

    Args:
        fitted: The model.
        models: Folder of artefacts.
        version: Id of the embedding version.
        metrics: What the card says of its quality.
    """
    trainer, progress = fitted.trainer, fitted.progress
    data, settings = trainer.data, trainer.settings
    resemblance = _with_encoders(trainer.start.resemblance, data, settings)
    card = {
        "event_types": list(data.event_types),
        "text_encoder": settings.model.text_encoder if data.items.content is not None else None,
        "media": {name: dict(source) for name, source in data.items.media_sources.items()},
        "fusion_weights": fitted.fusion_weights(),
        "graph_neighbours": settings.model.graph_neighbours,
        "terms": {
            **fitted.parameters.to_dict(),
            "inferred_scale": 1.0 if fitted.inference is None else fitted.inference.scale,
            "resemblance_scale": 0.0 if resemblance is None else resemblance.scale,
        },
        "edges": fitted.edges.to_dict(),
        "resemblance": None if resemblance is None else resemblance.to_dict(),
        "inference": None if fitted.inference is None else fitted.inference.to_dict(),
        "seed": settings.training.seed,
        "settings": {
            "model": settings.model.model_dump(mode="json"),
            "training": settings.training.model_dump(),
            "co_occurrence": settings.co_occurrence.model_dump(),
        },
        "data": data_summary(data, trainer.split),
        "start": {
            "of": trainer.start.of,
            "sets": trainer.start.sets,
            "counted_weight": trainer.start.counted_weight,
            "ndcg@10": trainer.start.ndcg,
        },
        "graph_gain": None if trainer.graph_gain is None else asdict(trainer.graph_gain),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "train_seconds": round(fitted.seconds, 1),
        "validation_ndcg@10": progress.best_ndcg,
        "history": progress.history,
        "metrics": metrics,
        "fingerprint": trainer.fingerprint(),
    }
    return write_artefact(
        models,
        version=version,
        model=trainer.model,
        item_ids=[name if taught else None for name, taught in zip(data.items.ids, trainer.taught, strict=True)],
        interest_ids=data.items.interest_ids,
        card=card,
    )


def train(
    data: Dataset,
    settings: Settings,
    *,
    version: str,
    strengths: npt.NDArray[np.float64],
    checkpoints: Path,
    models: Path,
    report: Callable[[Report], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Trained:
    """Train a model, measure it on the last days, and write its artefact.

    Args:
        data: Items with content, and behaviour.
        settings: Everything.
        version: Id of the embedding version.
        strengths: Strength of each event type of the vocabulary.
        checkpoints: Folder of checkpoints; a killed run goes on from there.
        models: Folder of artefacts.
        report: Told after steps and epochs.
        say: Told what begins.

    Raises:
        TrainingError: The data are too few, or the loss is not finite.
    """
    tell = say or (lambda _: None)
    split = split_by_time(
        data, validation_days=settings.training.validation_days, test_days=settings.training.test_days
    )
    fitted = fit(data, split, settings, strengths=strengths, checkpoints=checkpoints, report=report, say=say)
    tell("chooses how edges of new items are inferred")
    rule = rule_for_model(fitted.trainer, fitted.parameters, ItemViews(data.items))
    fitted = replace(fitted, inference=rule)
    tell("measures on the last days")
    metrics = measure(fitted.scorer(split.test), data, split, settings)
    tell("writes the model")
    folder = save(fitted, models, version=version, metrics=metrics)
    fitted.trainer.finish()
    return Trained(folder, version, metrics, read_card(folder))


def measure(scorer: Scorer, data: Dataset, split: Split, settings: Settings) -> Metrics:
    """Measure a model and the baselines on the test window, each protocol; all know the same history."""
    items = len(data.items)
    history = split.test.history
    counts = baselines.popularity_counts(history, items)
    scorers: dict[str, Scorer] = {
        "model": scorer,
        "co_occurrence": baselines.co_occurrence(history, items, count_settings(settings)),
        "popularity": baselines.popularity(history, items),
        "popularity_7_days": baselines.popularity(history, items, days=7),
    }
    return {
        name: {protocol: evaluate(each, split.test, protocol=protocol, popularity=counts) for protocol in PROTOCOLS}
        for name, each in scorers.items()
    }


def _with_encoders(rule: ResemblanceRule | None, data: Dataset, settings: Settings) -> ResemblanceRule | None:
    """Name what made the vectors that a rule compares items by."""
    if rule is None:
        return None
    made_by = {
        "content": settings.model.text_encoder,
        **{name: dict(by) for name, by in data.items.media_sources.items()},
    }
    compared = {name: made_by[name] for name in rule.view.split("+") if name in made_by}
    return replace(rule, encoders=json.dumps(compared, sort_keys=True) if compared else "")


def data_summary(data: Dataset, split: Split) -> dict[str, Any]:
    """Give what the card says of the data."""
    return {
        "name": data.name,
        "users": data.interactions.users,
        "items": len(data.items),
        "interests": len(data.items.interest_ids),
        "events": len(data.interactions),
        "train_events": len(split.train),
        "first_event_at": int(data.interactions.times.min()),
        "last_event_at": int(data.interactions.times.max()),
        "validation_start": split.validation.start,
        "test_start": split.test.start,
    }
