"""From the graph to a measured model: read, encode texts and media, train, write the artefact, name its version."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain import now_ms
from engine.features.text import TextEncoder
from engine.graph.store import GraphStore
from engine.graph.versions import create_version, new_version_id
from engine.interests.signals import full_strength
from engine.jobs.job import Job, create_job
from engine.jobs.parameters import JobKind, RetrainParameters
from engine.jobs.run import JobRun
from engine.pipelines.dataset import read_dataset
from engine.pipelines.media import MediaReader
from engine.settings import Settings
from engine.training.loop import Report
from engine.training.train import Trained, train

Stage = Callable[[str, int, int], None]
"""Told what goes on, what is done and of how much; 0 where not known."""


def train_from_graph(
    store: GraphStore,
    settings: Settings,
    *,
    checkpoints: Path,
    version: str | None = None,
    stage: Stage | None = None,
    report: Callable[[Report], None] | None = None,
) -> Trained:
    """Train a model on the graph and make its embedding version, in the state building.

    A killed run goes on from its last checkpoint when settings and data are the same.

    Args:
        store: The graph.
        settings: Everything.
        checkpoints: Folder of this run's checkpoints.
        version: Id of the version; made of the present time where none is given.
        stage: Told before and while data are read, and texts and media are encoded.
        report: Told while the model trains; it may raise to stop.

    Raises:
        SettingsError: A folder or file of media that the settings need is not there.
        TrainingError: The graph has too little to learn from, or the loss is not finite.
    """
    tell = stage or (lambda what, done, total: None)
    encoder = TextEncoder(settings.model.text_encoder, cache=settings.cache)

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return encoder.encode(texts, progress=lambda done, total: tell("encodes texts", done, total))

    data = read_dataset(store, settings, encode=encode, media=MediaReader.of_settings(settings), progress=tell)
    trained = train(
        data,
        settings,
        version=version or new_version_id(now_ms()),
        strengths=strengths_of(data.event_types, settings),
        checkpoints=checkpoints,
        models=settings.models_dir,
        report=report,
        say=lambda what: tell(what, 0, 0),
    )
    create_version(
        store,
        dim=int(trained.card["dim"]),
        model=str(trained.card["fingerprint"])[:16],
        metrics=trained.metrics,
        version=trained.version,
    )
    return trained


def strengths_of(event_types: Sequence[str], settings: Settings) -> npt.NDArray[np.float64]:
    """Give the strength of each type of the vocabulary at its most; unknown has none."""
    known = settings.events.types
    found = [full_strength(name, settings.events) if name in known else 0.0 for name in event_types]
    return np.array(found, dtype=np.float64)


def run_retrain(run: JobRun, settings: Settings, announce: Callable[[Job], None]) -> Mapping[str, Any]:
    """Train a new version, as a job, and make the job that embeds the graph with it."""
    params = RetrainParameters.model_validate(run.job.params)
    overrides = params.training.model_dump(exclude_none=True)
    own = settings.model_copy(update={"training": settings.training.model_copy(update=overrides)})
    standing: dict[str, str] = json.loads(run.cursor) if run.cursor else {}
    if "version" not in standing:
        standing["version"] = new_version_id(now_ms())
        run.advance(json.dumps(standing), version=standing["version"])

    def stage(what: str, done: int, total: int) -> None:
        run.report(done, total, what)
        run.check()

    def report(at: Report) -> None:
        done = (at.epoch - 1) * at.steps + at.step if at.ndcg is None else at.epoch
        total = at.epochs * at.steps if at.ndcg is None else at.epochs
        run.report(done, total, f"epoch {at.epoch}, loss {at.loss:.3f}, {at.seconds_left:.0f} s left")
        run.check()

    trained = train_from_graph(
        run.store,
        own,
        checkpoints=settings.home / "checkpoints" / run.job.id,
        version=standing["version"],
        stage=stage,
        report=report,
    )
    result: dict[str, Any] = {"version": trained.version, "ndcg@10": trained.metrics["model"]["discovery"]["ndcg@10"]}
    for name, entry in trained.card["media"].items():
        result[f"{name}_vectors"], result[f"{name}_refused"] = entry["items"], entry["refused"]
        if examples := entry.get("refused_examples"):
            result[f"{name}_refused_examples"] = examples
    if params.embed:
        job = create_job(
            run.store,
            JobKind.REEMBED,
            {"selection": "all", "version": trained.version, "activate": params.activate},
        )
        announce(job)
        result["job_id"] = job.id
    return result
