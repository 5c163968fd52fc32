"""From a dataset to a measured artefact: split, train, fit the terms, test against the baselines, write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation import baselines
from engine.evaluation.protocols import PROTOCOLS, Scorer, evaluate
from engine.model.artefact import read_card, write_artefact
from engine.settings import Settings
from engine.training.data import Dataset, TimeSplit, split_by_time
from engine.training.loop import Report, Trainer, count_settings

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
    """Train a model, measure it, and write its artefact.

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
    begin = time.monotonic()
    split = split_by_time(
        data, validation_days=settings.training.validation_days, test_days=settings.training.test_days
    )
    trainer = Trainer(data, split, settings, strengths=strengths, folder=checkpoints, report=report)
    progress = trainer.run()
    tell("fits the terms of the score")
    fitted = trainer.scorer(split.validation.history)
    fitted.fit_terms(split.validation)
    tell("measures on the last days")
    scorer = trainer.scorer(split.test.history)
    scorer.parameters = fitted.parameters
    metrics = measure(scorer, data, split, settings)
    tell("writes the model")
    card = {
        "event_types": list(data.event_types),
        "text_encoder": settings.model.text_encoder if data.items.content is not None else None,
        "graph_neighbours": settings.model.graph_neighbours,
        "terms": fitted.parameters.to_dict(),
        "seed": settings.training.seed,
        "settings": {
            "model": settings.model.model_dump(),
            "training": settings.training.model_dump(),
            "co_occurrence": settings.co_occurrence.model_dump(),
        },
        "data": data_summary(data, split),
        "start": trainer.start,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "train_seconds": round(time.monotonic() - begin, 1),
        "validation_ndcg@10": progress.best_ndcg,
        "history": progress.history,
        "metrics": metrics,
        "fingerprint": trainer.fingerprint(),
    }
    folder = write_artefact(
        models,
        version=version,
        model=trainer.model,
        item_ids=data.items.ids,
        interest_ids=data.items.interest_ids,
        card=card,
    )
    trainer.finish()
    return Trained(folder, version, metrics, read_card(folder))


def measure(scorer: Scorer, data: Dataset, split: TimeSplit, settings: Settings) -> Metrics:
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


def data_summary(data: Dataset, split: TimeSplit) -> dict[str, Any]:
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
